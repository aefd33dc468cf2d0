//! A stack: host processes, every one in its own group, logged from the first byte, recorded for the sweep; in the
//! container runtime also containers.

use crate::compose::container::TestContainer;
use crate::compose::containers::Containers;
use crate::handle::Handle;
use crate::lease::{self, Lease};
use crate::ready::{self, Ready, Waited};
use anyhow::Context;
use harness_base::{Code, Command, Output, Phase, RunContext, coded, spawn};
use harness_provision::Binary;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The variable by which services are told where to announce themselves.
const ANNOUNCE: &str = "STIGMER_ANNOUNCE_FILE";

/// The services of one phase.
#[derive(Debug)]
pub struct Stack {
    /// What the command that started it shares.
    pub context: Arc<RunContext>,
    /// The phase's folder.
    pub dir: PathBuf,
    /// Whose it is.
    pub phase: Phase,
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
    /// What it is started from again.
    pub origin: LaunchSpec,
    /// When it is ready.
    pub ready: Ready,
    /// Longest time from start to ready.
    pub limit: Duration,
    /// What it is.
    pub handle: Handle,
    /// Whose it is.
    pub owner: Owner,
}

/// Whose a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// All tests share it: none may hurt it.
    Shared,
    /// One test's own.
    Test,
}

/// What a member is started from again.
#[derive(Clone, Debug)]
pub enum LaunchSpec {
    /// A command on this host.
    Command(Command),
    /// A container of its own.
    Container(TestContainer),
    /// Compose, which starts its services together.
    Compose,
}

impl Stack {
    /// A stack without members.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(context: &Arc<RunContext>, phase: Phase) -> anyhow::Result<Self> {
        Ok(Self {
            context: context.clone(),
            dir: context.run.phase_dir(phase)?,
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
    pub(crate) fn release_ports(&self) -> Vec<Lease> {
        std::mem::take(&mut self.state().leases)
    }

    /// Starts an instance and waits until it is ready; returns its announced address, if it announces one.
    ///
    /// # Errors
    /// [`Code::NotReady`] with state, exit and log; [`Code::Interrupted`].
    pub async fn start(
        &self,
        instance: &str,
        owner: Owner,
        command: Command,
        ready: Ready,
        limit: Duration,
    ) -> anyhow::Result<Option<String>> {
        if self.context.interrupt.count() > 0 {
            return Err(coded(Code::Interrupted, "interrupted"));
        }
        // What an earlier life announced would vouch for this one.
        for var in command.env.iter().filter(|var| var.name == ANNOUNCE) {
            let _ = std::fs::remove_file(&var.value);
        }
        let temp = self.dir.join("data/tmp");
        let command = self
            .context
            .run
            .own(command)
            .env("TMPDIR", temp.to_string_lossy());
        let ready = match ready {
            Ready::Asked(check) => Ready::Asked(check.env("E2E_RUN_ID", &self.context.run.id)),
            other => other,
        };
        let (log, began) = (self.log(instance), Instant::now());
        let pid_file = self
            .context
            .run
            .pid_file(&format!("{}-{instance}", self.phase));
        let process =
            spawn(&command, &Output::Log(log.clone()), Some(&pid_file)).map_err(|error| {
                coded(
                    Code::NotReady,
                    format!("{instance} cannot be started: {error:#}"),
                )
            })?;
        let member = Member {
            origin: LaunchSpec::Command(command),
            ready,
            limit,
            handle: Handle::Process(process),
            owner,
        };
        self.watch(instance, member, began).await
    }

    /// Takes in a member that was just started, and waits until it is ready.
    ///
    /// # Errors
    /// As [`Stack::start`].
    pub async fn adopt(&self, instance: &str, mut member: Member) -> anyhow::Result<()> {
        if let Ready::Asked(check) = member.ready {
            member.ready = Ready::Asked(check.env("E2E_RUN_ID", &self.context.run.id));
        }
        self.watch(instance, member, Instant::now()).await.map(drop)
    }

    async fn watch(
        &self,
        instance: &str,
        member: Member,
        began: Instant,
    ) -> anyhow::Result<Option<String>> {
        let (handle, ready, limit) = (member.handle.clone(), member.ready.clone(), member.limit);
        self.state().members.insert(instance.to_owned(), member);
        let temp = self.dir.join("data/tmp");
        let log = self.log(instance);
        let said = temp.join(format!("{instance}.health"));
        let lines = self.context.config.evidence.tail_lines;
        let waited = Waited {
            name: instance,
            handle: &handle,
            log: &log,
            said: &said,
            limit,
            lines,
        };
        let announced = ready::wait(waited, &ready, &self.context.interrupt).await?;
        let took = began.elapsed();
        self.context
            .span(&format!("{} {instance}", self.phase), took);
        self.state().timings.push((instance.to_owned(), took));
        Ok(announced)
    }

    pub(crate) fn member(&self, instance: &str) -> anyhow::Result<Member> {
        self.state()
            .members
            .get(instance)
            .cloned()
            .with_context(|| format!("no instance named {instance}"))
    }

    /// All instances with what they are.
    pub fn members(&self) -> Vec<(String, Member)> {
        let state = self.state();
        let members = state.members.iter();
        members
            .map(|(name, member)| (name.clone(), member.clone()))
            .collect()
    }

    /// Refuses what is not a test's own: only that may be hurt.
    ///
    /// # Errors
    /// When it is shared, or there is none of that name.
    pub fn is_tests_own(&self, instance: &str) -> anyhow::Result<()> {
        match self.member(instance)?.owner {
            Owner::Test => Ok(()),
            Owner::Shared => {
                anyhow::bail!("{instance} is shared by all tests: start one of your own")
            }
        }
    }

    /// A binary of this workspace, as configured or as the build made it.
    ///
    /// # Errors
    /// When the build has not ended, or did not make it.
    pub fn binary(&self, binary: Binary) -> anyhow::Result<PathBuf> {
        let artifacts = self.context.artifacts()?;
        binary.path(&self.context.config, &artifacts)
    }

    /// From start to ready, by instance.
    pub fn timings(&self) -> Vec<(String, Duration)> {
        self.state().timings.clone()
    }
}
