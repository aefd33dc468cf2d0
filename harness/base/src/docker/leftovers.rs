//! What a run has in the engine, found by label: containers, networks, volumes. Only what carries our label, from this
//! checkout; of other runs only when their owner is dead.

use super::labels;
use crate::docker::{self, ANSWER, docker};
use crate::exit::Code;
use crate::process::Ident;
use crate::run::{info, runs_dir};
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Kinds of things, in the order in which they can go: how they are listed, how they are removed.
const KINDS: [(&[&str], &[&str]); 3] = [
    (
        &["container", "ls", "--all"],
        &["container", "rm", "--force", "--volumes"],
    ),
    (&["network", "ls"], &["network", "rm"]),
    (&["volume", "ls"], &["volume", "rm", "--force"]),
];

/// How long an engine may refuse to remove what a dead run has: for what that one asked last. Each command waits for it.
const DEAD: Duration = Duration::from_secs(3);

/// The file that says that this checkout may have something in an engine; without it no run asks Docker anything.
fn marker(root: &Path) -> PathBuf {
    runs_dir(root).join(".docker")
}

/// Whether this checkout may have something in an engine.
pub fn may_be(root: &Path) -> bool {
    marker(root).exists()
}

/// Notes that this checkout is about to make something.
///
/// # Errors
/// When it cannot be noted.
pub fn mark(root: &Path) -> anyhow::Result<()> {
    let path = marker(root);
    std::fs::create_dir_all(runs_dir(root))
        .and_then(|()| std::fs::write(&path, ""))
        .with_context(|| format!("write {}", path.display()))
}

/// Everything with a label, a line each in a format of its kind: one list for each of [`KINDS`].
async fn listed(label: &str, format: impl Fn(usize) -> String) -> anyhow::Result<[Vec<String>; 3]> {
    let list = async |at: usize| {
        let command = docker(KINDS[at].0.iter().copied())
            .args(["--filter".to_owned(), format!("label={label}")])
            .args(["--format".to_owned(), format(at)]);
        let said = docker::ask(command, ANSWER, Code::Leftovers).await?;
        anyhow::Ok(said.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    // All to their end, also where one fails: a client that is still on its way when xtask ends would be left behind.
    let (containers, networks, volumes) = tokio::join!(list(0), list(1), list(2));
    Ok([containers?, networks?, volumes?])
}

/// Names of everything that a run has.
async fn named(run: &str) -> anyhow::Result<[Vec<String>; 3]> {
    let name = |at| if at == 0 { "{{.Names}}" } else { "{{.Name}}" }.to_owned();
    listed(&format!("{}={run}", labels::RUN), name).await
}

/// What a run still has, by name.
///
/// # Errors
/// When the engine does not answer.
pub async fn left(run: &str) -> anyhow::Result<Vec<String>> {
    Ok(named(run).await?.concat())
}

/// Removes everything that a run has; how many things there were. An engine that does not answer is waited for, which is
/// said.
///
/// # Errors
/// When the engine does not answer within `limit`, or something does not go.
pub async fn remove(run: &str, limit: Duration) -> anyhow::Result<usize> {
    removed(run, limit, limit).await
}

/// The same, where an engine that refuses is given another limit than one that is silent.
async fn removed(run: &str, limit: Duration, refuses: Duration) -> anyhow::Result<usize> {
    let (began, mut said) = (Instant::now(), false);
    let over = |error: &anyhow::Error| match docker::is_silent(error) {
        true => began.elapsed() > limit,
        false => began.elapsed() > refuses,
    };
    loop {
        match attempt(run).await {
            Ok(count) => return Ok(count),
            Err(error) if over(&error) => return Err(error),
            // The engine may be restarting, or still be busy with what was asked before.
            Err(error) => {
                if docker::is_silent(&error) && !said {
                    said = true;
                    eprintln!(
                        "the Docker daemon does not answer: it has {} s to come back, since things of run {run} are in it",
                        limit.as_secs()
                    );
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn attempt(run: &str) -> anyhow::Result<usize> {
    let mut count = 0;
    // A second look finds what the engine was still making when the first was taken.
    for _ in 0..3 {
        let found = named(run).await?;
        if found.iter().all(Vec::is_empty) {
            return Ok(count);
        }
        for ((_, remove), names) in KINDS.iter().zip(found) {
            if !names.is_empty() {
                count += names.len();
                let command = docker(remove.iter().copied()).args(names);
                docker::ask(command, ANSWER, Code::Leftovers).await?;
            }
        }
    }
    let left = left(run).await?;
    anyhow::ensure!(left.is_empty(), "still in Docker: {}", left.join(", "));
    Ok(count)
}

/// Removes what dead runs of this checkout left; their ids. Kept stacks stay.
pub async fn sweep(root: &Path, limit: Duration) -> Vec<String> {
    if !may_be(root) {
        return Vec::new();
    }
    let label = format!("{}={}", labels::CHECKOUT, info::checkout_hash(root));
    let mut runs = BTreeSet::new();
    let mut live = false;
    let owner = format!(
        "{{{{.Label \"{}\"}}}} {{{{.Label \"{}\"}}}}",
        labels::RUN,
        labels::OWNER
    );
    let Ok(found) = listed(&label, |_| owner.clone()).await else {
        return Vec::new(); // no engine, nothing to sweep; the marker stays for the next time
    };
    for line in found.iter().flatten() {
        match line.split_once(' ') {
            Some((run, owner)) if !owned(root, run, owner) => {
                runs.insert(run.to_owned());
            }
            _ => live = true,
        }
    }
    let mut swept = Vec::new();
    for run in runs {
        match removed(&run, limit, DEAD).await {
            Ok(_) => swept.push(run),
            Err(error) => {
                eprintln!("what the dead run {run} has in Docker does not go: {error:#}");
                live = true;
            }
        }
    }
    // A run that is alive may be about to make something.
    let runs = crate::run::sweep::runs(&runs_dir(root));
    let others = runs.iter().any(|(_, info)| {
        info.exit_code.is_none() && info.owner.may_live() && info.owner.pid != own()
    });
    if !live && !others {
        let _ = std::fs::remove_file(marker(root)); // another run may have done it
    }
    swept
}

fn own() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(0)
}

/// Whether somebody still answers for a run.
fn owned(root: &Path, run: &str, owner: &str) -> bool {
    let dir = runs_dir(root).join(run);
    // One that cannot be read may be a kept one: `down` ends it.
    let kept = info::Info::read(&dir).map_or_else(|_| dir.is_dir(), |info| info.kept);
    kept || may_live(owner)
}

/// `PID/START/PLACE`, as the label says it.
fn may_live(owner: &str) -> bool {
    let ident = owner.split_once('/').and_then(|(pid, rest)| {
        let (start, place) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Ident {
            pid: pid.parse().ok()?,
            start: start.to_owned(),
            place: place.to_owned(),
        })
    });
    ident.is_some_and(|ident| ident.may_live())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners() {
        let own = Ident::own().unwrap();
        assert!(may_live(&format!("{}/{}", own.pid, own.start)));
        assert!(!may_live(&format!("{}/0", own.pid)));
        assert!(
            may_live(&format!("{}/0/other:b:1", own.pid)),
            "of another machine"
        );
        assert!(!may_live("by-hand"));
    }
}
