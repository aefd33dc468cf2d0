//! What runs in a Python: the embedded model, and a published MCP server.

use crate::model::ModelFiles;
use crate::programs::{Found, Located, Source, configured, pinned};
use crate::tools::{cache_dir, folder, install, installed, manifest};
use anyhow::Context;
use harness_base::config::platform;
use harness_base::{Code, Command, Config, coded, query};
use std::path::PathBuf;
use std::time::Duration;

/// What serves the embedded model in place of our own script, for tests of the harness.
fn stand_in() -> Option<PathBuf> {
    configured("E2E_MODEL_BIN", &None)
}

/// The embedded model's parts, as [`locate`] finds programs.
pub fn locate_model(config: &Config) -> Vec<Located> {
    if let Some(bin) = stand_in() {
        return vec![Located::There(Found {
            bin,
            source: Source::Configured,
            version: String::new(),
        })];
    }
    ["llama", "smollm2"]
        .map(|name| pinned(config, name, String::new()))
        .into()
}

/// Has the embedded model's files there.
///
/// # Errors
/// When they cannot be fetched.
pub async fn obtain_model(config: &Config) -> anyhow::Result<ModelFiles> {
    if let Some(python) = stand_in() {
        return Ok(ModelFiles {
            python,
            library: PathBuf::new(),
            weights: PathBuf::new(),
        });
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
    Ok(ModelFiles {
        python,
        library,
        weights,
    })
}

/// A published MCP server: a Python, and the folder that holds it. `None` where it cannot be had, which is said and costs
/// its test.
pub async fn obtain_mcp_time(config: &Config) -> Option<(PathBuf, PathBuf)> {
    const NAME: &str = "mcp-time";
    let tool = config.tools.get(NAME)?;
    let there = || {
        let folder = folder(config, &cache_dir().ok()?, NAME).ok()?;
        installed(config, NAME)?;
        let python = manifest::read(&folder)?.python.filter(|it| it.exists())?;
        Some((python, folder))
    };
    if let Some(found) = there() {
        return Some(found);
    }
    let fits = async {
        let print = "import sys; print('%d.%d' % sys.version_info[:2])";
        let python = Command::new("python3").args(["-c", print]);
        let said = query(python, Duration::from_secs(5)).await.ok()?;
        Some(
            tool.python
                .as_ref()
                .is_none_or(|wanted| *wanted == said.stdout),
        )
    };
    if config.offline || tool.archive_for(&platform()).is_none() || fits.await != Some(true) {
        return None;
    }
    if let Err(error) = install::all(config, &[NAME.to_owned()]).await {
        eprintln!("{NAME} is not there, so its test checks nothing: {error:#}");
    }
    there()
}
