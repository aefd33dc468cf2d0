//! The end of members, and of the whole stack.

use super::compose::container::Container;
use super::compose::private;
use super::lease;
use super::life::Life;
use super::native::{Native, Origin};
use crate::docker::leftovers;
use crate::docker::{self, labels};
use crate::process::Exit;
use std::time::Duration;

/// Those whom the others ask: they go last, so that nobody waits for an answer that will not come.
const USED: [&str; 5] = ["temporal", "gateway", "tools", "model", "route"];

impl Native {
    /// Starts an instance that was stopped or killed again, on the same data.
    ///
    /// # Errors
    /// As [`Native::start`]; also when it still runs.
    pub async fn restart(&self, instance: &str) -> anyhow::Result<Option<String>> {
        let member = self.member(instance)?;
        anyhow::ensure!(
            member.life.exit().is_some(),
            "{instance} still runs: stop or kill it first"
        );
        match member.origin {
            Origin::Command(command) => {
                self.start(instance, command, member.ready, member.limit)
                    .await
            }
            // It comes back here to be adopted, hence the box.
            Origin::Container(spec) => Box::pin(private::restart(self, instance, spec)).await,
            Origin::Compose => anyhow::bail!("{instance} is shared by all tests"),
        }
    }

    /// Ends one instance, gently or not; how it ended.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn end(&self, instance: &str, gently: bool) -> anyhow::Result<Exit> {
        let life = self.member(instance)?.life;
        Ok(if gently {
            life.stop(self.term_limit()).await
        } else {
            life.kill().await
        })
    }

    fn term_limit(&self) -> Duration {
        Duration::from_secs(self.config.stop.term_seconds)
    }

    /// Ends everything. Processes gently, those that use others first; a second signal turns it into SIGKILL. Containers at
    /// once: what a gentle end would save goes with them. Says what an engine did not remove; the check at the end of a run
    /// looks again.
    pub async fn down(&self) -> Option<String> {
        tokio::join!(self.end_processes(), self.remove_containers()).1
    }

    async fn end_processes(&self) {
        let processes = self.members().into_iter().filter_map(|(name, life)| {
            let Life::Process(process) = life else {
                return None;
            };
            Some((name, process))
        });
        let (used, users): (Vec<_>, Vec<_>) =
            processes.partition(|(name, _)| USED.contains(&name.as_str()));
        for group in [users, used] {
            let mut tasks = tokio::task::JoinSet::new();
            for (_, process) in group {
                let (limit, interrupt) = (self.term_limit(), self.interrupt.clone());
                tasks.spawn(async move {
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
            .filter_map(|(_, life)| match life {
                Life::Container(container) => Some(container),
                Life::Process(_) => None,
            })
            .collect();
        followed.iter().for_each(Container::let_go);
        let removed = leftovers::remove(&self.run.id, self.config.stop.docker_limit()).await;
        if let Err(error) = removed {
            return Some(self.unremoved(&error));
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
    pub fn unremoved(&self, error: &anyhow::Error) -> String {
        if !docker::is_silent(error) {
            return format!("still in Docker after the stop: {error:#}");
        }
        let mut names: Vec<String> = self
            .containers()
            .iter()
            .map(|all| all.project.clone())
            .collect();
        for (_, life) in self.members() {
            if let Life::Container(container) = life {
                names.push(container.id);
            }
        }
        format!(
            "not removed, since the Docker daemon does not answer: {}, and whatever else has the label {}={}; the next run of this checkout removes it",
            names.join(", "),
            labels::RUN,
            self.run.id
        )
    }

    /// Ports of this stack that somebody still listens on; the others are given back.
    pub fn ports_left(&self) -> Vec<u16> {
        self.give_back()
            .iter()
            .map(|lease| lease.port)
            .filter(|port| !lease::is_free(*port))
            .collect()
    }
}
