//! `ensure!` for the end-to-end tests. A macro by example sees a condition as one piece; this one takes it apart, so that a
//! failure says which half of an `&&` was not so, and what stood on the left of a `==`.

mod text;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{BinOp, Expr, ExprBinary, ExprMethodCall, Token, UnOp};

/// A condition, and what is told beside it: the arguments of `format!`.
struct Ensure {
    condition: Expr,
    detail: TokenStream,
}

impl Parse for Ensure {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let condition = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        let detail = input.parse()?;
        Ok(Self { condition, detail })
    }
}

/// Returns a `test_e2e::Failure` from the function around it where the condition does not hold. It tells the condition, its
/// place, what came in its stead, and below that the message, whose arguments are those of `format!`.
///
/// Both sides of a comparison are evaluated once, and shown where they are `Debug`.
#[proc_macro]
pub fn ensure(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let Ensure { condition, detail } = match syn::parse(input) {
        Ok(ensure) => ensure,
        Err(error) => return error.into_compile_error().into(),
    };
    let detail = if detail.is_empty() {
        quote!(::core::option::Option::None)
    } else {
        quote!(::core::option::Option::Some(::std::format!(#detail)))
    };
    let checks = checks(&condition, &detail);
    quote!({ #checks }).into()
}

fn checks(condition: &Expr, detail: &TokenStream) -> TokenStream {
    match condition {
        Expr::Paren(inner) => checks(&inner.expr, detail),
        Expr::Group(inner) => checks(&inner.expr, detail),
        Expr::Binary(both) if matches!(both.op, BinOp::And(_)) => {
            let (left, right) = (checks(&both.left, detail), checks(&both.right, detail));
            quote!(#left #right)
        }
        Expr::Binary(both) if compares(both.op) => comparison(both, detail),
        Expr::MethodCall(call) if only_looks(call) => question(call, condition, detail, false),
        Expr::Unary(not) if matches!(not.op, UnOp::Not(_)) => match &*not.expr {
            Expr::MethodCall(call) if only_looks(call) => question(call, condition, detail, true),
            _ => plain(condition, detail),
        },
        _ => plain(condition, detail),
    }
}

fn compares(op: BinOp) -> bool {
    use BinOp::{Eq, Ge, Gt, Le, Lt, Ne};
    matches!(op, Eq(_) | Ne(_) | Lt(_) | Le(_) | Gt(_) | Ge(_))
}

fn comparison(both: &ExprBinary, detail: &TokenStream) -> TokenStream {
    let ExprBinary {
        left, op, right, ..
    } = both;
    let what = text::of(quote!(#both));
    // A literal stands in the condition already.
    let literal = matches!(**right, Expr::Lit(_));
    let other = if literal {
        quote!(::core::option::Option::None)
    } else {
        quote!(::test_e2e::shown!(right))
    };
    quote! {
        match (&(#left), &(#right)) {
            (left, right) => if !(*left #op *right) {
                return ::core::result::Result::Err(::test_e2e::Failure::unmet(
                    #what, ::test_e2e::shown!(left), #other, #detail,
                ));
            }
        }
    }
}

/// Methods that take their receiver by reference, in the standard library and in all that tests look at.
fn only_looks(call: &ExprMethodCall) -> bool {
    const LOOKS: [&str; 9] = [
        "contains",
        "contains_key",
        "starts_with",
        "ends_with",
        "is_empty",
        "is_some",
        "is_none",
        "is_ok",
        "is_err",
    ];
    LOOKS.iter().any(|name| call.method == name)
}

fn question(call: &ExprMethodCall, whole: &Expr, detail: &TokenStream, not: bool) -> TokenStream {
    let ExprMethodCall {
        receiver,
        method,
        turbofish,
        args,
        ..
    } = call;
    let what = text::of(quote!(#whole));
    let asked = quote!(receiver.#method #turbofish (#args));
    let unmet = if not { asked } else { quote!(!#asked) };
    quote! {
        match &(#receiver) {
            receiver => if #unmet {
                return ::core::result::Result::Err(::test_e2e::Failure::unmet(
                    #what, ::test_e2e::shown!(receiver), ::core::option::Option::None, #detail,
                ));
            }
        }
    }
}

fn plain(condition: &Expr, detail: &TokenStream) -> TokenStream {
    let what = text::of(quote!(#condition));
    let none = quote!(::core::option::Option::None);
    quote! {
        if !(#condition) {
            return ::core::result::Result::Err(::test_e2e::Failure::unmet(#what, #none, #none, #detail));
        }
    }
}
