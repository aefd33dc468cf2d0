//! `{placeholder}` in what a part is told. `{{` and `}}` are braces.

/// What a placeholder stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Itself.
    Text(&'a str),
    /// A placeholder's name.
    Name(&'a str),
}

/// A text in pieces.
///
/// # Errors
/// A brace without the other one.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        found.push(Piece::Text(&rest[..at]));
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            found.push(Piece::Text(brace));
            rest = after;
        } else if brace == "{"
            && let Some((name, after)) = rest.split_once('}')
        {
            found.push(Piece::Name(name));
            rest = after;
        } else {
            return Err(format!(
                "{text:?} has a {brace} alone; {brace}{brace} is one that is meant"
            ));
        }
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

/// The text with each placeholder's value; `None` where one has none.
///
/// # Errors
/// As [`pieces`].
pub(super) fn filled(
    text: &str,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, String> {
    let mut all = Some(String::new());
    for piece in pieces(text)? {
        let piece = match piece {
            Piece::Text(text) => Some(text.to_owned()),
            Piece::Name(name) => value(name),
        };
        all = all.zip(piece).map(|(all, piece)| all + &piece);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_texts() {
        let fill = |text: &str| {
            filled(text, |name| match name {
                "port" => Some("7".to_owned()),
                _ => None,
            })
        };
        assert_eq!(fill("a{port}b{port}"), Ok(Some("a7b7".into())));
        assert_eq!(fill("{{\"p\": {port}}}"), Ok(Some("{\"p\": 7}".into())));
        assert_eq!(fill("x"), Ok(Some("x".into())));
        assert_eq!(fill("{port}{other}"), Ok(None));
        assert_eq!(fill(""), Ok(Some(String::new())));
        for wrong in ["{port", "port}", "{", "a}b", "é{"] {
            assert!(fill(wrong).is_err(), "{wrong}");
        }
    }
}
