//! One small fault, as `cargo-mutants --list --json` tells it, and how it is put into a file.

use anyhow::Context;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

/// A place in a file; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Position {
    /// Which line.
    pub line: usize,
    /// Which character of it.
    pub column: usize,
}

/// What is replaced; the end is the first character that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Span {
    /// The first character.
    pub start: Position,
    /// The first one behind.
    pub end: Position,
}

/// One small fault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Mutant {
    /// The same in every run, wherever its lines move to.
    #[serde(skip)]
    pub id: String,
    /// The crate.
    pub package: String,
    /// The file, from the root of the checkout.
    pub file: PathBuf,
    /// Place and change, for people.
    pub name: String,
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub replacement: String,
    /// The change as a diff.
    pub diff: String,
}

/// Reads the list, and gives each mutant its id: its file and what it changes, and a number where these say the same of two.
///
/// # Errors
/// When it is no such list.
pub fn read(json: &str) -> anyhow::Result<Vec<Mutant>> {
    let mut mutants: Vec<Mutant> =
        serde_json::from_str(json).context("read the list of cargo-mutants")?;
    mutants.sort_by(|a, b| (&a.package, &a.file, a.span).cmp(&(&b.package, &b.file, b.span)));
    let mut seen = BTreeMap::<String, usize>::new();
    for mutant in &mut mutants {
        let id = format!("{} {}", mutant.file.display(), mutant.change());
        let count = seen.entry(id.clone()).or_default();
        *count += 1;
        mutant.id = match *count {
            1 => id,
            count => format!("{id} #{count}"),
        };
    }
    Ok(mutants)
}

impl Mutant {
    /// Its name without its place, and the lines that it changes.
    fn change(&self) -> String {
        let place = format!(":{}:{}: ", self.span.start.line, self.span.start.column);
        let name = self.name.split_once(&place);
        let name = name.map_or(self.name.as_str(), |(_, what)| what);
        let head = |line: &&str| line.starts_with("--- ") || line.starts_with("+++ ");
        let changed = |line: &&str| line.starts_with(['-', '+']) && !head(line);
        let lines: Vec<_> = self.diff.lines().filter(changed).map(str::trim).collect();
        format!("{name} {}", lines.join(" "))
    }

    /// The file's text with the fault in it.
    ///
    /// # Errors
    /// When the text is another one than that of the list.
    pub fn put_into(&self, text: &str) -> anyhow::Result<String> {
        let span = self.range(text)?;
        let (before, after) = (&text[..span.start], &text[span.end..]);
        Ok(format!("{before}{}{after}", self.replacement))
    }

    /// What is replaced, in bytes.
    ///
    /// # Errors
    /// When the text is another one than that of the list.
    pub fn range(&self, text: &str) -> anyhow::Result<Range<usize>> {
        let range = offset(text, self.span.start).zip(offset(text, self.span.end));
        let range = range.map(|(start, end)| start..end);
        let fits = range.filter(|it| text.get(it.clone()).is_some());
        fits.with_context(|| format!("{} is not as it was listed", self.file.display()))
    }
}

/// Where in the text a position is, in bytes.
fn offset(text: &str, position: Position) -> Option<usize> {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines
        .by_ref()
        .take(position.line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let line = lines.next().unwrap_or_default();
    let ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    let at = ends.skip(position.column.checked_sub(1)?).min()?;
    Some(before + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lines: [usize; 2]) -> String {
        let one = |line: usize| {
            serde_json::json!({
                "package": "it", "file": "src/it.rs", "genre": "BinaryOperator", "function": null,
                "name": format!("src/it.rs:{line}:7: replace + with - in add"),
                "span": { "start": { "line": line, "column": 7 }, "end": { "line": line, "column": 8 } },
                "replacement": "-",
                "diff": format!("--- src/it.rs\n+++ replace + with - in add\n@@ -{line} +{line} @@\n fn\n-    ä + b\n+    ä - b\n"),
            })
        };
        serde_json::json!([one(lines[0]), one(lines[1])]).to_string()
    }

    #[test]
    fn an_id_moves_with_its_lines() {
        let ids = |lines| -> Vec<String> {
            let mutants = read(&list(lines)).unwrap();
            mutants.into_iter().map(|it| it.id).collect()
        };
        assert_eq!(ids([2, 9]), ids([4, 5]));
        assert_eq!(
            ids([9, 2]),
            [
                "src/it.rs replace + with - in add -    ä + b +    ä - b",
                "src/it.rs replace + with - in add -    ä + b +    ä - b #2"
            ]
        );
        assert!(read("{}").is_err());
    }

    #[test]
    fn it_is_put_in_by_characters() {
        let mutant = &read(&list([2, 4])).unwrap()[0];
        assert_eq!(
            mutant.put_into("fn\n    ä + b\n}\n").unwrap(),
            "fn\n    ä - b\n}\n"
        );
        assert!(mutant.put_into("fn\n").is_err());
        assert!(mutant.put_into("fn\n    ä\n").is_err());
    }

    #[test]
    fn a_span_of_several_lines() {
        let mut mutant = read(&list([2, 4])).unwrap().remove(0);
        mutant.span.start = Position { line: 1, column: 8 };
        mutant.span.end = Position { line: 3, column: 2 };
        mutant.replacement = "{ 1 }".into();
        let text = "fn f() {\n  2\n}\nrest";
        assert_eq!(mutant.put_into(text).unwrap(), "fn f() { 1 }\nrest");
    }
}
