//! What of a kept stack is no longer what the sources say, and bringing it up to date. What it stores stays: a server's file
//! outlives its process, and Temporal is never started again while it runs.

use super::record::{Runs, image_of, runs_of};
use super::stack::KeptStack;
use crate::compose;
use crate::handle::Handle;
use crate::member::{LaunchSpec, Member};
use crate::start::ours;
use anyhow::Context;
use harness_base::run::clock::seconds;
use harness_base::{Artifacts, Fingerprint};
use harness_provision::images::{self, Image};
use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

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
        self.compared(artifacts, &images::for_tests(&self.images()?))
    }

    fn compared(
        &self,
        artifacts: Option<&Artifacts>,
        images: &[Image],
    ) -> anyhow::Result<Vec<Change>> {
        let mut found = Vec::new();
        for (service, member) in self.stack.members() {
            let why = if member.handle.exit().is_some() {
                Some(Why::Gone)
            } else {
                self.difference(&service, &member, artifacts, images)?
            };
            found.extend(why.map(|why| Change { service, why }));
        }
        Ok(found)
    }

    /// The images of the present sources, where this stack is made of some.
    fn images(&self) -> anyhow::Result<Vec<Image>> {
        if self.record.compose.is_none() {
            return Ok(Vec::new());
        }
        let (run, config) = (&self.stack.context.run, &self.stack.context.config);
        images::wanted(&run.root, config, None)
    }

    fn difference(
        &self,
        service: &str,
        member: &Member,
        artifacts: Option<&Artifacts>,
        images: &[Image],
    ) -> anyhow::Result<Option<Why>> {
        let runs = self.record.members.get(service).map(|it| &it.runs);
        Ok(match (runs, &member.origin) {
            (Some(Runs::Image(from)), _) => {
                image_of(images, service)
                    .filter(|to| to != from)
                    .map(|to| Why::Image {
                        from: from.clone(),
                        to,
                    })
            }
            (Some(Runs::Binary(print)), LaunchSpec::Command(command)) => {
                let path = match (ours(service), artifacts) {
                    (Some(binary), Some(built)) => {
                        binary.path(&self.stack.context.config, built)?
                    }
                    _ => command.program.clone(),
                };
                other_bytes(print, path)?
            }
            _ => None,
        })
    }

    /// Starts again what changed or is gone, side by side; what was done, a line each.
    ///
    /// # Errors
    /// The first that does not become ready; as [`KeptStack::changes`].
    pub async fn refresh(&mut self, artifacts: Option<&Artifacts>) -> anyhow::Result<Vec<String>> {
        let images = self.images()?;
        let changes = self.compared(artifacts, &images::for_tests(&images))?;
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let began = Instant::now();
        let anew: Vec<&Change> = changes
            .iter()
            .filter(|change| matches!(change.why, Why::Image { .. }))
            .collect();
        self.make_anew(&anew, &images).await?;
        let mut tasks = tokio::task::JoinSet::new();
        for change in &changes {
            if let Why::Binary { path, .. } = &change.why {
                self.stack.replace_program(&change.service, path);
            }
            if matches!(change.why, Why::Image { .. }) {
                continue;
            }
            let (stack, service) = (self.stack.clone(), change.service.clone());
            tasks.spawn(async move {
                stack.end(&service, true).await?;
                stack.restart(&service).await.map(drop)
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.context("start a service again")??;
        }
        for change in &changes {
            if let Why::Binary { to, .. } = &change.why {
                let member = self.stack.member(&change.service)?;
                let runs = Runs::Binary(to.clone());
                self.record.note(&change.service, &member, runs);
            } else {
                self.note(&change.service).await?;
            }
        }
        self.write()?;
        let took = seconds(began.elapsed());
        let line = |change: &Change| format!("{change}; started again");
        let mut lines: Vec<String> = changes.iter().map(line).collect();
        if let Some(last) = lines.last_mut() {
            *last += &format!(" (all ready in {took})");
        }
        Ok(lines)
    }

    /// Has the images of the present sources there, and Compose make these services of them.
    async fn make_anew(&mut self, changes: &[&Change], images: &[Image]) -> anyhow::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let context = &self.stack.context;
        let (root, config) = (&context.run.root, &context.config);
        let missing = images::compile(root, config, images, false).await?;
        let compose = self.record.compose.clone();
        let mut command = compose.context("Compose did not start this stack")?;
        for image in images::for_tests(images) {
            command = command.env(image.component.variable(), image.reference);
        }
        let services: Vec<&str> = changes.iter().map(|it| it.service.as_str()).collect();
        let anew = async {
            images::make(root, config, images, missing, false).await?;
            compose::anew(&self.stack, &command, &services).await
        };
        // Now that all compiles: the old ones end while the engine makes the images.
        let (anew, ()) = tokio::join!(anew, compose::retire(&self.stack, &services));
        anew?;
        self.record.compose = Some(command);
        Ok(())
    }

    /// Notes what a member runs now.
    pub(super) async fn note(&mut self, service: &str) -> anyhow::Result<()> {
        let member = self.stack.member(service)?;
        let before = self.record.members.get(service).map(|it| it.runs.clone());
        let runs = match (&member.origin, before) {
            (LaunchSpec::Command(command), Some(Runs::Binary(_))) => {
                let command = command.clone();
                let looking = tokio::task::spawn_blocking(move || runs_of(&command));
                looking.await.context("look at a binary")?
            }
            (LaunchSpec::Compose { .. }, Some(Runs::Image(before))) => {
                let running = matches!(member.handle, Handle::Container(_));
                let image = self.running_image(service).filter(|_| running);
                Runs::Image(image.unwrap_or(before))
            }
            (_, before) => before.unwrap_or(Runs::Other),
        };
        self.record.note(service, &member, runs);
        Ok(())
    }

    /// The image that Compose was told last.
    fn running_image(&self, service: &str) -> Option<String> {
        let variable = format!("E2E_IMAGE_{}", service.to_uppercase());
        let vars = self.record.compose.as_ref()?.env.iter().rev();
        let mut named = vars.filter(|var| var.name == variable);
        named.next().map(|var| var.value.clone())
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
