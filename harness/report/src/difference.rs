//! What differs between what was expected and what came.

/// The text in three parts: what both begin with, what differs, what both end with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The same in both, before.
    pub before: String,
    /// Only expected.
    pub expected: String,
    /// Only in what came.
    pub came: String,
    /// The same in both, after.
    pub after: String,
}

/// Of `expected LEFT == LITERAL, came VALUE`, as a test's first line says it; `None` where it compares no texts or numbers.
pub fn of(what: &str) -> Option<Difference> {
    let what = &what[what.find("expected ")? + "expected ".len()..];
    let (condition, came) = what.rsplit_once(", came ")?;
    let (_, expected) = condition.split_once(" == ")?;
    let literal =
        expected.starts_with(['"', '[', '-']) || expected.starts_with(|c: char| c.is_ascii_digit());
    let (expected, came) = match came.rsplit_once(" and ") {
        // Both sides were shown, since neither stands in the code.
        Some((came, other)) if !literal => (other, came),
        _ if literal => (expected, came),
        _ => return None,
    };
    (expected != came).then(|| between(expected, came))
}

fn between(expected: &str, came: &str) -> Difference {
    let same = |a: char, b: char| a == b;
    let before: String = common(expected.chars(), came.chars(), same);
    let (e, c) = (&expected[before.len()..], &came[before.len()..]);
    let after: String = common(e.chars().rev(), c.chars().rev(), same)
        .chars()
        .rev()
        .collect();
    Difference {
        expected: e[..e.len() - after.len()].to_owned(),
        came: c[..c.len() - after.len()].to_owned(),
        before,
        after,
    }
}

fn common(
    a: impl Iterator<Item = char>,
    b: impl Iterator<Item = char>,
    same: impl Fn(char, char) -> bool,
) -> String {
    a.zip(b)
        .take_while(|(a, b)| same(*a, *b))
        .map(|(a, _)| a)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_values() {
        let found = of(r#"expected done.answer()? == "It is 42.", came "It is 41.""#).unwrap();
        assert_eq!(
            (
                &*found.before,
                &*found.expected,
                &*found.came,
                &*found.after
            ),
            ("\"It is 4", "2", "1", ".\"")
        );
        let found = of("expected ids == [second, first], came [b, a]");
        assert!(found.is_some());
        let found = of("expected a.len() == b.len(), came 2 and 3").unwrap();
        assert_eq!((&*found.expected, &*found.came), ("3", "2"));
        assert_eq!(of("expected matches!(a, b)"), None);
        assert_eq!(of("the server: no such agent"), None);
    }
}
