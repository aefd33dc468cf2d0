//! The file by which a process says that it is there.

use std::{fs, path::Path};

use anyhow::Context;

/// Writes `what`, an address or a name, to the file; without one, nothing. By rename, so that nobody reads half of it.
///
/// # Errors
/// When the file cannot be written.
pub fn announce(what: &str, file: Option<&Path>) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    let part = file.with_extension("part");
    fs::write(&part, what)
        .and_then(|()| fs::rename(&part, file))
        .with_context(|| format!("cannot announce {what} in {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_whole_and_alone_and_one_that_cannot_be_written_is_named() {
        announce("anything", None).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("address");
        for address in ["127.0.0.1:40001", "h:1"] {
            announce(address, Some(&file)).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), address);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let nowhere = dir.path().join("none/address");
        let why = announce("h:1", Some(&nowhere)).unwrap_err().to_string();
        assert_eq!(why, format!("cannot announce h:1 in {}", nowhere.display()));
    }
}
