//! The project of the working directory, or the one that was named.

use std::{env, path::Path};

use anyhow::{Context, Result};
use stigmer_api::manifest::{self, ManifestError, Project};

use crate::failure::Failure;

/// Reads the project at `config`, or the one found upwards; where there is none, `instead` is what else can be done.
pub(crate) fn load(config: Option<&Path>, org: Option<&str>, instead: &str) -> Result<Project> {
    let here = env::current_dir().context("the working directory is gone")?;
    let file = match config {
        Some(path) => manifest::locate(path),
        None => manifest::find(&here),
    };
    file.and_then(|file| manifest::load(&file, org))
        .map_err(|error| explain(error, &here, instead))
}

/// The project around the working directory, where there is one that can be read.
pub(crate) fn around(org: Option<&str>) -> Option<Project> {
    let here = env::current_dir().ok()?;
    manifest::load(&manifest::find(&here).ok()?, org).ok()
}

fn explain(error: ManifestError, here: &Path, instead: &str) -> anyhow::Error {
    Failure::failed(match error {
        ManifestError::NoProject(_) => {
            format!("{error}\nwrite one there, or {instead}")
        }
        ManifestError::Missing(_) => error.to_string(),
        ManifestError::Problems(problems) => {
            let problems = problems.relative_to(here);
            match problems.0.len() {
                1 => problems.to_string(),
                n => format!("the project has {n} problems:\n{problems}"),
            }
        }
    })
}
