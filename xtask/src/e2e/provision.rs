//! Tools of a run: from PATH where they are, else from the cache, else fetched.

use crate::config::Config;
use crate::exit::{Code, coded};
use crate::model::{Kind, Model};
use crate::process::{Command, ask::ask_async};
use crate::stack::bins::swapped;
use crate::stack::members::ModelFiles;
use crate::stack::temporal;
use crate::tools::{cache_dir, folder, install, installed, manifest};
use anyhow::Context;
use std::path::PathBuf;
use std::time::Duration;

/// A program and where it came from.
#[derive(Clone, Debug)]
pub struct Found {
    /// The program.
    pub bin: PathBuf,
    /// `PATH`, `tools cache`, or who swapped it.
    pub source: &'static str,
    /// Its version.
    pub version: String,
}

/// nextest: PATH, else the cache.
///
/// # Errors
/// When it can neither be found nor fetched.
pub async fn nextest(config: &Config) -> anyhow::Result<PathBuf> {
    if let Ok(found) = which::which("cargo-nextest") {
        return Ok(found);
    }
    install::all(config, &["nextest".to_owned()]).await?;
    installed(config, "nextest").context("nextest was installed but is not there")
}

/// Temporal: swapped, PATH, else the cache.
///
/// # Errors
/// When it is too old and nothing can be fetched, or cannot be had at all.
pub async fn temporal(config: &Config) -> anyhow::Result<Found> {
    if let Some(bin) = swapped("E2E_TEMPORAL_BIN", &config.services.temporal.bin) {
        return Ok(Found {
            bin,
            source: "as configured",
            version: "of its own".into(),
        });
    }
    if let Ok(bin) = which::which("temporal")
        && let Ok(version) = temporal_version(&bin).await
    {
        if temporal::accepted(&version) {
            return Ok(Found {
                bin,
                source: "PATH",
                version,
            });
        }
        eprintln!("temporal {version} on PATH is too old, the pinned one is used");
    }
    install::all(config, &["temporal".to_owned()]).await?;
    let bin = installed(config, "temporal").context("temporal was installed but is not there")?;
    Ok(Found {
        bin,
        source: "tools cache",
        version: config
            .tools
            .get("temporal")
            .map(|tool| tool.version.clone())
            .unwrap_or_default(),
    })
}

/// What a `temporal` says about itself.
///
/// # Errors
/// Why it says nothing.
pub async fn temporal_version(bin: &std::path::Path) -> Result<String, String> {
    let answer = ask_async(
        Command::new(bin).args(["--version"]),
        Duration::from_secs(5),
    )
    .await?;
    temporal::version(&answer.stdout)
        .ok_or_else(|| format!("{} does not say its version", bin.display()))
}

/// Files of the embedded model; `None` for a model that is somewhere else.
///
/// # Errors
/// When they cannot be fetched.
pub async fn model(config: &Config, model: &Model) -> anyhow::Result<Option<ModelFiles>> {
    if model.kind != Kind::Embedded {
        return Ok(None);
    }
    if let Some(python) = std::env::var_os("E2E_MODEL_BIN").filter(|bin| !bin.is_empty()) {
        return Ok(Some(ModelFiles {
            python: python.into(),
            library: PathBuf::new(),
            weights: PathBuf::new(),
        }));
    }
    install::all(config, &["llama".to_owned(), "smollm2".to_owned()]).await?;
    let library = folder(config, &cache_dir()?, "llama")?;
    let weights =
        installed(config, "smollm2").context("the model was installed but is not there")?;
    // The interpreter itself, since a version manager's shim costs 100 ms; the shim where it moved.
    let recorded = manifest::read(&library)
        .and_then(|manifest| manifest.python)
        .filter(|python| python.exists());
    let python = match recorded {
        Some(python) => python,
        None => which::which("python3")
            .map_err(|_| coded(Code::Missing, "the embedded model needs python3 on PATH"))?,
    };
    Ok(Some(ModelFiles {
        python,
        library,
        weights,
    }))
}
