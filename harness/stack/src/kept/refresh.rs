//! A kept stack brought up to date. What it stores stays: a server's file outlives its process, and Temporal is never started
//! again while it runs.

use super::change::{Change, Why};
use super::record::{Runs, runs_of};
use super::stack::KeptStack;
use crate::compose;
use crate::member::LaunchSpec;
use anyhow::Context;
use harness_base::Artifacts;
use harness_base::run::clock::seconds;
use harness_provision::images::{self, Image};
use std::sync::Arc;
use std::time::Instant;

impl KeptStack {
    /// Starts again what changed or is gone, side by side; what was done, a line each. Images are made while `built` builds the
    /// rest.
    ///
    /// # Errors
    /// That of the build; the first that does not become ready; as [`KeptStack::changes`].
    pub async fn refresh(
        &mut self,
        built: impl Future<Output = anyhow::Result<Arc<Artifacts>>>,
    ) -> anyhow::Result<Vec<String>> {
        let images = self.images()?;
        let mut changes = self.of_other_images(&images);
        let built = async { (built.await, Instant::now()) };
        let ((built, began), made) = tokio::join!(built, self.make_anew(&changes, &images));
        if let Err(why) = made {
            built?; // it says more
            return Err(why);
        }
        // Asked by what was built; where nothing was, by what was there.
        self.made_anew(&changes).await?;
        let others = self.besides(&changes, Some(&*built?))?;
        let mut tasks = tokio::task::JoinSet::new();
        for change in &others {
            if let Why::Binary { path, .. } = &change.why {
                self.stack.replace_program(&change.service, path);
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
        for change in &others {
            if let Why::Binary { to, .. } = &change.why {
                let member = self.stack.member(&change.service)?;
                let runs = Runs::Binary(to.clone());
                self.record.note(&change.service, &member, runs);
            } else {
                self.note(&change.service).await?;
            }
        }
        changes.extend(others);
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        self.write()?;
        let took = seconds(began.elapsed());
        let line = |change: &Change| format!("{change}; started again");
        let mut lines: Vec<String> = changes.iter().map(line).collect();
        if let Some(last) = lines.last_mut() {
            *last += &format!(" (all ready {took} after the build)");
        }
        Ok(lines)
    }

    /// Has the images of the present sources there, and Compose make these services of them.
    async fn make_anew(&mut self, changes: &[Change], images: &[Image]) -> anyhow::Result<()> {
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
        let services = names(changes);
        // Until they are ready, so that whoever comes after a failure has them made once more.
        for service in &services {
            if let Some(recorded) = self.record.members.get_mut(*service) {
                recorded.runs = Runs::Image("none".into());
            }
        }
        self.record.write(&self.stack.dir)?;
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

    /// Waits until those that were made anew are ready, and writes down what they are.
    async fn made_anew(&mut self, changes: &[Change]) -> anyhow::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        compose::ready(&self.stack, &names(changes)).await?;
        for change in changes {
            if let Why::Image { to, .. } = &change.why {
                let member = self.stack.member(&change.service)?;
                let runs = Runs::Image(to.clone());
                self.record.note(&change.service, &member, runs);
            }
        }
        self.write()
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
            (_, before) => before.unwrap_or(Runs::Other),
        };
        self.record.note(service, &member, runs);
        Ok(())
    }
}

fn names(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|it| it.service.as_str()).collect()
}
