//! What a project is once it is read.

use std::path::PathBuf;

use crate::proto::{agent::Agent, agentinstance::AgentInstance, environment::Environment};

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
    pub(super) fn new(resource: R, file: PathBuf, line: usize) -> Self {
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
