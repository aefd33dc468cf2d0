//! Rust source as words: comments, texts, characters and lifetimes are left out.

/// The words of a source file: names, `::`, and every other sign by itself.
pub(crate) fn words(source: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let taken = skipped(rest);
        if taken > 0 {
            rest = &rest[taken..];
            continue;
        }
        let length = match first {
            _ if in_name(first) => name(rest),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        words.push(&rest[..length]);
        rest = &rest[length..];
    }
    words
}

/// Bytes at the start of `rest` that are no words.
fn skipped(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    match bytes {
        [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => comment(rest),
        [b'"', ..] => text(rest),
        [b'\'', ..] => character(rest),
        [b'b' | b'c' | b'r', ..] => prefixed(rest),
        [first, ..] if first.is_ascii_whitespace() => 1,
        _ => 0,
    }
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn name(rest: &str) -> usize {
    rest.find(|c| !in_name(c)).unwrap_or(rest.len())
}

/// A comment in stars, which may hold others.
fn comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        let (step, deeper) = match here {
            [b'/', b'*', ..] => (2, depth + 1),
            [b'*', b'/', ..] => (2, depth - 1),
            _ => (1, depth),
        };
        (at, depth) = (at + step, deeper);
        if depth == 0 {
            break;
        }
    }
    at
}

fn text(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character; of a lifetime the sign alone.
fn character(rest: &str) -> usize {
    let mut inside = rest.chars().skip(1);
    match (inside.next(), inside.next()) {
        (Some('\\'), Some(escaped)) => {
            let from = 2 + escaped.len_utf8();
            rest[from..]
                .find('\'')
                .map_or(rest.len(), |end| from + end + 1)
        }
        (Some(plain), Some('\'')) => 2 + plain.len_utf8(),
        _ => 1 + name(&rest[1..]),
    }
}

/// A text with letters before it, such as `br#".."#`; 0 where it is a name.
fn prefixed(rest: &str) -> usize {
    let letters = name(rest);
    let (prefix, text_from) = rest.split_at(letters);
    if !matches!(prefix, "b" | "c" | "r" | "br" | "cr") {
        return 0;
    }
    let signs = text_from.len() - text_from.trim_start_matches('#').len();
    let begins = text_from[signs..].starts_with('"');
    match (prefix, begins) {
        ("b", _) if text_from.starts_with('\'') => letters + character(text_from),
        ("b" | "c", true) if signs == 0 => letters + text(text_from),
        ("r" | "br" | "cr", true) => {
            let end = format!("\"{}", &text_from[..signs]);
            let inside = letters + signs + 1;
            let length = rest[inside..].find(&end).map(|at| inside + at + end.len());
            length.unwrap_or(rest.len())
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn what_is_no_code_is_left_out() {
        let cases = [
            ("a::b // c::d\n.e", "a :: b . e"),
            ("a /* x /* y */ z */ b", "a b"),
            (
                r#"f("crate::x \" y", 'c', '\'', '\u{41}', b'"')"#,
                "f ( , , , , )",
            ),
            (r##"g(r#"a "b" c"#, br"\", c"x") h"##, "g ( , , ) h"),
            ("fn f<'a>(x: &'a str)", "fn f < > ( x : & str )"),
            ("r + b - c.br(r)", "r + b - c . br ( r )"),
            ("ü::ß", "ü :: ß"),
        ];
        for (source, expected) in cases {
            assert_eq!(words(source).join(" "), expected, "{source}");
        }
    }
}
