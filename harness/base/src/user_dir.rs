//! The per-user folder.

use crate::exit::{Code, coded};
use nix::unistd::{User, getuid};
use std::ffi::OsString;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The per-user folder of everything that is shared between checkouts: `stigmer-e2e` in `XDG_CACHE_HOME`, else in
/// `.cache` of `HOME`, else of the home that the system knows. Empty variables are unset ones.
///
/// # Errors
/// When none of these is there, or one is no whole path.
pub fn user_dir() -> anyhow::Result<PathBuf> {
    let home = || {
        let known = User::from_uid(getuid()).ok().flatten();
        known.map(|user| user.dir.into_os_string())
    };
    of(
        std::env::var_os("XDG_CACHE_HOME"),
        std::env::var_os("HOME"),
        home,
    )
}

/// The folder of locks that all runs of this user share: `ports` in [`user_dir`], or, where that cannot be written, a folder
/// for this user alone in the system's temporary one.
///
/// # Errors
/// When neither can be had, or the second is somebody else's.
pub fn lock_dir() -> anyhow::Result<PathBuf> {
    let home = user_dir().map(|dir| dir.join("ports"));
    locks(home, &std::env::temp_dir())
}

fn locks(home: anyhow::Result<PathBuf>, temp: &Path) -> anyhow::Result<PathBuf> {
    let home = home.and_then(|folder| {
        std::fs::create_dir_all(&folder)?;
        let probe = folder.join(format!(".probe-{}", std::process::id()));
        std::fs::write(&probe, "")?;
        let _ = std::fs::remove_file(&probe); // an empty file at most
        Ok(folder)
    });
    let why = match home {
        Ok(folder) => return Ok(folder),
        Err(why) => why,
    };
    let folder = temp.join(format!("stigmer-e2e-{}", getuid()));
    // One that is there may be of an earlier run, or of somebody who waits for us.
    let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
    let at = folder.symlink_metadata();
    if at.is_ok_and(|at| at.is_dir() && at.uid() == getuid().as_raw()) {
        return Ok(folder);
    }
    let text = format!(
        "no folder for locks of ports: {why:#}; {} {}",
        folder.display(),
        made.map_or_else(|error| error.to_string(), |()| "went away".to_owned())
    );
    Err(coded(Code::Usage, text))
}

fn of(
    cache: Option<OsString>,
    home: Option<OsString>,
    known: impl FnOnce() -> Option<OsString>,
) -> anyhow::Result<PathBuf> {
    let set = |value: Option<OsString>| value.filter(|value| !value.is_empty());
    let home = || {
        set(home)
            .or_else(|| set(known()))
            .map(|home| PathBuf::from(home).join(".cache"))
    };
    let base = set(cache).map(PathBuf::from).or_else(home).ok_or_else(|| {
        coded(
            Code::Usage,
            "no cache folder: set HOME, XDG_CACHE_HOME or E2E_TOOLS_DIR",
        )
    })?;
    if base.is_relative() {
        let text = format!(
            "the cache folder {} is no whole path: correct HOME or XDG_CACHE_HOME",
            base.display()
        );
        return Err(coded(Code::Usage, text));
    }
    Ok(base.join("stigmer-e2e"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_of_a_home_that_cannot_be_written_are_elsewhere_and_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let (home, temp) = (dir.path().join("home"), dir.path().join("temp"));
        std::fs::create_dir(&temp).unwrap();
        let ports = home.join("ports");
        assert_eq!(locks(Ok(ports.clone()), &temp).unwrap(), ports);
        // A file in a folder's place: that stops root too.
        let none = || Ok(dir.path().join("home/ports/1/ports"));
        std::fs::write(ports.join("1"), "").unwrap();
        let folder = temp.join(format!("stigmer-e2e-{}", getuid()));
        for _ in 0..2 {
            assert_eq!(locks(none(), &temp).unwrap(), folder);
        }
        assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
        std::fs::remove_dir(&folder).unwrap();
        std::os::unix::fs::symlink(&home, &folder).unwrap();
        let refused = locks(none(), &temp).unwrap_err().to_string();
        assert!(
            refused.contains("no folder for locks of ports"),
            "{refused}"
        );
    }

    #[test]
    fn an_empty_home_is_none() {
        let dir = |cache: Option<&str>, home: Option<&str>, known: Option<&str>| {
            let owned = |text: Option<&str>| text.map(OsString::from);
            of(owned(cache), owned(home), || owned(known))
                .map_or_else(|error| error.to_string(), |dir| dir.display().to_string())
        };
        assert_eq!(dir(Some("/c"), Some("/h"), None), "/c/stigmer-e2e");
        assert_eq!(dir(Some(""), Some("/h"), None), "/h/.cache/stigmer-e2e");
        assert_eq!(dir(None, Some(""), Some("/r")), "/r/.cache/stigmer-e2e");
        assert!(dir(None, Some(""), None).starts_with("no cache folder"));
        assert!(dir(None, Some("here"), None).contains("here/.cache is no whole path"));
    }
}
