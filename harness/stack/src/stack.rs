//! A stack: host processes, every one in its own group, logged from the first byte, recorded for the sweep; in the
//! container runtime also containers.

use crate::compose::containers::Containers;
use crate::compose::test_container::TestContainer;
use crate::handle::Handle;
use crate::lease::{self, Lease};
use crate::private;
use crate::ready::{self, Ready, Waited};
use crate::service::Described;
use anyhow::Context;
use harness_base::process::ident;
use harness_base::{Code, Command, Output, Phase, RunContext, coded, listener, spawn};
use harness_provision::Binary;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The variable by which services are told where to announce themselves.
const ANNOUNCE: &str = "STIGMER_ANNOUNCE_FILE";

/// The variable by which everything of a run is found.
const RUN_ID: &str = "E2E_RUN_ID";
/// A year: nobody knows how long somebody sits before a debugger.
const FOR_ITS_USER: Duration = Duration::from_secs(365 * 24 * 3600);

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
    stay: Option<Stay>,
    beside: OnceLock<Arc<Stack>>,
    state: Mutex<State>,
}

/// What is different where a stack outlives the command that starts it.
#[derive(Clone, Debug, Default)]
pub struct Stay {
    /// The service that its user starts.
    pub mine: Option<String>,
    /// Whether Temporal has its web page.
    pub web: bool,
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
    /// Where this host reaches it, `HOST:PORT`, once it is ready.
    pub address: Option<String>,
    /// Where it is described, if it is somebody else's build.
    pub described: Option<Described>,
}

impl Member {
    /// One of a stack's own that was just started.
    pub fn shared(origin: LaunchSpec, ready: Ready, limit: Duration, handle: Handle) -> Self {
        Self {
            origin,
            ready,
            limit,
            handle,
            owner: Owner::Shared,
            address: None,
            described: None,
        }
    }
}

/// A process that is to be started, and when it is ready.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What is run.
    pub command: Command,
    /// When it is ready.
    pub ready: Ready,
    /// Longest time from start to ready.
    pub limit: Duration,
    /// Where it is described, if it is somebody else's build.
    pub described: Option<Described>,
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum LaunchSpec {
    /// A command on this host.
    Command(Command),
    /// A container of its own.
    #[serde(skip)]
    Container(TestContainer),
    /// Compose, which starts its services together.
    Compose {
        /// The port that is published on loopback.
        publishes: Option<u16>,
    },
}

impl Stack {
    /// A stack without members.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(context: &Arc<RunContext>, phase: Phase) -> anyhow::Result<Self> {
        Ok(Self::at(context, phase, context.run.phase_dir(phase)?))
    }

    /// One that another command started, as far as it is told of its members.
    pub fn open(context: &Arc<RunContext>, phase: Phase, members: Vec<(String, Member)>) -> Self {
        let stack = Self::at(context, phase, context.run.dir.join(phase.name()));
        stack.state().members.extend(members);
        stack
    }

    fn at(context: &Arc<RunContext>, phase: Phase, dir: PathBuf) -> Self {
        Self {
            context: context.clone(),
            dir,
            phase,
            containers: OnceLock::new(),
            stay: None,
            beside: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    /// It outlives this command: its ports are its own for good, so that each service can be started again where it was.
    #[must_use]
    pub fn staying(mut self, stay: Stay) -> Self {
        self.stay = Some(stay);
        self
    }

    /// What is different since it outlives this command; `None` where it does not.
    pub fn stay(&self) -> Option<&Stay> {
        self.stay.as_ref()
    }

    /// Tests run on the services of this one, which is there already; what this one has are instances of tests' own.
    pub fn stands_beside(&self, kept: Arc<Stack>) {
        // It is told once, by whoever finds it.
        let _ = self.beside.set(kept);
    }

    /// Shared services that tests run on: its own, and those of the stack that it stands beside; each with its log.
    pub fn shared(&self) -> Vec<(String, Handle, PathBuf)> {
        let stacks = std::iter::once(self).chain(self.beside.get().map(AsRef::as_ref));
        let shared = |stack: &Self| {
            let members = stack.members().into_iter();
            let shared = members.filter(|(_, member)| member.owner == Owner::Shared);
            shared
                .map(|(name, member)| {
                    let log = stack.log(&name);
                    (name, member.handle, log)
                })
                .collect::<Vec<_>>()
        };
        stacks.flat_map(shared).collect()
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

    /// Starts an instance and waits until it is ready; returns the address that it announces, or that it was told to serve.
    ///
    /// # Errors
    /// [`Code::NotReady`] with state, exit and log; [`Code::Interrupted`].
    pub async fn start(
        &self,
        instance: &str,
        owner: Owner,
        launch: Launch,
    ) -> anyhow::Result<Option<String>> {
        let Launch {
            command,
            ready,
            limit,
            described,
        } = launch;
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
        if let Some((described, port)) = described.as_ref().and_then(|it| Some((it, it.port?))) {
            lease::check_free(port, &format!("{}: {instance}", described.command))?;
        }
        let ready = match ready {
            Ready::Asked(check) => Ready::Asked(check.env(RUN_ID, &self.context.run.id)),
            other => other,
        };
        if let Ready::Polls(pollers) = &ready {
            pollers.before_start().await;
        }
        if self.stay().and_then(|stay| stay.mine.as_deref()) == Some(instance) {
            return self.wait_for_mine(instance, command, ready).await;
        }
        let (log, began) = (self.log(instance), Instant::now());
        let pid_file = self
            .context
            .run
            .pid_file(&format!("{}-{instance}", self.phase));
        let process =
            spawn(&command, &Output::Log(log.clone()), Some(&pid_file)).map_err(|error| {
                let at = described.as_ref().map(|it| format!("{}: ", it.command));
                let at = at.unwrap_or_default();
                let text = format!("{at}{instance} cannot be started: {error:#}");
                coded(Code::NotReady, text)
            })?;
        let member = Member {
            origin: LaunchSpec::Command(command),
            ready,
            limit,
            handle: Handle::Process(process),
            owner,
            address: described
                .as_ref()
                .filter(|it| it.serves)
                .and_then(|it| it.port)
                .map(|port| format!("127.0.0.1:{port}")),
            described: described.clone(),
        };
        let announced = self.watch(instance, member, began).await?;
        let Some((described, port)) = described.as_ref().and_then(|it| Some((it, it.port?))) else {
            return Ok(announced);
        };
        self.check_holder(port, &format!("{}: {instance}", described.command))?;
        Ok(announced)
    }

    /// Refuses a port on which somebody else answers in the place of a part that was told it.
    fn check_holder(&self, port: u16, at: &str) -> anyhow::Result<()> {
        let Some((pid, name)) = listener(port) else {
            return Ok(()); // not to be seen from here
        };
        let ours = ident::with_env("E2E_RUN_ID", &self.context.run.id);
        if ours.iter().any(|ident| ident.pid == pid) {
            return Ok(());
        }
        let text = format!("{at}: port {port} is taken by {name} (pid {pid}), which answers there");
        Err(coded(Code::NotReady, text))
    }

    /// Says how a service is started, and waits until its user has done so, however long that takes.
    async fn wait_for_mine(
        &self,
        instance: &str,
        command: Command,
        ready: Ready,
    ) -> anyhow::Result<Option<String>> {
        // What is its user's is not this run's to end.
        let mut command = command;
        command.env.retain(|var| var.name != RUN_ID);
        let file = self.dir.join("data").join(format!("{instance}.env"));
        private::write(&file, &command.shell_env())?;
        let program = Command {
            env: Vec::new(),
            ..command.clone()
        };
        let (file, program) = (file.display(), program.echo());
        eprintln!(
            "{instance} is yours to start: everything else is up or waits for it.\n\n    {}\n\n\
             The same with its keys, as they are in {file}:\n    ( . {file}; exec {program} )\n\
             in a debugger:\n    ( . {file}; exec gdb --args {program} )",
            command.echo()
        );
        let origin = LaunchSpec::Command(command);
        let member = Member::shared(origin, ready, FOR_ITS_USER, Handle::Mine);
        self.watch(instance, member, Instant::now()).await
    }

    /// Takes in a member that was just started, and waits until it is ready.
    ///
    /// # Errors
    /// As [`Stack::start`].
    pub async fn adopt(&self, instance: &str, mut member: Member) -> anyhow::Result<()> {
        if let Ready::Asked(check) = member.ready {
            member.ready = Ready::Asked(check.env(RUN_ID, &self.context.run.id));
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
        let (described, told) = (member.described.clone(), member.address.clone());
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
            described: described.as_ref(),
            limit,
            lines,
        };
        let announced = ready::wait(waited, &ready, &self.context.interrupt).await?;
        let announced = announced.or(told);
        let took = began.elapsed();
        self.context
            .span(&format!("{} {instance}", self.phase), took);
        let mut state = self.state();
        state.timings.push((instance.to_owned(), took));
        if let Some(member) = state.members.get_mut(instance)
            && announced.is_some()
        {
            member.address.clone_from(&announced);
        }
        Ok(announced)
    }

    pub(crate) fn member(&self, instance: &str) -> anyhow::Result<Member> {
        self.state()
            .members
            .get(instance)
            .cloned()
            .with_context(|| format!("no instance named {instance}"))
    }

    /// Has an instance started from another program from now on.
    pub(crate) fn replace_program(&self, instance: &str, program: &std::path::Path) {
        let mut state = self.state();
        if let Some(member) = state.members.get_mut(instance)
            && let LaunchSpec::Command(command) = &mut member.origin
        {
            program.clone_into(&mut command.program);
        }
    }

    /// Knows nothing any more of members that have ended.
    pub(crate) fn leave_out_what_ended(&self) {
        let mut state = self.state();
        let members = &mut state.members;
        members.retain(|_, member| member.handle.exit().is_none());
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
