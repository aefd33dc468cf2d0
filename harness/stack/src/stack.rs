//! A stack: host processes, every one in its own group, logged from the first byte, recorded for the sweep; in the
//! container runtime also containers.

use crate::compose::containers::Containers;
use crate::handle::Handle;
use crate::lease::{self, Lease};
use crate::member::{LaunchSpec, Member, Owner, Stay};
use anyhow::Context;
use harness_base::{Phase, RunContext};
use harness_provision::Binary;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

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

#[derive(Debug, Default)]
struct State {
    members: BTreeMap<String, Member>,
    leases: Vec<Lease>,
    timings: Vec<(String, Duration)>,
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

    /// Takes in one that was just started.
    pub(crate) fn insert(&self, instance: &str, member: Member) {
        self.state().members.insert(instance.to_owned(), member);
    }

    /// One of its members is ready, at an address that it announced or was told.
    pub(crate) fn note_ready(&self, instance: &str, took: Duration, address: Option<&str>) {
        let mut state = self.state();
        state.timings.push((instance.to_owned(), took));
        if let (Some(member), Some(address)) = (state.members.get_mut(instance), address) {
            member.address = Some(address.to_owned());
        }
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
