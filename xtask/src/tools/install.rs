//! Installing: staged next to the final place, verified, renamed; safe when two do it at once.

use super::lock::Lock;
use super::progress::{Bars, bytes_under};
use super::{cache_dir, folder, manifest, pip};
use crate::config::{Config, Tool, Wheel, platform};
use crate::exit::{Code, coded};
use crate::process::ask::ask_async;
use crate::process::{Command, Ident, attempt};
use anyhow::{Context, ensure};
use manifest::State;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A slow line needs 15 minutes for 100 MB at 1 Mbit/s; beyond that somebody should look.
const FETCH_LIMIT: Duration = Duration::from_secs(1_800);
const ASK_LIMIT: Duration = Duration::from_secs(30);

/// The interpreter that pip runs in.
#[derive(Clone, Debug)]
struct Python {
    exe: PathBuf,
    resumes: bool,
}

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
    std::fs::create_dir_all(cache.join("downloads")).map_err(|error| {
        coded(
            Code::Missing,
            format!(
                "cannot write {}: {error}; set E2E_TOOLS_DIR to a folder that can be written",
                cache.display()
            ),
        )
    })?;
    remove_dead_stagings(&cache);
    let (python, bars) = (python().await?, Arc::new(Bars::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for (name, dir) in absent {
        let (tool, python, bars) = (config.tools[&name].clone(), python.clone(), bars.clone());
        let wheel = tool
            .wheel_for(&platform())
            .cloned()
            .context("a tool without a wheel passed the check")?;
        tasks.spawn(async move {
            one(&name, &tool, &wheel, &dir, &python, &bars)
                .await
                .with_context(|| format!("install {name}"))
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
    let answer = ask_async(asked, ASK_LIMIT)
        .await
        .map_err(|why| missing(&why))?;
    let exe = if answer.ok {
        PathBuf::from(answer.stdout)
    } else {
        shim
    };
    let said = ask_async(
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

async fn one(
    name: &str,
    tool: &Tool,
    wheel: &Wheel,
    dir: &Path,
    python: &Python,
    bars: &Bars,
) -> anyhow::Result<()> {
    let cache = dir.parent().context("a tool's folder has a parent")?;
    let lock_path = dir.with_file_name(format!(
        ".lock-{}",
        dir.file_name().unwrap_or_default().to_string_lossy()
    ));
    let _lock = loop {
        if let Some(lock) = Lock::try_take(&lock_path)? {
            break lock;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    if manifest::state(dir, false) == State::Complete {
        return Ok(()); // somebody else installed it while we waited
    }
    let began = Instant::now();
    let staging = Staging(cache.join(format!(".staging-{name}-{}", staging_suffix())));
    let bar = stage(name, tool, wheel, dir, python, bars, &staging.0).await?;
    bar.done(began.elapsed().as_secs_f32());
    Ok(())
}

/// A folder that goes when the installation ends, however it ends.
#[derive(Debug)]
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next installation, which finds its owner dead.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn stage(
    name: &str,
    tool: &Tool,
    wheel: &Wheel,
    dir: &Path,
    python: &Python,
    bars: &Bars,
    staging: &Path,
) -> anyhow::Result<super::progress::Bar> {
    let (temp, tree, requirements) = (
        staging.join("tmp"),
        staging.join("tree"),
        staging.join("requirements.txt"),
    );
    let downloads = dir
        .with_file_name("downloads")
        .join(dir.file_name().unwrap_or_default());
    for folder in [&temp, &downloads] {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    std::fs::write(&requirements, pip::requirements(tool, wheel))
        .context("write the requirements")?;
    let bar = bars.add(&format!("{name} {}", tool.version), wheel.bytes);
    let said = staging.join("pip.log");
    let download = pip::download(
        &python.exe,
        python.resumes,
        &requirements,
        &downloads,
        &temp,
    );
    let fetch = attempt(&download, &said, FETCH_LIMIT);
    tokio::pin!(fetch);
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    let fetched = loop {
        tokio::select! {
            answer = &mut fetch => break answer,
            _ = tick.tick() => bar.at(bytes_under(&temp) + bytes_under(&downloads)),
        }
    };
    check(fetched, "fetch")?;
    bar.at(wheel.bytes);
    let unpacked = attempt(
        &pip::install(&python.exe, &requirements, &downloads, &tree, &temp),
        &said,
        FETCH_LIMIT,
    )
    .await;
    check(unpacked, "unpack")?;
    let (main, exe, at) = (tool.main.clone(), python.exe.clone(), tree.clone());
    let described = tokio::task::spawn_blocking(move || manifest::describe(&at, &main, Some(exe)))
        .await
        .context("hash the tool")??;
    if let Some(pinned) = &tool.main_sha256 {
        ensure!(
            *pinned == described.sha256,
            "{} has hash {}, pinned is {pinned}",
            tool.main.display(),
            described.sha256
        );
    }
    manifest::write(&tree, &described)?;
    if dir.exists() {
        std::fs::remove_dir_all(dir)
            .with_context(|| format!("remove the damaged {}", dir.display()))?;
    }
    std::fs::rename(&tree, dir).with_context(|| format!("name {}", dir.display()))?;
    // The wheel has served; a second copy of 90 MB is no cache.
    let _ = std::fs::remove_dir_all(downloads);
    Ok(bar)
}

fn check(outcome: Result<(), String>, what: &str) -> anyhow::Result<()> {
    outcome.map_err(|why| coded(Code::Missing, format!("{what} failed: {why}\nonce the cause is mended the same command goes on where this one stopped")))
}

fn staging_suffix() -> String {
    let own = Ident::own().map_or_else(|| "0".to_owned(), |own| own.start.replace([' ', ':'], ""));
    format!("{}-{own}", std::process::id())
}

/// Removes stagings whose owner (pid and start time in the name) is gone.
fn remove_dead_stagings(cache: &Path) {
    let Ok(entries) = std::fs::read_dir(cache) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut parts = name.rsplit('-');
        let (Some(start), Some(pid)) =
            (parts.next(), parts.next().and_then(|pid| pid.parse().ok()))
        else {
            continue;
        };
        let alive =
            Ident::of(pid).is_some_and(|ident| ident.start.replace([' ', ':'], "") == start);
        if name.starts_with(".staging-") && !alive {
            // Another process may remove it at the same moment; either will do.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
