//! Where the images' builds leave things.

use harness_base::target_dir;
use std::path::{Path, PathBuf};

/// Where the images' logs and contexts are.
pub(super) fn folder(root: &Path) -> PathBuf {
    target_dir(root).join("images")
}
