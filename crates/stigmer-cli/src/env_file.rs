//! `--env-file`.

mod dollars;

use std::{
    cell::Cell,
    fs,
    io::{self, Read},
    path::Path,
};

use anyhow::Result;
use stigmer_api::validate::is_env_name;

use crate::failure::Failure;
use dollars::{is_sign, with_signs, without_signs};

/// A variable of a file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
    /// `FILE:LINE`, where it begins.
    pub(crate) place: String,
}

/// The variables of a dotenv file, in its order. Errors name file and line and never a value.
pub(crate) fn read(file: &Path) -> Result<Vec<Entry>> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("--env-file {shown}: {error}")))?;
    // With an end for the last line: dotenvy refuses one that ends in blanks and nothing more.
    let text = text.trim_start_matches('\u{feff}').to_owned() + "\n";
    if let Some(at) = text.find(is_sign) {
        let nth = text[..at].matches('\n').count() + 1;
        let why = "has a character that Unicode says is none";
        return Err(Failure::usage(format!("{shown}:{nth}: {why}")));
    }
    let text = with_signs(&text);
    let done = Cell::new(0);
    let mut entries = dotenvy::from_read_iter(Lines {
        rest: text.as_bytes(),
        done: &done,
    });
    let mut values: Vec<Entry> = Vec::new();
    loop {
        let nth = done.get() + blank(text.lines().skip(done.get())) + 1;
        let place = format!("{shown}:{nth}");
        let refuse = |why: &str| Failure::usage(format!("{place}: {why}; write KEY=VALUE"));
        let Some(read) = entries.next() else {
            return Ok(values);
        };
        let (key, value) = read.map_err(|_| refuse("is not a line of a dotenv file"))?;
        if !is_env_name(&key) {
            return Err(refuse(
                "has a key that is not a name of letters, digits and `_` (no digit first)",
            ));
        }
        let known = |name: &str| values.iter().any(|entry| entry.key == name);
        let Some(value) = without_signs(&value, known) else {
            return Err(Failure::usage(format!(
                "{place}: the value of {key} uses a `${{NAME}}` that is neither in the environment of \
                 this command nor a line before; for the text itself put it into single quotes"
            )));
        };
        values.push(Entry { key, value, place });
    }
}

/// How many of the first lines say nothing.
fn blank<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    lines
        .map(str::trim_start)
        .take_while(|line| line.is_empty() || line.starts_with('#'))
        .count()
}

/// Gives a line at a time and counts them: dotenvy does not say where it is.
struct Lines<'a> {
    rest: &'a [u8],
    done: &'a Cell<usize>,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        let line = end.map_or(self.rest.len(), |end| end + 1);
        let given = self.rest.get(..line.min(buffer.len())).unwrap_or_default();
        let read = (&mut &*given).read(buffer)?;
        self.rest = self.rest.get(read..).unwrap_or_default();
        if end.is_some() && read == line {
            self.done.set(self.done.get() + 1);
        }
        Ok(read)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Entry>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("e");
        fs::write(&file, text).unwrap();
        read(&file)
    }

    /// The variables of `text`, each as `LINE KEY=VALUE`.
    fn shown(text: &str) -> Vec<String> {
        let line = |entry: &Entry| entry.place.rsplit(':').next().unwrap().to_owned();
        let entries = read_text(text).unwrap().into_iter();
        entries
            .map(|entry| format!("{} {}={}", line(&entry), entry.key, entry.value))
            .collect()
    }

    #[test]
    fn lines_comments_and_quotes_are_read() {
        let text =
            "\u{feff}# a comment\n\nA=1\nexport B=\"two words\" # so\nC='$A=x'\nEMPTY=\r\nD=2  ";
        let expected = ["3 A=1", "4 B=two words", "5 C=$A=x", "6 EMPTY=", "7 D=2"];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn a_value_may_use_those_before_it_and_have_several_lines() {
        let long = "x".repeat(20_000);
        let text = format!(
            "HOST_OF_TEST=db\nURL=http://${{HOST_OF_TEST}}/\nLONG={long}\n\n# next\nKEY=\"a\n # b\n\nc\"\nLAST=1"
        );
        let expected = [
            "1 HOST_OF_TEST=db",
            "2 URL=http://db/",
            &format!("3 LONG={long}"),
            "6 KEY=a\n # b\n\nc",
            "10 LAST=1",
        ];
        assert_eq!(shown(&text), expected);
    }

    #[test]
    fn a_dollar_without_a_name_in_braces_is_one() {
        for (written, meant) in [
            ("s3cr$t9", "s3cr$t9"),
            ("$HOME", "$HOME"),
            ("\"a $HOME b$\"", "a $HOME b$"),
            ("$", "$"),
            ("a$$b", "a$$b"),
            ("${", "${"),
            ("${}", "${}"),
            ("${a-b}x", "${a-b}x"),
            ("${1A}", "${1A}"),
            ("\\$HOME", "$HOME"),
            ("\\${B}", "${B}"),
            ("\\\\${B}", "\\b$1"),
            ("'${B} ${NOWHERE_AT_ALL} $B'", "${B} ${NOWHERE_AT_ALL} $B"),
            ("${B}", "b$1"),
            ("\"<${B}|${E}>\"", "<b$1|>"),
            ("$${B}$", "$b$1$"),
            ("${C}", "cb$1"),
        ] {
            let text = format!("B=b$1\nC=c${{B}}\nE=\nA={written}\n");
            assert_eq!(shown(&text)[3], format!("4 A={meant}"), "{written}");
        }
    }

    #[test]
    fn a_name_in_braces_that_is_nowhere_is_refused_with_its_place() {
        for bad in ["${NOWHERE_AT_ALL}", "x${NOWHERE_AT_ALL}", "\"a\n${LATER}\""] {
            let text = format!("A=1\nB={bad}\nLATER=1\n");
            let error = read_text(&text).unwrap_err().to_string();
            assert!(error.contains("e:2: the value of B uses"), "{error}");
            assert!(!error.contains("AT_ALL"), "{error}");
        }
        let error = read_text("A=1\nB=\u{fdd1}").unwrap_err().to_string();
        assert!(error.contains("e:2: "), "{error}");
    }

    #[test]
    fn errors_have_a_line_and_no_value() {
        for bad in [
            "hunter2",
            "KEY='hunter2",
            "KEY='hunter2\nB=2\n\nC=3",
            "KEY=\"a\nb\" hunter2",
            "hunter2!=1",
            "1hunter2=x",
            "hunter2.x=1",
        ] {
            let text = format!("A=\"1\n\n2\"\n\n # a comment\n{bad}\nZ=1\n");
            let error = read_text(&text).unwrap_err().to_string();
            assert!(error.contains("e:6: "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = read(Path::new("/none/of/it")).unwrap_err().to_string();
        assert!(error.contains("/none/of/it"), "{error}");
    }
}
