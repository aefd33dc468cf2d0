//! Parts of somebody else's build, and tests that are known to differ: `[parts.*]` and `[[known]]`, in `e2e.toml` or in a
//! file of their own (`docs/parts.md`).

pub mod guest;
pub mod known;
pub(crate) mod source;
mod template;

use crate::exit::{Code, coded};
use crate::phases::Phase;
use guest::{Guest, Part, of_the_user};
use known::Known;
use serde::Deserialize;
use source::Source;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What of a stack is somebody else's, and what of the tests differs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    #[serde(default)]
    pub(crate) parts: Guests,
    #[serde(default)]
    pub(crate) known: Vec<Known>,
    /// The file of `--parts`, absolute.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// Descriptions by part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Guests {
    server: Option<Guest>,
    runner: Option<Guest>,
    gateway: Option<Guest>,
}

impl Guests {
    fn all(&mut self) -> [(Part, &mut Option<Guest>); 3] {
        [
            (Part::Server, &mut self.server),
            (Part::Runner, &mut self.runner),
            (Part::Gateway, &mut self.gateway),
        ]
    }
}

impl Parts {
    /// Those of a file, each told its place.
    ///
    /// # Errors
    /// `FILE:LINE: why`.
    pub(crate) fn placed(mut self, source: &Arc<Source>) -> Result<Self, String> {
        for (part, guest) in self.parts.all() {
            if let Some(guest) = guest {
                guest.source = source.clone();
                guest.check(part)?;
            }
        }
        for known in &mut self.known {
            known.source = source.clone();
            known.check()?;
        }
        Ok(self)
    }

    /// Lays a file over it: parts that it describes, and differences beside those that are known already. Then every part is
    /// held against the environment: one whose variable is not set stays ours.
    ///
    /// # Errors
    /// Usage errors that name the file and the line.
    pub fn settle(&mut self, file: Option<&Path>) -> anyhow::Result<()> {
        self.lay_over(file).map_err(|why| coded(Code::Usage, why))
    }

    fn lay_over(&mut self, file: Option<&Path>) -> Result<(), String> {
        if let Some(path) = file {
            let source = Source::read(path)?;
            let mut theirs = source.parse::<Self>()?.placed(&source)?;
            let described = theirs.parts.all().map(|(_, guest)| guest.take());
            for ((_, mine), theirs) in self.parts.all().into_iter().zip(described) {
                *mine = theirs.or(mine.take());
            }
            self.known.append(&mut theirs.known);
            self.file = std::path::absolute(path).ok();
        }
        for (part, guest) in self.parts.all() {
            let Some(it) = guest else { continue };
            if let Some(name) = &it.only_if_set
                && of_the_user(name).is_none()
            {
                eprintln!(
                    "the {part} is ours, since {name} is not set ({})",
                    it.place()
                );
                *guest = None;
                continue;
            }
            it.check_environment()?;
            let variable = format!("E2E_{}_BIN", part.to_string().to_uppercase());
            if of_the_user(&variable).is_some() {
                let place = it.place();
                return Err(format!(
                    "{place}: describes the {part}, and {variable} names another: unset one"
                ));
            }
        }
        Ok(())
    }

    /// A part that is somebody else's.
    pub fn guest(&self, part: Part) -> Option<&Guest> {
        match part {
            Part::Server => self.parts.server.as_ref(),
            Part::Runner => self.parts.runner.as_ref(),
            Part::Gateway => self.parts.gateway.as_ref(),
        }
    }

    /// All that are somebody else's.
    pub fn guests(&self) -> impl Iterator<Item = (Part, &Guest)> {
        let all = [Part::Server, Part::Runner, Part::Gateway];
        all.into_iter()
            .filter_map(|part| Some((part, self.guest(part)?)))
    }

    /// What is known to differ in a phase, with the parts that are there.
    pub fn known(&self, phase: Phase) -> Vec<&Known> {
        let counts = |known: &&Known| {
            known.phase == phase && known.part.is_none_or(|part| self.guest(part).is_some())
        };
        self.known.iter().filter(counts).collect()
    }
}

#[cfg(test)]
mod tests;
