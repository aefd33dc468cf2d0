//! A member of a stack as the rest sees it: a process of this host, or a container.

use crate::compose::container::{Container, Why};
use harness_base::{Exit, Process};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::time::Duration;

/// A thread in the middle of a call of the system, a write to a slow disk at the worst, stands still after it.
const HELD: std::time::Duration = std::time::Duration::from_secs(10);
/// Between two looks at a process that is to stand still.
const LOOK: std::time::Duration = std::time::Duration::from_millis(1);

/// A running (or ended) member.
#[derive(Clone, Debug)]
pub enum Handle {
    /// A process in a group of its own.
    Process(Process),
    /// A container.
    Container(Container),
    /// Whatever its user starts in its place: nobody here knows its process.
    Mine,
}

impl Handle {
    /// How it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        match self {
            Self::Process(process) => process.exit(),
            Self::Container(container) => container.exit(),
            Self::Mine => None,
        }
    }

    /// How it ended, for people; `None` while it runs.
    pub fn end(&self) -> Option<String> {
        let exit = self.exit()?;
        match self.why() {
            Some(Why::Memory) => Some(format!(
                "{exit}, since it used more memory than it may have (mem_limit in compose/compose.yaml)"
            )),
            Some(Why::Engine) => {
                Some("nobody can say, since the Docker daemon stopped answering".into())
            }
            None => Some(exit.to_string()),
        }
    }

    /// Whether nothing is known of it any more, since its engine went away.
    pub fn is_lost(&self) -> bool {
        self.why() == Some(Why::Engine)
    }

    fn why(&self) -> Option<Why> {
        match self {
            Self::Process(_) | Self::Mine => None,
            Self::Container(container) => container.why(),
        }
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Exit {
        match self {
            Self::Process(process) => process.wait().await,
            Self::Container(container) => container.wait().await,
            Self::Mine => std::future::pending().await,
        }
    }

    /// SIGTERM, then SIGKILL after `limit`; returns how it ended.
    pub async fn stop(&self, limit: Duration) -> Exit {
        match self {
            Self::Process(process) => process.stop(limit).await,
            Self::Container(container) => container.stop(limit).await,
            Self::Mine => Exit::UNKNOWN,
        }
    }

    /// SIGKILL; returns how it ended.
    pub async fn kill(&self) -> Exit {
        match self {
            Self::Process(process) => process.kill().await,
            Self::Container(container) => container.kill().await,
            Self::Mine => Exit::UNKNOWN,
        }
    }

    /// Whether it is held where it is.
    pub async fn is_paused(&self) -> bool {
        match self {
            Self::Process(process) => process.ident.is_paused(),
            Self::Container(container) => container.is_paused().await,
            Self::Mine => false,
        }
    }

    /// Holds it where it is, or lets it go on.
    ///
    /// # Errors
    /// When an engine refuses.
    pub async fn pause(&self, paused: bool) -> anyhow::Result<()> {
        match self {
            Self::Process(process) => {
                process.signal(if paused {
                    Signal::SIGSTOP
                } else {
                    Signal::SIGCONT
                });
                // Nothing tells when the last thread stands still; it takes microseconds.
                let began = std::time::Instant::now();
                let held = || process.ident.is_paused() || !process.ident.alive();
                while paused && cfg!(target_os = "linux") && !held() {
                    anyhow::ensure!(
                        began.elapsed() < HELD,
                        "process {} does not stand still after SIGSTOP",
                        process.ident.pid
                    );
                    tokio::time::sleep(LOOK).await;
                }
                Ok(())
            }
            Self::Container(container) => container.pause(paused).await,
            Self::Mine => Ok(()),
        }
    }

    /// What it is, for the evidence.
    pub fn describe(&self) -> Value {
        let state = self.end().unwrap_or_else(|| "running".into());
        match self {
            Self::Process(process) => json!({ "pid": process.ident.pid, "state": state }),
            Self::Container(container) => json!({ "container": container.id, "state": state }),
            Self::Mine => json!({ "state": "its user's" }),
        }
    }
}
