//! Keys from files: what a process was started with, others of the same user and whoever inspects its container can read.

use std::path::Path;

use anyhow::Context;

/// Fills in the key of `variable` from the file that `variable` with `_FILE` names, where there is one; white space
/// around it is none of it. No file, or an empty name, leaves the key as it is.
///
/// # Errors
/// When the file cannot be read, or there is a key beside it.
pub fn fill_key(
    key: &mut Option<String>,
    file: Option<&Path>,
    variable: &str,
) -> anyhow::Result<()> {
    let Some(file) = file.filter(|file| !file.as_os_str().is_empty()) else {
        return Ok(());
    };
    anyhow::ensure!(
        key.as_ref().is_none_or(String::is_empty),
        "{variable} and {variable}_FILE are both set: set one of them"
    );
    let read = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {variable}_FILE {}", file.display()))?;
    *key = Some(read.trim().to_owned());
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
}
