//! One description of a service. Its process on this host, a container of a test's own and the comparison with
//! `compose.yaml` follow from it.

use crate::pollers::Queue;
use harness_base::Command;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where an instance runs, and so what its addresses and files are.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// A process of this host, with files in a folder of its own.
    Process {
        /// The instance's folder.
        dir: &'a Path,
        /// Its port; 0 is any free one.
        port: u16,
    },
    /// A container: always the same port and the same files.
    Container,
}

impl Place<'_> {
    /// The address that it listens on.
    pub fn host(self) -> &'static str {
        match self {
            Self::Process { .. } => "127.0.0.1",
            Self::Container => "0.0.0.0",
        }
    }

    /// The port that it listens on.
    pub fn port(self, inside: u16) -> String {
        match self {
            Self::Process { port, .. } => port.to_string(),
            Self::Container => inside.to_string(),
        }
    }

    /// A file that outlives a restart.
    pub fn data(self, name: &str) -> String {
        match self {
            Self::Process { dir, .. } => dir.join(name).to_string_lossy().into_owned(),
            Self::Container => format!("/data/{name}"),
        }
    }

    /// The folder of such files.
    pub fn data_folder(self) -> String {
        match self {
            Self::Process { dir, .. } => dir.to_string_lossy().into_owned(),
            Self::Container => "/data".into(),
        }
    }

    /// A path that a description names: a process's is relative to the checkout. A bare name is looked for on PATH.
    pub fn path(self, root: &Path, path: &str) -> PathBuf {
        match self {
            Self::Process { .. } if path.contains('/') => root.join(path),
            _ => PathBuf::from(path),
        }
    }

    /// A file that need not.
    pub fn scratch(self, name: &str) -> String {
        match self {
            Self::Process { dir, .. } => dir.join(name).to_string_lossy().into_owned(),
            Self::Container => format!("/tmp/{name}"),
        }
    }
}

/// How one sees that an instance is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It announces its address in a file; then `healthcheck --address` with this port of a container, or that address.
    Announced {
        /// The file, of a process.
        file: PathBuf,
        /// The port, in a container.
        inside: u16,
    },
    /// Its own program with these arguments, in its own environment.
    Asked(Vec<String>),
    /// `GET` answers with JSON.
    Http {
        /// What to get.
        url: String,
        /// Bearer key.
        key: Option<String>,
    },
    /// It listens at its port.
    Listening,
    /// It serves by `grpc.health.v1` at its port.
    Grpc,
    /// It polls a queue of Temporal's.
    Polls(Queue),
}

/// A part of somebody else's build: where its description stands, and what is known of it by that alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its command: `FILE:LINE`.
    pub command: String,
    /// When it is ready: `FILE:LINE`.
    pub ready: String,
    /// The port that it was told, where it listens.
    pub port: Option<u16>,
    /// Whether others reach it there.
    pub serves: bool,
}

/// Where a container has its secrets.
pub const KEYS: &str = "/run/keys";

/// What a container of it has beyond what all have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerNeeds {
    /// The program's name, at the root of its image.
    pub program: &'static str,
    /// The port that is published on loopback.
    pub publishes: Option<u16>,
    /// The port there, where it is not any.
    pub published_at: Option<u16>,
    /// A volume at `/data`.
    pub keeps_data: bool,
    /// The volume is small and in memory, so that it can be filled; it is empty after a restart.
    pub small_disk: bool,
    /// Folders that can be written.
    pub scratch: &'static [&'static str],
    /// Secrets that are files in [`KEYS`], by the names of their variables: an environment is seen by whoever inspects the
    /// container.
    pub keys: Vec<(&'static str, String)>,
    /// The most memory.
    pub memory: &'static str,
    /// An init process, for whoever starts others.
    pub init: bool,
}

/// A service as it is to be started.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// Arguments and environment; the program is whoever starts it's to find.
    pub command: Command,
    /// When it is ready.
    pub health: Health,
    /// Longest time from start to ready.
    pub limit: Duration,
    /// In a container.
    pub container: ContainerNeeds,
    /// Of a part of somebody else's build.
    pub described: Option<Described>,
}

impl ServiceSpec {
    /// The program in its container: somebody else's by its own path, ours at the root.
    pub fn inside(&self) -> String {
        match self.command.program.as_os_str().is_empty() {
            true => format!("/{}", self.container.program),
            false => self.command.program.to_string_lossy().into_owned(),
        }
    }

    /// With a secret, where there is one: a variable of a process, a file of a container.
    #[must_use]
    pub fn with_secret(
        mut self,
        place: Place<'_>,
        name: &'static str,
        value: Option<&str>,
    ) -> Self {
        self.command = match (place, value) {
            (Place::Process { .. }, Some(value)) => self.command.secret(name, value),
            (Place::Process { .. }, None) => self.command.unset(name),
            (Place::Container, None) => self.command,
            (Place::Container, Some(value)) => {
                self.container.keys.push((name, value.to_owned()));
                self.command
                    .env(format!("{name}_FILE"), format!("{KEYS}/{name}"))
            }
        };
        self
    }

    /// With variables that somebody adds, also in place of a secret's file. They are shown to nobody: one may be a secret
    /// that is under test.
    #[must_use]
    pub fn with_env(mut self, env: &[(String, String)]) -> Self {
        for (name, value) in env {
            let file = format!("{name}_FILE");
            self.command.env.retain(|var| var.name != file);
            self.command = self.command.secret(name, value);
        }
        self
    }
}

/// Docker's client puts its user's proxies into containers; services of one network never ask one for each other.
pub fn without_proxies(command: Command, place: Place<'_>) -> Command {
    match place {
        Place::Process { .. } => command,
        Place::Container => command.env("NO_PROXY", "*").env("no_proxy", "*"),
    }
}

/// A variable, where there is a value. What this process has by chance is not meant.
pub fn optional(command: Command, name: &str, value: Option<&str>) -> Command {
    match value {
        Some(value) => command.env(name, value),
        None => command.unset(name),
    }
}
