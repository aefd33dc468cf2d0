//! What all containers of a run share.

use super::client::Compose;
use super::host_proxy::HostProxy;
use harness_base::docker::labels::labels;
use harness_base::docker::{self, ANSWER, docker, leftovers};
use harness_base::run::info;
use harness_base::{Code, Command, Run};
use harness_provision::Binary;
use harness_provision::images::{Component, Image};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// What all containers of a run share.
#[derive(Debug)]
pub struct Containers {
    /// Compose project and network: product, checkout, run.
    pub project: String,
    /// The Compose that runs it.
    pub compose: Compose,
    /// The way from containers to this host.
    pub host: HostProxy,
    /// Labels of everything.
    pub labels: [(&'static str, String); 3],
    /// Images, by component.
    pub images: Vec<Image>,
    up: OnceLock<Command>,
    /// Published ports of this host, and who is behind them on the run's network.
    published: Mutex<BTreeMap<u16, String>>,
}

impl Containers {
    /// Makes the run's network.
    ///
    /// # Errors
    /// When the engine does not.
    pub async fn new(run: &Run, compose: Compose, images: Vec<Image>) -> anyhow::Result<Self> {
        let checkout = info::checkout_hash(&run.root);
        let project = format!("stigmer-e2e-{checkout}-{}", run.id);
        let labels = labels(&run.root, &run.id)?;
        leftovers::mark(&run.root)?;
        let mut create = docker(["network", "create", "--driver", "bridge"]);
        for (name, value) in &labels {
            create = create.args(["--label".to_owned(), format!("{name}={value}")]);
        }
        docker::ask(run.own(create.args([&project])), ANSWER, Code::NotReady).await?;
        let host = HostProxy::of(&project).await?;
        Ok(Self {
            project,
            compose,
            host,
            labels,
            images,
            up: OnceLock::new(),
            published: Mutex::default(),
        })
    }

    /// Notes how Compose was told to start them.
    pub fn started_by(&self, up: &Command) {
        let _ = self.up.set(up.clone()); // once a run
    }

    /// How Compose was told to start them, once it was.
    pub fn up(&self) -> Option<&Command> {
        self.up.get()
    }

    /// The image of one of our services.
    pub fn image(&self, binary: Binary) -> &str {
        let component = match binary {
            Binary::Server => Component::Server,
            Binary::Runner | Binary::Cli => Component::Runner,
            Binary::Gateway => Component::Gateway,
            Binary::Mcp => Component::Mcp,
        };
        let found = self
            .images
            .iter()
            .find(|image| image.component == component);
        found.map_or("", |image| image.reference.as_str())
    }

    /// Notes who is behind a published port.
    pub fn publish(&self, port: u16, inside: &str) {
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        published.insert(port, inside.to_owned());
    }

    /// The published port of this host behind which somebody of the run's network is.
    pub fn published_port(&self, inside: &str) -> Option<u16> {
        let published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut found = published.iter().filter(|(_, it)| *it == inside);
        found.next().map(|(port, _)| *port)
    }

    /// Who is behind a published port, on the run's network.
    pub fn behind(&self, port: u16) -> Option<String> {
        let published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        published.get(&port).cloned()
    }
}

/// Runs a container's own program in it.
pub fn exec(container: &str, program: &str, args: &[String]) -> Command {
    docker(["exec", container, program]).args(args.iter().cloned())
}
