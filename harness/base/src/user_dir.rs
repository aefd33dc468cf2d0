//! The per-user folder.

use crate::exit::{Code, coded};
use nix::unistd::{User, getuid};
use std::ffi::OsString;
use std::path::PathBuf;

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
