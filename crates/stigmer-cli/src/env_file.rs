//! `--env-file`.

use std::{fs, path::Path};

use anyhow::Result;
use stigmer_api::validate::is_env_name;

use crate::failure::Failure;

/// The variables of a dotenv file, in its order. Errors name file and line and never a value.
pub(crate) fn read(file: &Path) -> Result<Vec<(String, String)>> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("--env-file {shown}: {error}")))?;
    let mut values = Vec::new();
    // Line by line, because the reader of whole files does not say where it failed.
    for (i, line) in text.lines().enumerate() {
        let refuse = |why: &str| {
            let n = i + 1;
            Failure::usage(format!("{shown}:{n}: {why}; write KEY=VALUE"))
        };
        for read in dotenvy::from_read_iter(line.as_bytes()) {
            let (key, value) = read.map_err(|_| refuse("is not a line of a dotenv file"))?;
            if !is_env_name(&key) {
                return Err(refuse(
                    "has a key that is not a name of letters, digits and `_` (no digit first)",
                ));
            }
            values.push((key, value));
        }
    }
    Ok(values)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<(String, String)>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("e");
        fs::write(&file, text).unwrap();
        read(&file)
    }

    #[test]
    fn lines_comments_and_quotes_are_read() {
        let text = "# a comment\n\nA=1\nexport B=\"two words\" # so\nC='$A=x'\nEMPTY=\r\n";
        let values = read_text(text).unwrap();
        let values: Vec<_> = values
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let expected = [("A", "1"), ("B", "two words"), ("C", "$A=x"), ("EMPTY", "")];
        assert_eq!(values, expected);
    }

    #[test]
    fn errors_have_a_line_and_no_value() {
        for bad in ["hunter2", "KEY='hunter2", "hunter2!=1", "1hunter2=x"] {
            let error = read_text(&format!("A=1\n{bad}\n")).unwrap_err().to_string();
            assert!(error.contains("e:2: "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = read(Path::new("/none/of/it")).unwrap_err().to_string();
        assert!(error.contains("/none/of/it"), "{error}");
    }
}
