//! Where this program lies.

use anyhow::Context;
use std::path::PathBuf;
use std::sync::LazyLock;

// Linux names a file that a build has replaced in the meantime "... (deleted)", so the first answer is kept.
static PROGRAM: LazyLock<std::io::Result<PathBuf>> = LazyLock::new(std::env::current_exe);

/// This program as it was called, also after `cargo` has put a new build in its place. `main` asks first.
///
/// # Errors
/// When the system does not tell.
pub fn this_program() -> anyhow::Result<PathBuf> {
    let known = PROGRAM.as_ref().map(PathBuf::clone);
    known
        .map_err(|error| std::io::Error::new(error.kind(), error.to_string()))
        .context("find this program")
}
