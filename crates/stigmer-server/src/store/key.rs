//! The file with the key of the secrets.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use ring::rand::{SecureRandom, SystemRandom};

use super::seal::KEY_LEN;

/// The key in `path`; a new one where there is no file.
///
/// # Errors
/// When the file is no key, or others than its owner may read it.
pub(super) fn read_or_make(path: &Path) -> anyhow::Result<[u8; KEY_LEN]> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    make(path)?;
    read(path)?.with_context(|| format!("{} is gone again", path.display()))
}

/// The key in `path`, where there is one.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<[u8; KEY_LEN]>> {
    let shown = path.display();
    // Not opened before it is known to be a file: a pipe would be waited for.
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.with_context(|| format!("cannot read the secrets' key {shown}"))?,
    };
    if !metadata.is_file() {
        bail!("the secrets' key {shown} (STIGMER_SECRETS_KEY_FILE) is not a file");
    }
    private(&metadata, path)?;
    if metadata.len() != KEY_LEN as u64 {
        bail!(
            "the secrets' key {shown} (STIGMER_SECRETS_KEY_FILE) has {} bytes, a key has {KEY_LEN}",
            metadata.len()
        );
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read the secrets' key {shown}"))?;
    let key = bytes.as_slice().try_into();
    Ok(Some(key.with_context(|| {
        format!("{shown} changed while it was read")
    })?))
}

#[cfg(unix)]
fn private(metadata: &fs::Metadata, path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        bail!(
            "others may read the secrets' key {path} (its mode is {mode:03o}): chmod 600 {path}, and if others had access, change what it protects"
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_: &fs::Metadata, _: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// Makes the file whole or not at all; one that is there already stays.
fn make(path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot make the secrets' key {}", path.display());
    let mut key = [0; KEY_LEN];
    let filled = SystemRandom::new().fill(&mut key);
    filled.ok().context("the system has no random bytes")?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).with_context(cannot)?;
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part).with_context(cannot)?;
    let written = file.write_all(&key).and_then(|()| file.sync_all());
    // A link, unlike a rename, does not replace the key of somebody who was quicker.
    let placed = written.and_then(|()| match fs::hard_link(&part, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Some file systems know no links.
        Err(_) if !path.exists() => fs::rename(&part, path),
        linked => linked,
    });
    match fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(cannot)?,
        _ => placed.with_context(cannot)?,
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(cannot)
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/key");
        assert_eq!(read(&path).unwrap(), None);
        let key = read_or_make(&path).unwrap();
        assert_eq!(read_or_make(&path).unwrap(), key);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = read_or_make(&folder.path().join("other")).unwrap();
        assert_ne!(other, key);
        let left: Vec<_> = fs::read_dir(folder.path().join("sub")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, [7; 31]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let why = read_or_make(&path).unwrap_err().to_string();
        assert!(why.contains("has 31 bytes, a key has 32"), "{why}");
        fs::write(&path, [7; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let why = read_or_make(&path).unwrap_err().to_string();
        assert!(
            why.contains("mode is 640") && why.contains("chmod 600"),
            "{why}"
        );
        assert!(read_or_make(folder.path()).is_err());
    }

    #[test]
    fn a_pipe_is_no_key_and_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || tell.send(read(&path).unwrap_err().to_string()));
        let why = told
            .recv_timeout(std::time::Duration::from_secs(10))
            .unwrap();
        assert!(why.contains("is not a file"), "{why}");
    }
}
