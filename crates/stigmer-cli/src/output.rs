//! What is printed where.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
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
    pub(crate) fn people(self, text: &str) -> io::Result<()> {
        if self.format == Format::Table {
            write_now(&mut io::stdout().lock(), text)
        } else {
            write_now(&mut io::stderr().lock(), text)
        }
    }

    /// A remark that is no part of the result: always stderr.
    pub(crate) fn remark(self, text: &str) -> io::Result<()> {
        write_now(&mut io::stderr().lock(), &format!("{text}\n"))
    }

    /// The result: `text` for people, `document` for scripts.
    pub(crate) fn result(self, document: &impl Serialize, text: &str) -> Result<()> {
        self.people(text)?;
        self.document(document)
    }

    /// The one document of this command, where one is asked for.
    pub(crate) fn document(self, document: &impl Serialize) -> Result<()> {
        if let Some(text) = render(self.format, document)? {
            write_now(&mut io::stdout().lock(), &text)?;
        }
        Ok(())
    }

    /// The result as a document, or else `text`: no line for people beside a document.
    pub(crate) fn either(self, document: &impl Serialize, text: &str) -> Result<()> {
        match render(self.format, document)? {
            Some(document) => write_now(&mut io::stdout().lock(), &document)?,
            None => write_now(&mut io::stdout().lock(), text)?,
        }
        Ok(())
    }
}

fn write_now(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

fn render(format: Format, document: &impl Serialize) -> Result<Option<String>> {
    Ok(match format {
        Format::Table => None,
        Format::Json => Some(serde_json::to_string_pretty(document)? + "\n"),
        Format::Yaml => Some(serde_saphyr::to_string(document)?),
    })
}

pub(crate) fn error_line(text: &str) {
    // Nobody is left to be told when stderr is closed too.
    let _ = write_now(&mut io::stderr().lock(), &format!("error: {text}\n"));
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
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
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
