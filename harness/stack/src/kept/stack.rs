//! A kept stack, found again.

use super::record::{Record, Recorded, newest};
use crate::compose::container::Container;
use crate::file::{Runtime, StackFile};
use crate::handle::Handle;
use crate::member::{LaunchSpec, Member};
use crate::stack::Stack;
use anyhow::Context;
use harness_base::lock::Lock;
use harness_base::run::sweep;
use harness_base::{
    Code, Command, Config, Ident, Info, Interrupt, Phase, Process, Run, RunContext, coded, runs_dir,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Held by whoever changes a stack, in its run's folder.
const CHANGE: &str = "pids/.change";

/// The kept stack of this checkout.
#[derive(Debug)]
pub struct KeptStack {
    /// Its members, which another command started.
    pub stack: Arc<Stack>,
    /// Its `stack.json`.
    pub file: StackFile,
    /// Who started it, and when.
    pub info: Info,
    pub(super) record: Record,
    _lock: Option<Lock>,
}

impl KeptStack {
    /// The newest of this checkout, to look at; `None` where none is up.
    ///
    /// # Errors
    /// [`Code::Usage`] when what is written of it cannot be read.
    pub async fn find(
        root: &Path,
        config: &Config,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Option<Self>> {
        let Some((dir, info)) = here(root)? else {
            return Ok(None);
        };
        let phase = dir.join(Phase::Two.name());
        let read = || {
            anyhow::Ok((
                StackFile::read(&phase.join("stack.json"))?,
                Record::read(&phase)?,
            ))
        };
        let (file, record) = read().map_err(|why| {
            let text = format!(
                "the stack that is up cannot be read, it is of another version or was cut: {why:#}\n  mend: cargo xtask down"
            );
            coded(Code::Usage, text)
        })?;
        let run = Run::open(root, &dir, &info.run_id);
        for key in [&record.runner_key, &record.model_key]
            .into_iter()
            .flatten()
        {
            run.keep_secret(key);
        }
        let context = RunContext::open(config.clone(), run, interrupt.clone());
        let mut members = Vec::new();
        for (name, recorded) in &record.members {
            members.push((name.clone(), member(&dir, name, recorded).await));
        }
        Ok(Some(Self {
            stack: Arc::new(Stack::open(&context, Phase::Two, members)),
            file,
            info,
            record,
            _lock: None,
        }))
    }

    /// The same, to change it: no other command does meanwhile.
    ///
    /// # Errors
    /// [`Code::Usage`] where none is up, it cannot be read, or another command is changing it.
    pub async fn take(root: &Path, config: &Config, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let dir = Self::dir(root)?;
        let lock = Lock::try_take(&dir.join(CHANGE))?;
        let lock = lock.ok_or_else(|| {
            let text = "another command is changing this stack: wait until it has ended";
            coded(Code::Usage, text)
        })?;
        Self::locked(root, config, interrupt, lock).await
    }

    /// [`KeptStack::take`], in turn with other commands.
    ///
    /// # Errors
    /// [`Code::Usage`] where none is up, or it cannot be read; [`Code::Interrupted`].
    pub async fn take_in_turn(
        root: &Path,
        config: &Config,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Self> {
        let path = Self::dir(root)?.join(CHANGE);
        let why = "another command is changing the stack that is up: this one waits for its end";
        let lock = match Lock::in_turn(&path, interrupt, why).await {
            Ok(lock) => lock,
            Err(error) => {
                Self::dir(root)?; // the other one may have ended it
                return Err(error);
            }
        };
        Self::locked(root, config, interrupt, lock).await
    }

    async fn locked(
        root: &Path,
        config: &Config,
        interrupt: &Interrupt,
        lock: Lock,
    ) -> anyhow::Result<Self> {
        let found = Self::find(root, config, interrupt).await?;
        let mut found = found.ok_or_else(nothing)?;
        found._lock = Some(lock);
        Ok(found)
    }

    /// The folder of its run.
    ///
    /// # Errors
    /// [`Code::Usage`] where none is up.
    pub fn dir(root: &Path) -> anyhow::Result<PathBuf> {
        let (dir, _) = here(root)?.ok_or_else(nothing)?;
        Ok(dir)
    }

    /// Whether it is made of containers.
    ///
    /// # Errors
    /// [`Code::Usage`] where none is up.
    pub fn in_containers(root: &Path) -> anyhow::Result<bool> {
        let phase = Self::dir(root)?.join(Phase::Two.name());
        // Of one that cannot be read, whoever takes it hears why.
        let file = StackFile::read(&phase.join("stack.json"));
        Ok(file.is_ok_and(|file| file.runtime == Runtime::Docker))
    }

    /// What runners show to be told secrets.
    pub fn runner_key(&self) -> Option<&str> {
        self.record.runner_key.as_deref()
    }

    /// The model's key.
    pub fn model_key(&self) -> Option<&str> {
        self.record.model_key.as_deref()
    }

    /// Temporal's version, where the stack was started by a program that kept it.
    pub fn temporal_version(&self) -> Option<&str> {
        self.record.temporal_version.as_deref()
    }

    /// Temporal's web page, where it has one.
    pub fn web(&self) -> Option<&str> {
        self.record.web.as_deref()
    }

    /// How Compose was told to start it, in containers.
    pub fn compose(&self) -> Option<&Command> {
        self.record.compose.as_ref()
    }

    /// What a member runs: the hash of a binary, or an image; `None` where nobody can tell.
    pub fn hash(&self, service: &str) -> Option<&str> {
        self.record.members.get(service)?.runs.hash()
    }

    /// A member that its user named.
    ///
    /// # Errors
    /// A usage error with those that there are.
    pub(super) fn named(&self, service: &str) -> anyhow::Result<Member> {
        let members = self.stack.members();
        let found = members.iter().find(|(name, _)| name == service);
        found.map(|(_, member)| member.clone()).ok_or_else(|| {
            let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
            let names = names.join(", ");
            let text = format!("this stack has no {service}; it has {names}");
            coded(Code::Usage, text)
        })
    }

    /// Where a member's way is, where it has one.
    pub(super) fn way(&self, service: &str) -> Option<String> {
        self.record.members.get(service)?.way.clone()
    }

    /// Writes down how it is now.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) fn write(&mut self) -> anyhow::Result<()> {
        for (name, member) in self.stack.members() {
            let way = self.record.members.get(&name).and_then(|it| it.way.clone());
            let Some(address) = way.or(member.address) else {
                continue;
            };
            match (name.as_str(), &mut self.file) {
                ("server", file) => file.server = format!("http://{address}"),
                ("gateway", file) => {
                    if let Some(gateway) = &mut file.gateway {
                        gateway.base_url = format!("http://{address}/v1");
                    }
                }
                ("temporal", file) => {
                    if let Some(temporal) = &mut file.temporal {
                        temporal.address = address;
                    }
                }
                _ => {}
            }
        }
        self.file.write(&self.stack.dir.join("stack.json"))?;
        self.record.write(&self.stack.dir)
    }
}

/// The newest that is up. One of which nobody can read what it is may be it.
fn here(root: &Path) -> anyhow::Result<Option<(PathBuf, Info)>> {
    let runs = runs_dir(root);
    let mut unreadable = sweep::unreadable(&runs).into_iter();
    match unreadable.rfind(|it| !it.owned) {
        Some(it) => Err(coded(Code::Usage, it.line())),
        None => Ok(newest(&runs)),
    }
}

fn nothing() -> anyhow::Error {
    coded(Code::Usage, "no stack is up: `cargo xtask up` starts one")
}

async fn member(dir: &Path, name: &str, recorded: &Recorded) -> Member {
    let pid_name = format!("{}-{name}", Phase::Two);
    let text = std::fs::read_to_string(dir.join("pids").join(format!("{pid_name}.json")));
    // One whose file is gone has ended before the eyes of whoever started it.
    let gone = Ident {
        pid: 0,
        start: String::new(),
        place: String::new(),
    };
    let ident = text.context("read a pid").and_then(|text| {
        let ident: Ident = serde_json::from_str(&text).context("parse a pid")?;
        Ok(ident)
    });
    let process = Process::attach(ident.unwrap_or(gone));
    let handle = match &recorded.origin {
        None => Handle::Mine,
        Some(LaunchSpec::Compose { .. }) => {
            let id = sweep::container(dir, &pid_name).unwrap_or_default();
            Handle::Container(Container::attach(&id, process).await)
        }
        Some(_) => Handle::Process(process),
    };
    let origin = recorded.origin.clone();
    Member {
        address: recorded.address.clone(),
        ..Member::shared(
            origin.unwrap_or(LaunchSpec::Compose { publishes: None }),
            recorded.ready.clone(),
            recorded.limit,
            handle,
        )
    }
}
