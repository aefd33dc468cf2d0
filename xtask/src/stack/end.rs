//! The end of members, and of the whole stack.

use super::compose::{orphans, private};
use super::lease;
use super::native::{Native, Origin};
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

    /// Ends everything: those that use others first, then what they used. A second signal turns it into SIGKILL.
    pub async fn down(&self) {
        let (used, users): (Vec<_>, Vec<_>) = self
            .members()
            .into_iter()
            .partition(|(name, _)| USED.contains(&name.as_str()));
        for group in [users, used] {
            let mut tasks = tokio::task::JoinSet::new();
            for (_, life) in group {
                let (limit, interrupt) = (self.term_limit(), self.interrupt.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        exit = life.stop(limit) => exit,
                        () = interrupt.reached(2) => life.kill().await,
                    }
                });
            }
            while tasks.join_next().await.is_some() {}
        }
        if self.containers().is_some()
            && let Err(error) = orphans::remove(&self.run.id).await
        {
            // The check at the end of the run looks again, and decides the exit code.
            eprintln!("{error:#}");
        }
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
