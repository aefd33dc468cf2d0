//! Variables of the user's environment, as text.

use crate::exit::{Code, coded};
use std::ffi::OsString;

/// What a variable says; an empty one is unset.
///
/// # Errors
/// A usage error for one that is no UTF-8: as if it were unset, something else would be done than was asked for.
pub fn variable(name: &str) -> anyhow::Result<Option<String>> {
    told(name, std::env::var_os(name))
}

fn told(name: &str, value: Option<OsString>) -> anyhow::Result<Option<String>> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = value.into_string();
    let text = text.map_err(|_| {
        coded(
            Code::Usage,
            format!("{name} is no UTF-8 text\n  mend: unset {name}, or set it anew"),
        )
    });
    text.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::code_of;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn empty_is_unset_and_no_text_is_said() {
        assert_eq!(told("A", None).unwrap(), None);
        assert_eq!(told("A", Some("".into())).unwrap(), None);
        assert_eq!(told("A", Some("x".into())).unwrap().unwrap(), "x");
        let why = told("A", Some(OsString::from_vec(vec![255]))).unwrap_err();
        assert_eq!(code_of(&why), Code::Usage);
        assert_eq!(
            why.to_string(),
            "A is no UTF-8 text\n  mend: unset A, or set it anew"
        );
    }
}
