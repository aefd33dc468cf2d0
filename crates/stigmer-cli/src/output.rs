//! What is printed where.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::cli::Format;

/// Where lines for people and documents for scripts go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Text for people: stdout, or stderr where stdout is kept for a document.
    pub(crate) fn people(self, text: &str) -> Result<()> {
        let text = &printable(text);
        match self.format {
            Format::Table => to_stdout(text.as_bytes()),
            _ => to_stderr(text),
        }
    }

    /// A remark that is no part of the result: always stderr.
    pub(crate) fn remark(self, text: &str) -> Result<()> {
        to_stderr(&format!("{}\n", printable(text)))
    }

    /// The result: `text` for people, `document` for scripts.
    pub(crate) fn result(self, document: &impl Serialize, text: &str) -> Result<()> {
        self.people(text)?;
        self.document(document)
    }

    /// The one document of this command, where one is asked for.
    pub(crate) fn document(self, document: &impl Serialize) -> Result<()> {
        if let Some(text) = render(self.format, document)? {
            to_stdout(text.as_bytes())?;
        }
        Ok(())
    }

    /// The result as a document, or else `text`: no line for people beside a document.
    pub(crate) fn either(self, document: &impl Serialize, text: &str) -> Result<()> {
        match render(self.format, document)? {
            Some(document) => to_stdout(document.as_bytes()),
            None => to_stdout(printable(text).as_bytes()),
        }
    }
}

fn write_now(to: &mut impl Write, text: &[u8]) -> io::Result<()> {
    to.write_all(text)?;
    to.flush()
}

/// Writes what nobody else wrote, as it stands.
pub(crate) fn to_stdout(text: &[u8]) -> Result<()> {
    write_now(&mut io::stdout().lock(), text).map_err(unwritten)
}

fn to_stderr(text: &str) -> Result<()> {
    write_now(&mut io::stderr().lock(), text.as_bytes()).context("cannot write to standard error")
}

/// The error of standard output, which does not say by itself whose disk is full.
pub(crate) fn unwritten(error: io::Error) -> anyhow::Error {
    anyhow::Error::from(error).context("cannot write to standard output")
}

fn render(format: Format, document: &impl Serialize) -> Result<Option<String>> {
    Ok(match format {
        Format::Table => None,
        Format::Json => Some(escaped(&serde_json::to_string_pretty(document)?) + "\n"),
        Format::Yaml => {
            let text = serde_saphyr::to_string(document)?;
            match text.contains(steers) {
                // JSON is YAML too, and has an escape for every character.
                true => Some(escaped(&serde_json::to_string_pretty(document)?) + "\n"),
                false => Some(text),
            }
        }
    })
}

pub(crate) fn error_line(text: &str) {
    // Nobody is left to be told when stderr is closed too.
    let text = format!("error: {}\n", printable(text));
    let _ = write_now(&mut io::stderr().lock(), text.as_bytes());
}

pub(crate) fn warning_line(text: &str) {
    let text = format!("warning: {}\n", printable(text));
    let _ = write_now(&mut io::stderr().lock(), text.as_bytes());
}

/// Whether somebody can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Columns without lines, as other tools can cut them.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heads);
    for row in rows {
        table.add_row(row.map(|cell| one_line(&cell, usize::MAX)));
    }
    let lines = table.lines().map(|line| {
        let line = line.strip_prefix(' ').unwrap_or(&line).trim_end();
        format!("{line}\n")
    });
    lines.collect()
}

/// `text` on one line of at most `max` characters.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let mut words = text.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
        if line.len() > max.saturating_mul(4) {
            break; // certainly longer in characters than is shown
        }
    }
    let line = printable(&line);
    match line.char_indices().nth(max) {
        Some(_) => line.chars().take(max.saturating_sub(1)).collect::<String>() + "…",
        None => line,
    }
}

/// `text` without what would steer the terminal: agents and tools wrote it, not the user.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c| if steers(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Whether a terminal, or who reads it, would be led by `c`: controls of both sets, and what turns
/// the direction of writing or breaks a line unseen.
fn steers(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        c => c.is_control(),
    }
}

/// JSON with an escape for each such character; they stand in its texts only.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match steers(c) {
            true => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_plain_columns() {
        let rows = vec![
            ["Agent", "reviewer", "Created"].map(str::to_owned),
            ["Agent", "a longer\nname \x1b[31m", ""].map(str::to_owned),
        ];
        let table = table(["TYPE", "NAME", "STATUS"], rows);
        insta::assert_snapshot!(table.replace('\u{fffd}', "?"), @r"
        TYPE   NAME                 STATUS
        Agent  reviewer             Created
        Agent  a longer name ?[31m
        ");
    }

    #[test]
    fn nothing_steers_a_terminal() {
        let bad: Vec<char> = ('\0'..='\u{2069}').filter(|c| steers(*c)).collect();
        for c in [
            '\0', '\x1b', '\r', '\x7f', '\u{9b}', '\u{202e}', '\u{2066}', '\u{2028}',
        ] {
            assert!(bad.contains(&c), "{c:?}");
        }
        for c in "\n\tä日—…\u{200d}".chars() {
            assert!(!bad.contains(&c), "{c:?}");
        }
        let text: String = bad.iter().collect();
        assert!(printable(&text).chars().all(|c| c == '\u{fffd}'));
        let value = serde_json::json!({"a": text, "plain": "b"});
        for format in [Format::Json, Format::Yaml] {
            let shown = render(format, &value).ok().flatten().unwrap_or_default();
            assert!(!shown.contains(steers), "{format:?}");
            let read: Option<serde_json::Value> = serde_json::from_str(&shown).ok();
            assert_eq!(read.as_ref(), Some(&value), "{format:?}");
        }
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(one_line("über  alle\nBerge", 40), "über alle Berge");
        assert_eq!(one_line("über alle Berge", 6), "über …");
    }

    #[test]
    fn documents_are_json_or_yaml() {
        let value = serde_json::json!({"name": "a: b", "list": [1]});
        let yaml = render(Format::Yaml, &value).ok().flatten();
        assert_eq!(yaml.as_deref(), Some("list:\n- 1\nname: \"a: b\"\n"));
        assert!(render(Format::Table, &value).is_ok_and(|text| text.is_none()));
    }
}
