//! Reading of `Stigmer.yaml` and the documents of agents, their instances and environments.
//!
//! Everything that is wrong with a project is found in one go, and every problem carries the
//! file, line and column where it can be mended.

mod agent;
mod check;
mod document;
mod environment;
mod file;
mod instance;
mod node;
mod problem;
mod project;
mod schema;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use problem::{ManifestError, Place, Problem, Problems};

use crate::{agent::Agent, agentinstance::AgentInstance, environment::Environment};

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "Stigmer.yaml";

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// A project with all that it deploys, valid by the rules of [`crate::validate`].
#[derive(Clone, Debug)]
pub struct Project {
    /// Its name, in slug form.
    pub name: String,
    /// Its version, as written.
    pub version: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The organization of documents that name none.
    pub organization: String,
    /// The folder of the project file.
    pub root: PathBuf,
    /// The project file.
    pub file: PathBuf,
    /// Its environments, in the order of the `agents:` entries, like what follows; slug,
    /// organization and owner scope are filled in.
    pub environments: Vec<Sourced<Environment>>,
    /// Its agents.
    pub agents: Vec<Sourced<Agent>>,
    /// Its instances of agents, beside the default ones that agents have anyway.
    pub instances: Vec<Sourced<Instance>>,
}

/// A resource and where it is written.
#[derive(Clone, Debug)]
pub struct Sourced<R> {
    /// The resource, ready to be sent.
    pub resource: R,
    /// The file of its document.
    pub file: PathBuf,
    /// The first line of its document, counted from 1.
    pub line: usize,
}

impl<R> Sourced<R> {
    fn new(resource: R, file: PathBuf, line: usize) -> Self {
        Self {
            resource,
            file,
            line,
        }
    }
}

/// An instance as it is written.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The instance; `spec.agent_id` is empty where the agent is named by its slug.
    pub resource: AgentInstance,
    /// The slug of its agent, in its own organization; nothing where `spec.agent_id` names it.
    pub agent: Option<String>,
}

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
