//! The end of members, and of the whole stack.

use crate::compose::test_instance;
use crate::compose::{self, container::Container};
use crate::handle::Handle;
use crate::lease;
use crate::member::{Launch, LaunchSpec};
use crate::stack::Stack;
use anyhow::Context;
use harness_base::Exit;
use harness_base::docker::{self, labels, leftovers};
use std::time::Duration;

/// Those whom the others ask: they go last, so that nobody waits for an answer that will not come.
const USED: [&str; 5] = ["temporal", "gateway", "mcp", "model", "route"];
/// All that it has is in memory, and its gentle end takes a second (1.05 s, twice, nothing else running).
const KILLED_AT_ONCE: &str = "temporal";

impl Stack {
    /// Starts an instance that was stopped or killed again, on the same data.
    ///
    /// # Errors
    /// As [`Stack::start`]; also when it still runs.
    pub async fn restart(&self, instance: &str) -> anyhow::Result<Option<String>> {
        let member = self.member(instance)?;
        anyhow::ensure!(
            member.handle.exit().is_some(),
            "{instance} still runs: stop or kill it first"
        );
        match member.origin.clone() {
            LaunchSpec::Command(command) => {
                let launch = Launch {
                    command,
                    ready: member.ready,
                    limit: member.limit,
                    described: member.described,
                };
                self.start(instance, member.owner, launch).await
            }
            // It comes back here to be adopted, hence the box.
            LaunchSpec::Container(it) => {
                let containers = self.containers();
                let containers = containers.context("this stack has no containers")?;
                Box::pin(test_instance::restart(self, containers, instance, it)).await
            }
            LaunchSpec::Compose { .. } => compose::again(self, instance, member).await,
        }
    }

    /// Holds an instance where it is, or lets it go on.
    ///
    /// # Errors
    /// When there is none of that name, or it has ended.
    pub async fn pause(&self, instance: &str, paused: bool) -> anyhow::Result<()> {
        let handle = self.member(instance)?.handle;
        if let Some(end) = handle.end() {
            anyhow::bail!("{instance} does not run: {end}");
        }
        handle.pause(paused).await
    }

    /// Ends one instance, gently or not; how it ended.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn end(&self, instance: &str, gently: bool) -> anyhow::Result<Exit> {
        let handle = self.member(instance)?.handle;
        Ok(if gently {
            handle.stop(self.term_limit()).await
        } else {
            handle.kill().await
        })
    }

    fn term_limit(&self) -> Duration {
        Duration::from_secs(self.context.config.stop.term_seconds)
    }

    /// Ends everything. Processes gently, those that use others first; a second signal turns it into SIGKILL. Temporal and
    /// containers at once: what a gentle end would save goes with them. Says what an engine did not remove; the check at the
    /// end of a run looks again.
    pub async fn down(&self) -> Option<String> {
        tokio::join!(self.end_processes(), self.remove_containers()).1
    }

    async fn end_processes(&self) {
        let processes = self.members().into_iter().filter_map(|(name, member)| {
            let Handle::Process(process) = member.handle else {
                return None;
            };
            Some((name, process))
        });
        let (used, users): (Vec<_>, Vec<_>) =
            processes.partition(|(name, _)| USED.contains(&name.as_str()));
        for group in [users, used] {
            let mut tasks = tokio::task::JoinSet::new();
            for (name, process) in group {
                let (limit, interrupt) = (self.term_limit(), self.context.interrupt.clone());
                tasks.spawn(async move {
                    if name == KILLED_AT_ONCE {
                        return process.kill().await;
                    }
                    tokio::select! {
                        exit = process.stop(limit) => exit,
                        () = interrupt.reached(2) => process.kill().await,
                    }
                });
            }
            while tasks.join_next().await.is_some() {}
        }
    }

    async fn remove_containers(&self) -> Option<String> {
        self.containers()?;
        let members = self.members().into_iter();
        let followed: Vec<_> = members
            .filter_map(|(_, member)| match member.handle {
                Handle::Container(container) => Some(container),
                Handle::Process(_) | Handle::Mine => None,
            })
            .collect();
        followed.iter().for_each(Container::let_go);
        let removed = leftovers::remove(
            &self.context.run.id,
            self.context.config.stop.docker_limit(),
        )
        .await;
        if let Err(error) = removed {
            return Some(self.why_not_removed(&error));
        }
        // Their logs end with them.
        let logs = async {
            for container in &followed {
                container.wait().await;
            }
        };
        let _ = tokio::time::timeout(self.term_limit(), logs).await;
        None
    }

    /// What may still be in an engine, and why it was not removed.
    pub fn why_not_removed(&self, error: &anyhow::Error) -> String {
        if !docker::is_silent(error) {
            return format!("still in Docker after the stop: {error:#}");
        }
        let mut names: Vec<String> = self
            .containers()
            .iter()
            .map(|all| all.project.clone())
            .collect();
        for (_, member) in self.members() {
            if let Handle::Container(container) = member.handle {
                names.push(container.id);
            }
        }
        format!(
            "not removed, since the Docker daemon does not answer: {}, and whatever else has the label {}={}; the next run of this checkout removes it",
            names.join(", "),
            labels::RUN,
            self.context.run.id
        )
    }

    /// Ports of this stack that somebody still listens on; the others are given back.
    pub fn ports_left(&self) -> Vec<u16> {
        self.release_ports()
            .iter()
            .map(|lease| lease.port)
            .filter(|port| !lease::is_free(*port))
            .collect()
    }
}
