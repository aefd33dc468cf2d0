//! nextest's filter expressions.

/// Tests whose name contains a word, or what an expression (it has parentheses) says.
pub fn of_filter(filter: &str) -> String {
    if filter.contains('(') {
        filter.to_owned()
    } else {
        format!("test(~{})", escaped(filter))
    }
}

/// Exactly these tests; `None` for none.
pub fn exactly<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let all: Vec<String> = names
        .into_iter()
        .map(|name| format!("test(={})", escaped(name)))
        .collect();
    (!all.is_empty()).then(|| all.join(" | "))
}

/// What all of these let through; `None` where none says anything.
pub fn all_of(expressions: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let mut said: Vec<String> = expressions.into_iter().flatten().collect();
    match said.len() {
        0 | 1 => said.pop(),
        _ => Some(format!("({})", said.join(") & ("))),
    }
}

/// What any of these lets through; `None`, which is all tests, where one of them does.
pub fn any_of(expressions: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let said: Vec<String> = expressions.into_iter().collect::<Option<_>>()?;
    Some(format!("({})", said.join(") | (")))
}

/// All but these.
pub fn but<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    exactly(names).map(|them| format!("not ({them})"))
}

fn escaped(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if matches!(c, ')' | '(' | '\\' | ',') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_put_together() {
        assert_eq!(of_filter("apply"), "test(~apply)");
        assert_eq!(of_filter("test(/^a/)"), "test(/^a/)");
        assert_eq!(exactly([]), None);
        assert_eq!(exactly(["a::b", "c"]).unwrap(), "test(=a::b) | test(=c)");
        assert_eq!(exactly(["a)"]).unwrap(), r"test(=a\))");
        assert_eq!(all_of([None, None]), None);
        assert_eq!(all_of([Some("a".into()), None]).unwrap(), "a");
        assert_eq!(any_of([Some("a".into()), None]), None);
        let either = any_of([Some("a".into()), Some("b & c".into())]);
        assert_eq!(either.unwrap(), "(a) | (b & c)");
        assert_eq!(
            all_of([Some("a | b".into()), but(["c"])]).unwrap(),
            "(a | b) & (not (test(=c)))"
        );
    }
}
