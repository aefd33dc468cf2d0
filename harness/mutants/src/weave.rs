//! Many mutants in one source, each behind a switch, so that one build serves them all.

use crate::mutant::Mutant;
use anyhow::Context;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A source with mutants in it.
#[derive(Debug)]
pub struct Woven {
    /// The source.
    pub text: String,
    /// Where each mutant is.
    pub places: Vec<Place>,
}

/// Where a mutant is in the woven text, in bytes.
#[derive(Debug)]
pub struct Place {
    /// Its number.
    pub number: usize,
    /// Its own words.
    pub fault: Range<usize>,
    /// What it may run in place of: the code as it is, with its faults.
    pub whole: Range<usize>,
}

/// What can be run in one way or the other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    range: Range<usize>,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// An expression that needs brackets around what stands for it.
    Value,
    /// One that ends in `}` and may stand as a statement.
    Braces,
    /// A function's body.
    Body,
}

/// Puts them in. One without a place, such as one within a macro's words, is left out.
///
/// # Errors
/// When the text is no Rust, or another one than that of the list.
pub fn weave(text: &str, mutants: &[(usize, &Mutant)]) -> anyhow::Result<Woven> {
    let mut parts = Parts::default();
    parts.visit_file(&syn::parse_file(text).context("read a source")?);
    let mut groups: Vec<Group> = Vec::new();
    for (number, mutant) in mutants {
        let span = mutant.range(text)?;
        let around = |it: &&Part| it.range.start <= span.start && span.end <= it.range.end;
        let smallest = parts
            .0
            .iter()
            .filter(around)
            .min_by_key(|it| it.range.len());
        let Some(part) = smallest else { continue };
        let fault = [
            &text[part.range.start..span.start],
            &mutant.replacement,
            &text[span.end..part.range.end],
        ]
        .concat();
        match groups.iter_mut().find(|it| it.part == *part) {
            Some(group) => group.faults.push((*number, fault)),
            None => groups.push(Group {
                part: part.clone(),
                faults: vec![(*number, fault)],
            }),
        }
    }
    groups.sort_by_key(|it| (it.part.range.start, usize::MAX - it.part.range.end));
    let mut woven = Woven {
        text: String::new(),
        places: Vec::new(),
    };
    woven.write(text, 0..text.len(), &groups);
    Ok(woven)
}

/// Where a crate's first item begins: behind what is said of the whole crate.
///
/// # Errors
/// When the text is no Rust.
pub fn first_item(text: &str) -> anyhow::Result<usize> {
    let file = syn::parse_file(text).context("read a source")?;
    let first = file.items.first().map(|it| it.span().byte_range().start);
    Ok(first.unwrap_or(text.len()))
}

/// A part and its faults.
#[derive(Debug)]
struct Group {
    part: Part,
    faults: Vec<(usize, String)>,
}

impl Woven {
    /// Writes this range of the text with these groups in it, which stand in order, an outer one before what it holds.
    fn write(&mut self, text: &str, range: Range<usize>, groups: &[Group]) {
        let (mut at, mut groups) = (range.start, groups);
        while let Some((group, rest)) = groups.split_first() {
            let part = &group.part;
            let held = rest
                .iter()
                .take_while(|it| it.part.range.end <= part.range.end);
            let (held, after) = rest.split_at(held.count());
            self.text.push_str(&text[at..part.range.start]);
            let begin = self.text.len();
            self.text.push_str(match part.form {
                Form::Value => "(",
                Form::Braces => "",
                Form::Body => "{ ",
            });
            let first = self.places.len();
            for (number, fault) in &group.faults {
                self.text.push_str(&format!("if __mutant!({number}) {{ "));
                let from = self.text.len();
                self.text.push_str(fault);
                self.places.push(Place {
                    number: *number,
                    fault: from..self.text.len(),
                    whole: begin..begin,
                });
                self.text.push_str(" } else ");
            }
            let own = first..self.places.len();
            self.text.push_str("{ ");
            self.write(text, part.range.clone(), held);
            self.text.push_str(match part.form {
                Form::Value => " })",
                Form::Braces => " }",
                Form::Body => " } }",
            });
            let whole = begin..self.text.len();
            for place in &mut self.places[own] {
                place.whole = whole.clone();
            }
            (at, groups) = (part.range.end, after);
        }
        self.text.push_str(&text[at..range.end]);
    }

    /// Puts words in before everything that is woven.
    pub fn insert(&mut self, at: usize, words: &str) {
        self.text.insert_str(at, words);
        for place in &mut self.places {
            for range in [&mut place.fault, &mut place.whole] {
                *range = range.start + words.len()..range.end + words.len();
            }
        }
    }
}

/// All expressions, and the bodies of functions.
#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn body(&mut self, block: &syn::Block) {
        self.0.push(Part {
            range: block.span().byte_range(),
            form: Form::Body,
        });
    }
}

impl<'ast> Visit<'ast> for Parts {
    fn visit_expr(&mut self, expr: &'ast syn::Expr) {
        use syn::Expr::{Block, ForLoop, If, Loop, Match, Unsafe, While};
        let braces = matches!(
            expr,
            Block(_) | ForLoop(_) | If(_) | Loop(_) | Match(_) | Unsafe(_) | While(_)
        );
        self.0.push(Part {
            range: expr.span().byte_range(),
            form: if braces { Form::Braces } else { Form::Value },
        });
        visit::visit_expr(self, expr);
    }

    // What is said of code in words is none.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.body(&item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.body(&item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.body(block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests;
