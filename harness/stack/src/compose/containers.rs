//! What all containers of a run share.

use super::client::Compose;
use super::container::Container;
use super::host_proxy::HostProxy;
use harness_base::docker::labels::labels;
use harness_base::docker::{self, ANSWER, docker, leftovers};
use harness_base::run::info;
use harness_base::{Code, Command, Run};
use harness_provision::Binary;
use harness_provision::images::{Component, Image};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

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
    /// Its published ports.
    pub published: Published,
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
            published: Published::default(),
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
}

/// Published ports of this host, and who is behind each on the run's network.
#[derive(Debug, Default)]
pub struct Published(Mutex<BTreeMap<u16, (String, Container)>>);

impl Published {
    /// Notes who is behind a port.
    pub fn add(&self, port: u16, inside: &str, container: &Container) {
        self.all()
            .insert(port, (inside.to_owned(), container.clone()));
    }

    /// The port behind which somebody of the run's network is.
    pub fn port_of(&self, inside: &str) -> Option<u16> {
        let all = self.all();
        let mut found = all.iter().filter(|(_, (it, _))| it == inside);
        found.next().map(|(port, _)| *port)
    }

    /// Who is behind a port. That of a container which has ended may be somebody else's by now.
    pub fn behind(&self, port: u16) -> Option<String> {
        let all = self.all();
        let (inside, container) = all.get(&port)?;
        (!container.is_over()).then(|| inside.clone())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u16, (String, Container)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a container's own program in it.
pub fn exec(container: &str, program: &str, args: &[String]) -> Command {
    docker(["exec", container, program]).args(args.iter().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::{Output, spawn};

    /// Ports are given out anew: one led a runner to a server of a test that was over, in place of its own way to Temporal.
    #[tokio::test]
    async fn nobody_is_behind_the_port_of_one_that_is_over() {
        let follower = spawn(&Command::new("sleep").args(["100"]), &Output::Inherit, None).unwrap();
        let container = Container::attach("it", follower.clone()).await;
        let published = Published::default();
        published.add(4001, "server-1:7234", &container);
        assert_eq!(published.behind(4001).as_deref(), Some("server-1:7234"));
        assert_eq!(published.port_of("server-1:7234"), Some(4001));
        container.let_go();
        assert_eq!(published.behind(4001), None);
        follower.kill().await;
    }
}
