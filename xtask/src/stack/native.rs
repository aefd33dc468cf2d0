//! A stack: host processes, every one in its own group, logged from the first byte, recorded for the sweep; in the
//! container runtime also containers.

use super::compose::{Containers, private};
use super::lease::{self, Lease};
use super::life::Life;
use super::ready::{self, Ready, Waited};
use crate::config::Config;
use crate::exit::{Code, coded};
use crate::process::{Command, Output, spawn};
use crate::run::Run;
use crate::signals::Interrupt;
use anyhow::Context;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The processes of one phase.
#[derive(Debug)]
pub struct Native {
    /// The run it belongs to.
    pub run: Run,
    /// The phase's folder.
    pub dir: PathBuf,
    /// `e2e.toml`.
    pub config: Arc<Config>,
    /// The user's wish to stop.
    pub interrupt: Interrupt,
    /// `phase1` or `phase2`.
    pub phase: &'static str,
    containers: OnceLock<Arc<Containers>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    members: BTreeMap<String, Member>,
    leases: Vec<Lease>,
    timings: Vec<(String, Duration)>,
}

/// One member of a stack.
#[derive(Clone, Debug)]
pub struct Member {
    pub(super) origin: Origin,
    pub(super) ready: Ready,
    pub(super) limit: Duration,
    pub(super) life: Life,
}

/// What a member is started from again.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A command on this host.
    Command(Command),
    /// A container of its own.
    Container(private::Spec),
    /// Compose, which starts its services together.
    Compose,
}

impl Native {
    /// A stack without members. `phase` names its folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(
        run: &Run,
        phase: &'static str,
        config: &Arc<Config>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Self> {
        let dir = run.phase_dir(phase)?;
        Ok(Self {
            run: run.clone(),
            dir,
            config: config.clone(),
            interrupt: interrupt.clone(),
            phase,
            containers: OnceLock::new(),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding it; if so, what is recorded is still what has to be stopped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The containers' common part; `None` where everything is a process.
    pub fn containers(&self) -> Option<&Containers> {
        self.containers.get().map(AsRef::as_ref)
    }

    /// From now on this stack has containers, and its end removes them.
    pub fn own_containers(&self, containers: Arc<Containers>) {
        // A second call would be of the same run: what it has is found by the run's label.
        let _ = self.containers.set(containers);
    }

    /// An instance's log.
    pub fn log(&self, instance: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{instance}.log"))
    }

    /// A free port, kept until the stack ends.
    ///
    /// # Errors
    /// When there is none.
    pub fn port(&self) -> anyhow::Result<u16> {
        let lease = lease::lease()?;
        let port = lease.port;
        self.state().leases.push(lease);
        Ok(port)
    }

    /// Its ports, which are this stack's no longer.
    pub(super) fn give_back(&self) -> Vec<Lease> {
        std::mem::take(&mut self.state().leases)
    }

    /// Starts an instance and waits until it is ready; returns its announced address, if it announces one.
    ///
    /// # Errors
    /// [`Code::NotReady`] with state, exit and log; [`Code::Interrupted`].
    pub async fn start(
        &self,
        instance: &str,
        command: Command,
        ready: Ready,
        limit: Duration,
    ) -> anyhow::Result<Option<String>> {
        if self.interrupt.count() > 0 {
            return Err(coded(Code::Interrupted, "interrupted"));
        }
        if let Ready::Announced { file, .. } = &ready {
            let _ = std::fs::remove_file(file); // an earlier life's address
        }
        let temp = self.dir.join("data/tmp");
        let command = self.run.own(command).env("TMPDIR", temp.to_string_lossy());
        let ready = match ready {
            Ready::Asked(check) => Ready::Asked(check.env("E2E_RUN_ID", &self.run.id)),
            other => other,
        };
        let (log, began) = (self.log(instance), Instant::now());
        let pid_file = self.run.pid_file(&format!("{}-{instance}", self.phase));
        let process =
            spawn(&command, &Output::Log(log.clone()), Some(&pid_file)).map_err(|error| {
                coded(
                    Code::NotReady,
                    format!("{instance} cannot be started: {error:#}"),
                )
            })?;
        let life = Life::Process(process);
        self.watch(
            instance,
            life,
            Origin::Command(command),
            ready,
            limit,
            began,
        )
        .await
    }

    /// Takes in a member that was just started, and waits until it is ready.
    ///
    /// # Errors
    /// As [`Native::start`].
    pub async fn adopt(
        &self,
        instance: &str,
        life: Life,
        origin: Origin,
        ready: Ready,
        limit: Duration,
    ) -> anyhow::Result<()> {
        let ready = match ready {
            Ready::Asked(check) => Ready::Asked(check.env("E2E_RUN_ID", &self.run.id)),
            other => other,
        };
        self.watch(instance, life, origin, ready, limit, Instant::now())
            .await
            .map(drop)
    }

    async fn watch(
        &self,
        instance: &str,
        life: Life,
        origin: Origin,
        ready: Ready,
        limit: Duration,
        began: Instant,
    ) -> anyhow::Result<Option<String>> {
        let member = Member {
            origin,
            ready: ready.clone(),
            limit,
            life: life.clone(),
        };
        self.state().members.insert(instance.to_owned(), member);
        let temp = self.dir.join("data/tmp");
        let log = self.log(instance);
        let said = temp.join(format!("{instance}.health"));
        let lines = self.config.evidence.tail_lines;
        let waited = Waited {
            name: instance,
            life: &life,
            log: &log,
            said: &said,
            limit,
            lines,
        };
        let announced = ready::wait(waited, &ready, &self.interrupt).await?;
        self.state()
            .timings
            .push((instance.to_owned(), began.elapsed()));
        Ok(announced)
    }

    pub(super) fn member(&self, instance: &str) -> anyhow::Result<Member> {
        self.state()
            .members
            .get(instance)
            .cloned()
            .with_context(|| format!("no instance named {instance}"))
    }

    /// All instances with how they ended, if they have.
    pub fn members(&self) -> Vec<(String, Life)> {
        self.state()
            .members
            .iter()
            .map(|(name, member)| (name.clone(), member.life.clone()))
            .collect()
    }

    /// From start to ready, by instance.
    pub fn timings(&self) -> Vec<(String, Duration)> {
        self.state().timings.clone()
    }
}
