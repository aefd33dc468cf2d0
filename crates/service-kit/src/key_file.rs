//! Keys from files: what a process was started with, others of the same user and whoever inspects its container can read.

use std::path::Path;

use anyhow::Context;

/// Fills in the key of `variable` from the file that `variable` with `_FILE` names, where there is one. White space
/// around a key, and a byte order mark before it, are none of it. Without a file, or with an empty name, the key is
/// the variable's own; one that is set and empty counts as none.
///
/// # Errors
/// When the file cannot be read or holds nothing, the variable holds white space alone, there are both, or the key has
/// characters that no header can carry. A secret that was not mounted must not open what it is to keep shut.
pub fn fill_key(
    key: &mut Option<String>,
    file: Option<&Path>,
    variable: &str,
) -> anyhow::Result<()> {
    let told = key.clone().filter(|key| !key.is_empty());
    let file = file.filter(|file| !file.as_os_str().is_empty());
    let (text, place) = match (told, file) {
        (None, None) => {
            *key = None;
            return Ok(());
        }
        (Some(_), Some(_)) => {
            anyhow::bail!("{variable} and {variable}_FILE are both set: set one of them")
        }
        (Some(text), None) => (text, variable.to_owned()),
        (None, Some(file)) => {
            let place = format!("{variable}_FILE {}", file.display());
            let read = std::fs::read_to_string(file);
            (read.with_context(|| format!("cannot read {place}"))?, place)
        }
    };
    let text = text.trim_start_matches('\u{feff}').trim();
    anyhow::ensure!(
        !text.is_empty(),
        "{place} is empty: put the key there, or unset the variable to go without"
    );
    anyhow::ensure!(
        text.bytes().all(|b| (b' '..=b'~').contains(&b)),
        "the key of {place} has characters that no header can carry, as a line break: write it anew"
    );
    *key = Some(text.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_file_without_the_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "k-1\n").unwrap();
        let mut key = Some(String::new());
        fill_key(&mut key, Some(&file), "KEY").unwrap();
        assert_eq!(key.as_deref(), Some("k-1"));
        let twice = fill_key(&mut key, Some(&file), "KEY").unwrap_err();
        assert_eq!(
            twice.to_string(),
            "KEY and KEY_FILE are both set: set one of them"
        );
        let missing = fill_key(&mut None, Some(&folder.path().join("no")), "KEY").unwrap_err();
        assert!(
            missing.to_string().starts_with("cannot read KEY_FILE /"),
            "{missing}"
        );
        fill_key(&mut key, None, "KEY").unwrap();
        fill_key(&mut key, Some(Path::new("")), "KEY").unwrap();
        assert_eq!(key.as_deref(), Some("k-1"));
    }

    /// What `fill_key` makes of a variable's value and a file's content.
    fn filled(own: Option<&str>, content: Option<&str>) -> Result<Option<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let mut key = own.map(str::to_owned);
        let filled = fill_key(&mut key, content.map(|_| file.as_path()), "KEY");
        let path = file.display().to_string();
        filled
            .map(|()| key)
            .map_err(|error| error.to_string().replace(&path, "PATH"))
    }

    #[test]
    fn a_key_that_is_told_and_not_there_is_never_taken_for_none() {
        for nothing in ["", "\n", " \r\n", "\u{feff}", "\u{feff}\n"] {
            let refused = filled(None, Some(nothing)).unwrap_err();
            assert!(
                refused.starts_with("KEY_FILE PATH is empty"),
                "{nothing:?}: {refused}"
            );
        }
        for blank in [" ", "\n", "\t\r\n"] {
            let refused = filled(Some(blank), None).unwrap_err();
            assert!(refused.starts_with("KEY is empty"), "{blank:?}: {refused}");
        }
        assert_eq!(filled(Some(""), None), Ok(None));
        assert_eq!(filled(None, None), Ok(None));
    }

    #[test]
    fn a_key_is_what_a_header_can_carry_wherever_it_is_from() {
        for key in ["k-1", " k-1\r\n", "\u{feff}k-1\n"] {
            assert_eq!(filled(Some(key), None), Ok(Some("k-1".to_owned())));
            assert_eq!(filled(None, Some(key)), Ok(Some("k-1".to_owned())));
        }
        for hush in ["hush\nhush", "hush\0", "húsh"] {
            for (refused, place) in [
                (filled(Some(hush), None), "KEY "),
                (filled(None, Some(hush)), "KEY_FILE PATH "),
            ] {
                let refused = refused.unwrap_err();
                let begins = format!("the key of {place}has characters");
                assert!(refused.starts_with(&begins), "{refused}");
                assert!(!refused.contains("hush"), "{refused}");
            }
        }
    }
}
