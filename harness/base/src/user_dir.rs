//! The per-user folder.

use crate::exit::{Code, coded};
use std::path::PathBuf;

/// The per-user folder of everything that is shared between checkouts.
///
/// # Errors
/// When neither HOME nor XDG_CACHE_HOME is set.
pub fn user_dir() -> anyhow::Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base = cache.or_else(home).ok_or_else(|| {
        coded(
            Code::Usage,
            "no cache folder: set HOME, XDG_CACHE_HOME or E2E_TOOLS_DIR",
        )
    })?;
    Ok(base.join("stigmer-e2e"))
}
