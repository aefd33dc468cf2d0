//! Reading of `Stigmer.yaml` and the documents of agents, their instances and environments.
//!
//! Everything that is wrong with a project is found in one go, and every problem carries the
//! file, line and column where it can be mended.

mod agent;
mod check;
mod document;
mod environment;
mod file;
mod files;
mod instance;
mod kind;
mod node;
mod parse;
mod problem;
mod project;
mod schema;
#[cfg(test)]
mod tests;
mod types;

use std::path::{Path, PathBuf};

pub use problem::{ManifestError, Place, Problem, Problems};
pub use types::{Instance, MAX_FILE_BYTES, PROJECT_FILE, Project, Sourced};

/// The project file in `start` or the nearest folder above it.
///
/// # Errors
/// [`ManifestError::NoProject`] when there is none.
pub fn find(start: &Path) -> Result<PathBuf, ManifestError> {
    start
        .ancestors()
        .map(|folder| folder.join(PROJECT_FILE))
        .find(|file| file.is_file())
        .ok_or_else(|| ManifestError::NoProject(start.to_owned()))
}

/// The project file that `path` names: itself, or the one in the folder `path`.
///
/// # Errors
/// [`ManifestError::Missing`] when there is no such file.
pub fn locate(path: &Path) -> Result<PathBuf, ManifestError> {
    let file = if path.is_dir() {
        path.join(PROJECT_FILE)
    } else {
        path.to_owned()
    };
    if file.is_file() {
        Ok(file)
    } else {
        Err(ManifestError::Missing(file))
    }
}

/// Reads a project file and the documents in the files that it names. `organization` goes before
/// the one that the project names.
///
/// # Errors
/// [`ManifestError::Problems`] with everything that is wrong in all of its files.
pub fn load(file: &Path, organization: Option<&str>) -> Result<Project, ManifestError> {
    let mut problems = Vec::new();
    match project::read(file, organization, &mut problems) {
        Some(project) if problems.is_empty() => Ok(project),
        _ => Err(ManifestError::Problems(Problems::of(problems))),
    }
}
