//! How a stack's members are, for people and for programs.

use super::stack::KeptStack;
use crate::handle::Handle;
use crate::ready::{self, Waited};
use harness_base::run::sweep;
use harness_base::{Code, coded};
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};

/// One service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// Its name; with the phase before it where the stack is not a kept one.
    pub name: String,
    /// How it is.
    pub state: State,
    /// Its process, or the one that follows its container's log.
    pub pid: Option<i32>,
    /// Its container.
    pub container: Option<String>,
    /// `HOST:PORT` of this host.
    pub address: Option<String>,
    /// The SHA-256 of its binary, or its image; null where nobody can tell.
    pub runs: Option<String>,
    /// What of it is old, one line; null where nothing is.
    pub changed: Option<String>,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It runs.
    Running,
    /// It is held where it is.
    Paused,
    /// It does not run.
    Gone,
    /// Its user started it: nobody here knows.
    Yours,
}

impl State {
    /// For a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Gone => "GONE",
            Self::Yours => "yours",
        }
    }
}

/// What a run of another command recorded: all that can be said of a stack which is not kept.
pub fn recorded(dir: &Path) -> Vec<ServiceStatus> {
    let all = sweep::recorded(dir).into_iter();
    all.map(|(name, ident)| ServiceStatus {
        container: sweep::container(dir, &name),
        state: if ident.is_paused() {
            State::Paused
        } else {
            State::Running
        },
        pid: Some(ident.pid),
        name,
        address: None,
        runs: None,
        changed: None,
    })
    .collect()
}

impl KeptStack {
    /// Each member, and what of it differs from the files and sources of now.
    ///
    /// # Errors
    /// When sources cannot be read.
    pub async fn status(&self) -> anyhow::Result<Vec<ServiceStatus>> {
        let changes = self.changes(None)?;
        let mut all = Vec::new();
        for (name, member) in self.stack.members() {
            let handle = &member.handle;
            let (pid, container) = match handle {
                Handle::Process(process) => (Some(process.ident.pid), None),
                Handle::Container(container) => (None, Some(container.id.clone())),
                Handle::Mine => (None, None),
            };
            let state = match handle {
                Handle::Mine => State::Yours,
                _ if handle.exit().is_some() => State::Gone,
                _ if handle.is_paused().await => State::Paused,
                _ => State::Running,
            };
            let change = changes.iter().find(|change| change.service == name);
            all.push(ServiceStatus {
                state,
                pid: pid.filter(|_| state != State::Gone),
                container,
                address: self.way(&name).or(member.address.clone()),
                runs: self.hash(&name).map(str::to_owned),
                changed: change.map(ToString::to_string),
                name,
            });
        }
        Ok(all)
    }

    /// Waits until each member is ready by its own health check; which of `services`, or all where there are none.
    ///
    /// # Errors
    /// The first that ended, or is not ready within `limit`; a usage error for one that is not there.
    pub async fn wait(&self, services: &[String], limit: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        let members = self.stack.members();
        if let Some(unknown) = services
            .iter()
            .find(|service| !members.iter().any(|(name, _)| name == *service))
        {
            return Err(coded(
                Code::Usage,
                format!(
                    "this stack has no {unknown}\n  mend: cargo xtask status lists what it has"
                ),
            ));
        }
        let wanted = |name: &String| services.is_empty() || services.contains(name);
        for (name, member) in members.into_iter().filter(|(name, _)| wanted(name)) {
            let waited = Waited {
                name: &name,
                handle: &member.handle,
                log: &self.stack.log(&name),
                said: &self.stack.dir.join(format!("data/tmp/{name}.wait")),
                described: None,
                limit: limit.saturating_sub(began.elapsed()),
                lines: self.stack.context.config.evidence.tail_lines,
            };
            let context = &self.stack.context;
            let ready = ready::wait(waited, &member.ready, &context.interrupt).await;
            ready.map_err(|error| context.run.redacted(&error))?;
        }
        Ok(())
    }
}
