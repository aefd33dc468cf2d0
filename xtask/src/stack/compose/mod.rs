//! The container runtime: services by Compose, private instances beside them on the same network, nothing left after.

pub mod client;
pub mod container;
pub mod forwarder;
mod inside;
mod loopback;
pub mod private;
mod route;
mod start;
pub mod up;

#[cfg(test)]
mod policy;

use crate::docker::labels::labels;
use crate::docker::leftovers;
use crate::docker::{self, ANSWER, docker};
use crate::exit::Code;
use crate::images::{Image, Part};
use crate::run::{Run, info};
use client::Compose;
use forwarder::Host;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What all containers of a run share.
#[derive(Debug)]
pub struct Containers {
    /// Compose project and network: product, checkout, run.
    pub project: String,
    /// The Compose that runs it.
    pub compose: Compose,
    /// The way from containers to this host.
    pub host: Host,
    /// Labels of everything.
    pub labels: [(&'static str, String); 3],
    images: Vec<Image>,
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
        let host = Host::of(&project).await?;
        Ok(Self {
            project,
            compose,
            host,
            labels,
            images,
            published: Mutex::default(),
        })
    }

    /// The image of a part.
    pub fn image(&self, part: Part) -> &str {
        let found = self.images.iter().find(|image| image.part == part);
        found.map_or("", |image| image.reference.as_str())
    }

    /// Images for Compose's environment.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// Notes who is behind a published port.
    pub fn publish(&self, port: u16, inside: &str) {
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        published.insert(port, inside.to_owned());
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
