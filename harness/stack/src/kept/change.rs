//! What of a kept stack is no longer what the sources say.

use super::record::{Runs, image_of};
use super::stack::KeptStack;
use crate::member::{LaunchSpec, Member};
use crate::start::ours;
use anyhow::Context;
use harness_base::{Artifacts, Fingerprint};
use harness_provision::images::{self, Image};
use std::fmt;
use std::path::PathBuf;

/// Why a member is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub service: String,
    /// Why.
    pub why: Why,
}

/// Why a member is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It runs other bytes than its file has now.
    Binary {
        /// The file.
        path: PathBuf,
        /// The hash of what it runs.
        from: String,
        /// The file as it is now.
        to: Fingerprint,
    },
    /// It runs another image than the sources have.
    Image {
        /// Its own.
        from: String,
        /// The sources'.
        to: String,
    },
    /// It does not run.
    Gone,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
        let tag = |image: &str| image.rsplit(':').next().unwrap_or(image).to_owned();
        let service = &self.service;
        match &self.why {
            Why::Binary { from, to, .. } => {
                let (from, to) = (short(from), short(&to.sha256));
                write!(f, "{service}: its binary changed, {from} -> {to}")
            }
            Why::Image { from, to } => {
                let (from, to) = (tag(from), tag(to));
                write!(f, "{service}: its image changed, {from} -> {to}")
            }
            Why::Gone => write!(f, "{service}: it does not run"),
        }
    }
}

impl KeptStack {
    /// What differs from what was built and what the sources' images are, as far as `artifacts` tell; without, from the files
    /// that the members were started from.
    ///
    /// # Errors
    /// When sources cannot be read, or a binary was not built.
    pub fn changes(&self, artifacts: Option<&Artifacts>) -> anyhow::Result<Vec<Change>> {
        let mut found = self.of_other_images(&self.images()?);
        found.extend(self.besides(&found, artifacts)?);
        Ok(found)
    }

    /// Those that are of another binary now, or gone, and not among `known`.
    pub(super) fn besides(
        &self,
        known: &[Change],
        artifacts: Option<&Artifacts>,
    ) -> anyhow::Result<Vec<Change>> {
        let mut found = Vec::new();
        for (service, member) in self.stack.members() {
            if known.iter().any(|it| it.service == service) {
                continue;
            }
            let mut why = self.of_another_binary(&service, &member, artifacts)?;
            if why.is_none() && member.handle.exit().is_some() {
                why = Some(Why::Gone);
            }
            found.extend(why.map(|why| Change { service, why }));
        }
        Ok(found)
    }

    fn of_another_binary(
        &self,
        service: &str,
        member: &Member,
        artifacts: Option<&Artifacts>,
    ) -> anyhow::Result<Option<Why>> {
        let runs = self.record.members.get(service).map(|it| &it.runs);
        let (Some(Runs::Binary(print)), LaunchSpec::Command(command)) = (runs, &member.origin)
        else {
            return Ok(None);
        };
        let path = match (ours(service), artifacts) {
            (Some(binary), Some(built)) => binary.path(&self.stack.context.config, built)?,
            _ => command.program.clone(),
        };
        other_bytes(print, path)
    }

    /// The images of the present sources, where this stack is made of some.
    pub(super) fn images(&self) -> anyhow::Result<Vec<Image>> {
        if self.record.compose.is_none() {
            return Ok(Vec::new());
        }
        let (run, config) = (&self.stack.context.run, &self.stack.context.config);
        images::wanted(&run.root, config, None)
    }

    /// Those that run another image than the sources have.
    pub(super) fn of_other_images(&self, images: &[Image]) -> Vec<Change> {
        let images = images::for_tests(images);
        let other = |service: String| {
            let Runs::Image(from) = &self.record.members.get(&service)?.runs else {
                return None;
            };
            let to = image_of(&images, &service).filter(|to| to != from)?;
            let from = from.clone();
            Some(Change {
                service,
                why: Why::Image { from, to },
            })
        };
        let members = self.stack.members().into_iter();
        members.filter_map(|(service, _)| other(service)).collect()
    }
}

/// A file that no longer has the bytes of a fingerprint. One that is not there at the moment is being written: whoever
/// builds says what is wrong with it.
fn other_bytes(print: &Fingerprint, path: PathBuf) -> anyhow::Result<Option<Why>> {
    let now = print.change(&path);
    let now = now.with_context(|| format!("read {}", path.display()))?;
    Ok(now.map(|to| Why::Binary {
        from: print.sha256.clone(),
        to,
        path,
    }))
}
