//! What is written down of a kept stack, for whoever uses it next. It holds keys, so it lies in the stack's data, for this
//! user alone, and goes with it.

use crate::bring_up::Up;
use crate::handle::Handle;
use crate::member::{LaunchSpec, Member, Owner};
use crate::private;
use crate::ready::Ready;
use crate::stack::Stack;
use crate::start::ours;
use anyhow::Context;
use harness_base::run::sweep;
use harness_base::{Command, Fingerprint, Info, Phase};
use harness_provision::images::Image;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A kept stack beyond its `stack.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// What runners show to be told secrets.
    pub(super) runner_key: Option<String>,
    /// The model's key.
    pub(super) model_key: Option<String>,
    /// Temporal's web page.
    pub(super) web: Option<String>,
    /// Temporal's version, as it was found at the start.
    #[serde(default)]
    pub(super) temporal_version: Option<String>,
    /// How Compose was told to start it, in containers.
    pub(super) compose: Option<Command>,
    /// Its members, by name.
    pub(super) members: BTreeMap<String, Recorded>,
}

/// One member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// What it is started from again; `None` for its user's own.
    pub(super) origin: Option<LaunchSpec>,
    /// When it is ready.
    pub(super) ready: Ready,
    /// Longest time from start to ready.
    pub(super) limit: Duration,
    /// Where this host reaches it.
    pub(super) address: Option<String>,
    /// Where its way is, by which others find it, where it has one.
    #[serde(default)]
    pub(super) way: Option<String>,
    /// What it runs.
    pub(super) runs: Runs,
}

/// What a member runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Runs {
    /// A file with these bytes.
    Binary(Fingerprint),
    /// An image, whose tag is a hash.
    Image(String),
    /// Nobody here can tell, or it is none of ours.
    Other,
}

impl Runs {
    /// What it comes down to, for people and programs; `None` where nobody can tell.
    pub(super) fn hash(&self) -> Option<&str> {
        match self {
            Self::Binary(print) => Some(&print.sha256),
            Self::Image(reference) => Some(reference),
            Self::Other => None,
        }
    }
}

impl Recorded {
    fn of(member: &Member, runs: Runs) -> Self {
        let mine = matches!(member.handle, Handle::Mine);
        Self {
            origin: (!mine).then(|| member.origin.clone()),
            ready: member.ready.clone(),
            limit: member.limit,
            address: member.address.clone(),
            way: None,
            runs: if mine { Runs::Other } else { runs },
        }
    }
}

/// The newest run whose stack of phase 2 was kept and still has processes.
pub fn newest(runs: &Path) -> Option<(PathBuf, Info)> {
    let is_up = |(dir, info): &(PathBuf, Info)| {
        let written = path(&dir.join(Phase::Two.name())).is_file();
        info.kept && written && !sweep::recorded(dir).is_empty()
    };
    sweep::runs(runs).into_iter().rev().find(is_up)
}

fn path(phase: &Path) -> PathBuf {
    phase.join("data/kept.json")
}

impl Record {
    /// Reads that of a phase's folder.
    ///
    /// # Errors
    /// When it is not there or not ours.
    pub(super) fn read(phase: &Path) -> anyhow::Result<Self> {
        let path = path(phase);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))
    }

    /// Writes it there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, phase: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("describe the kept stack")?;
        private::write(&path(phase), &text)
    }

    /// Notes how a member is now, after it was started again.
    pub(super) fn note(&mut self, name: &str, member: &Member, runs: Runs) {
        let way = self.members.get(name).and_then(|it| it.way.clone());
        let recorded = Recorded {
            way,
            ..Recorded::of(member, runs)
        };
        self.members.insert(name.to_owned(), recorded);
    }
}

/// The hash of what a command starts.
pub(super) fn runs_of(command: &Command) -> Runs {
    Fingerprint::of(&command.program).map_or(Runs::Other, Runs::Binary)
}

/// Writes down a stack that shall be kept.
///
/// # Errors
/// When it cannot be written.
pub async fn keep(stack: &Stack, up: &Up) -> anyhow::Result<()> {
    let members = stack.members().into_iter();
    let shared: Vec<_> = members
        .filter(|(_, member)| member.owner == Owner::Shared)
        .collect();
    let images = stack.containers().map(|all| all.images.clone());
    let runs = shared.iter().map(|(name, member)| match &member.origin {
        LaunchSpec::Command(command) if ours(name).is_some() => {
            let command = command.clone();
            // Each is read as a whole: side by side, they take as long as the largest.
            tokio::task::spawn_blocking(move || runs_of(&command))
        }
        LaunchSpec::Compose { .. } => {
            let image = image_of(images.as_deref().unwrap_or_default(), name);
            tokio::spawn(async move { image.map_or(Runs::Other, Runs::Image) })
        }
        _ => tokio::spawn(async { Runs::Other }),
    });
    let tasks: Vec<_> = runs.collect();
    let mut record = Record {
        runner_key: up.wiring.runner_key.clone(),
        model_key: up.wiring.runner_model.key.clone(),
        web: up.web.clone(),
        temporal_version: Some(up.temporal.version.clone()),
        compose: stack.containers().and_then(|all| all.up().cloned()),
        members: BTreeMap::new(),
    };
    for ((name, member), task) in shared.iter().zip(tasks) {
        let runs = task.await.context("look at a binary")?;
        record.note(name, member, runs);
    }
    record.write(&stack.dir)
}

/// The image of a service of Compose's.
pub(super) fn image_of(images: &[Image], service: &str) -> Option<String> {
    let found = images
        .iter()
        .find(|image| image.component.name() == service);
    found.map(|image| image.reference.clone())
}
