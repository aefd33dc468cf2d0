//! Where the images' builds leave things.

use harness_base::runs_dir;
use std::path::{Path, PathBuf};

/// Where the images' logs and contexts are.
pub(super) fn folder(root: &Path) -> PathBuf {
    target(root).join("images")
}

/// cargo's target folder.
pub(super) fn target(root: &Path) -> PathBuf {
    let runs = runs_dir(root);
    runs.parent().map(Path::to_owned).unwrap_or(runs)
}
