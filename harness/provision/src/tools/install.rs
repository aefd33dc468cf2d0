//! Installing: staged next to the final place, verified, renamed; safe when two do it at once.

use super::cache::{cache_dir, folder};
use super::job::{Job, Python};
use super::progress::Bars;
use super::stage::{self, Staging};
use super::{manifest, pip};
use anyhow::Context;
use harness_base::lock::Lock;
use harness_base::{Code, Command, Config, coded, platform, query};
use manifest::State;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ASK_LIMIT: Duration = Duration::from_secs(30);

/// Installs the named tools side by side; those that are complete cost a `stat`.
///
/// # Errors
/// The first tool that cannot be installed; the others are finished and kept.
pub async fn all(config: &Config, names: &[String]) -> anyhow::Result<()> {
    let cache = cache_dir()?;
    let mut absent = Vec::new();
    for name in names {
        let dir = folder(config, &cache, name)?;
        if manifest::state(&dir, false) != State::Complete {
            absent.push((name.clone(), dir));
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    if config.offline {
        let names: Vec<_> = absent.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(" ");
        return Err(coded(
            Code::Missing,
            format!(
                "not in the tools cache, and --offline forbids to fetch: {names}\n  mend: cargo xtask tools install {names}"
            ),
        ));
    }
    std::fs::create_dir_all(cache.join("downloads")).map_err(|error| {
        coded(
            Code::Missing,
            format!(
                "cannot write {}: {error}; set E2E_TOOLS_DIR to a folder that can be written",
                cache.display()
            ),
        )
    })?;
    stage::remove_dead(&cache);
    let (python, bars) = (python().await?, Arc::new(Bars::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for (name, dir) in absent {
        let (tool, python, bars) = (config.tools[&name].clone(), python.clone(), bars.clone());
        let archive = tool
            .archive_for(&platform())
            .cloned()
            .context("a tool without an archive passed the check")?;
        tasks.spawn(async move {
            let job = Job {
                name,
                tool,
                archive,
                dir,
                python,
            };
            one(&job, &bars)
                .await
                .with_context(|| format!("install {}", job.name))
        });
    }
    let mut first = Ok(());
    while let Some(result) = tasks.join_next().await {
        let result = result
            .context("an installation panicked")
            .and_then(|inner| inner);
        if first.is_ok() {
            first = result;
        }
    }
    first
}

async fn python() -> anyhow::Result<Python> {
    let missing = |why: &str| {
        coded(
            Code::Missing,
            format!("tools are fetched by pip: {why}; `cargo xtask prereqs` says how to get it"),
        )
    };
    let shim = which::which("python3").map_err(|_| missing("python3 is not on PATH"))?;
    let asked = Command::new(&shim).args(["-c", "import sys; print(sys.executable)"]);
    let answer = query(asked, ASK_LIMIT).await.map_err(|why| missing(&why))?;
    let exe = if answer.ok {
        PathBuf::from(answer.stdout)
    } else {
        shim
    };
    let said = query(
        Command::new(&exe).args(["-m", "pip", "--version"]),
        ASK_LIMIT,
    )
    .await
    .map_err(|why| missing(&why))?;
    let version = pip::version(&said.stdout).ok_or_else(|| missing("python3 has no pip"))?;
    Ok(Python {
        exe,
        resumes: version >= (25, 1),
    })
}

async fn one(job: &Job, bars: &Bars) -> anyhow::Result<()> {
    let cache = job.dir.parent().context("a tool's folder has a parent")?;
    let lock_path = job.dir.with_file_name(format!(
        ".lock-{}",
        job.dir.file_name().unwrap_or_default().to_string_lossy()
    ));
    let _lock = loop {
        if let Some(lock) = Lock::try_take(&lock_path)? {
            break lock;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    if manifest::state(&job.dir, false) == State::Complete {
        return Ok(()); // somebody else installed it while we waited
    }
    let began = Instant::now();
    let staging = Staging::new(cache, &job.name);
    let bar = stage::fill(job, bars, &staging.0).await?;
    bar.done(began.elapsed().as_secs_f32());
    Ok(())
}
