//! The folder in which a tool is put together: fetched, unpacked, checked, and named as the last act.

use super::job::Job;
use super::progress::{Bar, Bars, bytes_under};
use super::{manifest, pip, source};
use anyhow::{Context, ensure};
use harness_base::{Code, Ident, coded, run_to_end};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A slow line needs 15 minutes for 100 MB at 1 Mbit/s; beyond that somebody should look.
const FETCH_LIMIT: Duration = Duration::from_secs(1_800);

/// A folder that goes when the installation ends, however it ends.
#[derive(Debug)]
pub(super) struct Staging(pub PathBuf);

impl Staging {
    /// One for a tool, of this process.
    pub(super) fn new(cache: &Path, name: &str) -> Self {
        Self(cache.join(format!(".staging-{name}-{}", suffix())))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next installation, which finds its owner dead.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fetches, unpacks, verifies, and puts the result in its place.
///
/// # Errors
/// [`Code::Missing`] with pip's last words, or a hash that is not the pinned one.
pub(super) async fn fill(job: &Job, bars: &Bars, staging: &Path) -> anyhow::Result<Bar> {
    let (tool, python) = (&job.tool, &job.python);
    let (temp, tree, requirements) = (
        staging.join("tmp"),
        staging.join("tree"),
        staging.join("requirements.txt"),
    );
    let downloads = job
        .dir
        .with_file_name("downloads")
        .join(job.dir.file_name().unwrap_or_default());
    for folder in [&temp, &downloads] {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    std::fs::write(&requirements, pip::requirements(tool, &job.archive))
        .context("write the requirements")?;
    let bar = bars.add(
        &format!("{} {}", job.name, tool.version),
        tool.bytes(&job.archive),
    );
    let said = staging.join("pip.log");
    let download = pip::download(python, &requirements, &downloads, &temp);
    let download = if tool.member.is_some() {
        source::download(download, &staging.join("stub"), tool)?
    } else {
        download.args([pip::WHEELS])
    };
    let fetch = run_to_end(&download, &said, FETCH_LIMIT);
    tokio::pin!(fetch);
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    let fetched = loop {
        tokio::select! {
            answer = &mut fetch => break answer,
            _ = tick.tick() => bar.at(bytes_under(&temp) + bytes_under(&downloads)),
        }
    };
    check(fetched, "fetch")?;
    bar.at(tool.bytes(&job.archive));
    let unpack = match &tool.member {
        Some(member) => {
            let to = tree.join(&tool.main);
            source::unpack(&python.exe, &downloads, member, &to)?
        }
        None => pip::install(&python.exe, &requirements, &downloads, &tree, &temp),
    };
    check(run_to_end(&unpack, &said, FETCH_LIMIT).await, "unpack")?;
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
    if job.dir.exists() {
        std::fs::remove_dir_all(&job.dir)
            .with_context(|| format!("remove the damaged {}", job.dir.display()))?;
    }
    std::fs::rename(&tree, &job.dir).with_context(|| format!("name {}", job.dir.display()))?;
    // The archive has served; a second copy of 90 MB is no cache.
    let _ = std::fs::remove_dir_all(downloads);
    Ok(bar)
}

fn check(outcome: Result<(), String>, what: &str) -> anyhow::Result<()> {
    outcome.map_err(|why| coded(Code::Missing, format!("{what} failed: {why}\nonce the cause is mended the same command goes on where this one stopped")))
}

fn suffix() -> String {
    let own = Ident::own().map_or_else(|| "0".to_owned(), |own| own.start.replace([' ', ':'], ""));
    format!("{}-{own}", std::process::id())
}

/// Removes stagings whose owner (pid and start time in the name) is gone.
pub(super) fn remove_dead(cache: &Path) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stagings_of_the_dead_go_and_no_other_folder() {
        let cache = tempfile::tempdir().unwrap();
        let at = |name: &str| cache.path().join(name);
        let living = Staging::new(cache.path(), "nextest");
        let reused = at(&format!(".staging-nextest-{}-1", std::process::id()));
        let (dead, tool) = (at(".staging-nextest-4194305-1"), at("nextest-4194305-1"));
        for folder in [&living.0, &reused, &dead, &tool] {
            std::fs::create_dir(folder).unwrap();
        }
        remove_dead(cache.path());
        let there = [&living.0, &reused, &dead, &tool].map(|folder| folder.exists());
        assert_eq!(there, [true, false, false, true]);
    }
}
