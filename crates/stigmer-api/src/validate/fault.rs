//! Texts of an MCP server's definition, and why no runner could use them; each reason is a phrase
//! that never repeats the text.

use super::{is_env_name, nul};

/// What a runner fills: `${NAME}`, where `$${` is the text `${`. It has no other placeholder in it.
pub(super) fn of_template(text: &str) -> Option<&'static str> {
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, behind) = (&rest[..at], &rest[at + 2..]);
        rest = behind;
        if before.ends_with('$') {
            continue;
        }
        match behind.split_once('}') {
            Some((name, after)) if is_env_name(name) => rest = after,
            _ => {
                return Some(
                    "has a `${` that begins no ${NAME} of letters, digits and `_`; for the text itself \
                     write `$${`",
                );
            }
        }
    }
    None
}

/// What a process is given, filled.
pub(super) fn of_process_text(text: &str) -> Option<&'static str> {
    of_template(text).or(nul(text))
}

/// The name of a variable that a process is given. Others than programs of a shell know names like
/// `a.b`.
pub(super) fn of_variable(name: &str) -> Option<&'static str> {
    let is_none = name.is_empty() || name.contains(['=', '\0']);
    is_none
        .then_some("must be a variable's name, which is not empty and has no `=` and no NUL in it")
}

/// What names a file and is taken as it stands.
pub(super) fn of_path(path: &str) -> Option<&'static str> {
    if path.contains("${") {
        return Some(
            "is not filled: write the path itself; ${NAME} is filled in `args` and `envPlaceholders`",
        );
    }
    if path == "~" || path.starts_with("~/") {
        return Some("begins with `~`, which is not filled: write the whole path");
    }
    nul(path)
}

/// What is to be started: a path, or a name that is looked for in the runner's `PATH`.
pub(super) fn of_command(command: &str) -> Option<&'static str> {
    let first = command.split_once(char::is_whitespace);
    let is_line = first.is_some_and(|(first, _)| !first.contains('/'));
    of_path(command).or(is_line.then_some(
        "has a blank and is no path: put the arguments into `args`, or begin a path with `/` or `./`",
    ))
}

/// A header's value, filled, whose ends a runner trims.
pub(super) fn of_header(value: &str) -> Option<&'static str> {
    let is_none = |c: char| c.is_ascii_control() && c != '\t';
    let why = "must have no line break and no other control character in it";
    of_template(value).or(value.trim().contains(is_none).then_some(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_fills_is_taken() {
        for good in [
            "",
            "$",
            "$5 $$ $",
            "${A}",
            "x${A}y${_b2}",
            "$${",
            "$${a-b}",
            "$$${A}",
            "{}",
        ] {
            assert_eq!(of_template(good), None, "{good}");
        }
        for bad in [
            "${",
            "${A",
            "${}",
            "${1A}",
            "${TOK-EN}",
            "${A}${B C}",
            "$${${",
            "${A}${",
        ] {
            assert!(of_template(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn what_can_be_started_is_taken() {
        for good in [
            "npx",
            "/opt/my tools/x",
            "./my tools/x",
            "../a b",
            "bin/my tool",
            "a~",
            "./~/x",
            "/a/$x",
        ] {
            assert_eq!(of_command(good), None, "{good}");
        }
        for (bad, to_do) in [
            ("npx -y foo", "into `args`"),
            ("npx -y @scope/foo", "into `args`"),
            ("npx\n", "into `args`"),
            ("~/bin/x", "whole path"),
            ("~", "whole path"),
            ("${HOME}/bin/x", "not filled"),
            ("a\0b", "NUL"),
        ] {
            let why = of_command(bad).unwrap_or_default();
            assert!(why.contains(to_do), "{bad}: {why}");
        }
    }

    #[test]
    fn what_a_header_carries_is_taken() {
        for good in ["", "a\tb", "Bearer ${KEY}\n", "\r\nä"] {
            assert_eq!(of_header(good), None, "{good}");
        }
        for bad in ["a\nb", "a\rb", "a\0", "a\x7fb"] {
            assert!(of_header(bad).is_some(), "{bad:?}");
        }
    }
}
