//! What is installed, by whom.

use harness_base::config::{Archive, Tool};
use std::path::PathBuf;

/// The interpreter that pip runs in.
#[derive(Clone, Debug)]
pub(super) struct Python {
    /// Past every shim.
    pub exe: PathBuf,
    /// Whether its pip goes on with a download that broke off.
    pub resumes: bool,
}

/// One tool to install.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Its name in `e2e.toml`.
    pub name: String,
    /// Its pin.
    pub tool: Tool,
    /// What is fetched for this platform.
    pub archive: Archive,
    /// Where it goes.
    pub dir: PathBuf,
    /// Who fetches it.
    pub python: Python,
}
