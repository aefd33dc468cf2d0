//! What dead runs of this checkout left: their processes, their data. Never anything else.

use super::damaged::{self, Damaged};
use super::info::Info;
use crate::phases::Phase;
use crate::process::{Ident, Life, ident, signal_group};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a sweep did.
#[derive(Clone, Debug, Default)]
pub struct Swept {
    /// Runs whose owner was gone.
    pub runs: Vec<String>,
    /// Processes that were ended.
    pub processes: usize,
    /// Runs of another machine or container, which may still go on.
    pub left_alone: Vec<(PathBuf, Info)>,
}

/// All run folders with a readable `run.json`, oldest first.
pub fn runs(dir: &Path) -> Vec<(PathBuf, Info)> {
    let folders = damaged::folders(dir).into_iter();
    let mut found: Vec<_> = folders
        .filter(|dir| !is_old(dir))
        .filter_map(|dir| Info::read(&dir).ok().map(|info| (dir, info)))
        .collect();
    found.sort_by(|a, b| a.1.run_id.cmp(&b.1.run_id));
    found
}

/// The processes that a run recorded and that are still themselves.
pub fn recorded(dir: &Path) -> Vec<(String, Ident)> {
    let Ok(entries) = std::fs::read_dir(dir.join("pids")) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path()).ok()?;
            let ident = serde_json::from_str::<Ident>(&text).ok()?;
            let name = entry.path().file_stem()?.to_str()?.to_owned();
            ident.alive().then_some((name, ident))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Notes which container the process with this pid file follows.
pub fn note_container(pid_file: &Path, container: &str) {
    // Whoever looks for it finds the process at least.
    let _ = std::fs::write(pid_file.with_extension("container"), container);
}

/// The container that a recorded process of a run follows.
pub fn container(dir: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(dir.join("pids").join(format!("{name}.container"))).ok()
}

/// Everything of a run that still lives: recorded, or marked with its id.
pub fn left(dir: &Path, id: &str) -> Vec<Ident> {
    let mut all: Vec<Ident> = recorded(dir).into_iter().map(|(_, ident)| ident).collect();
    for ident in ident::with_env("E2E_RUN_ID", id) {
        if !all.contains(&ident) {
            all.push(ident);
        }
    }
    all
}

/// Runs of which something lives and nobody can read what it is: whoever began them may want it, so no sweep ends it.
pub fn unreadable(runs: &Path) -> Vec<Damaged> {
    let all = damaged::damaged(runs).into_iter();
    all.filter(|it| !left(&it.dir, &it.id).is_empty()).collect()
}

/// Ends all processes of a run: SIGTERM, up to `limit`, SIGKILL. Returns how many there were.
pub async fn end(dir: &Path, id: &str, limit: Duration) -> usize {
    let found = left(dir, id);
    let send = |signal| {
        for ident in left(dir, id) {
            let group = signal_group(ident.pid, signal);
            if !group {
                // Not a leader: a grandchild. Its pid was checked a moment ago.
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(ident.pid), signal);
            }
        }
    };
    if found.is_empty() {
        return 0;
    }
    send(Signal::SIGTERM);
    send(Signal::SIGCONT); // one that is paused would never hear it
    if !gone(dir, id, limit).await {
        send(Signal::SIGKILL);
        gone(dir, id, Duration::from_secs(2)).await;
    }
    found.len()
}

async fn gone(dir: &Path, id: &str, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while !left(dir, id).is_empty() {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

/// Removes what only a live stack needs: data, control tokens, pid files. Logs and results stay.
pub fn remove_data(dir: &Path) {
    for phase in Phase::ALL {
        // What cannot be removed is reported by the check at the end of the run that made it.
        let _ = std::fs::remove_dir_all(dir.join(phase.name()).join("data"));
    }
    let _ = std::fs::remove_dir_all(dir.join("pids"));
}

/// Ends and clears dead runs, then removes the oldest folders beyond `keep`.
pub async fn sweep(runs_dir: &Path, keep: usize, limit: Duration) -> Swept {
    let mut swept = Swept::default();
    let all = runs(runs_dir);
    for (dir, info) in &all {
        if info.exit_code.is_none() && info.owner.life() == Life::Unknown {
            swept.left_alone.push((dir.clone(), info.clone()));
        } else if info.exit_code.is_none() && !info.kept && !info.owner.alive() {
            swept.processes += end(dir, &info.run_id, limit).await;
            remove_data(dir);
            swept.runs.push(info.run_id.clone());
            // A folder that cannot be written is swept again by the next command.
            let _ = Info::change(dir, |info| info.exit_code = Some(137));
        }
    }
    let old: Vec<_> = all
        .iter()
        .filter(|(dir, info)| !info.owner.may_live() && (!info.kept || recorded(dir).is_empty()))
        .collect();
    for (dir, info) in old.iter().take(old.len().saturating_sub(keep)) {
        let _ = std::fs::rename(dir, runs_dir.join(format!("{OLD}{}", info.run_id)));
    }
    let runs_dir = runs_dir.to_owned();
    // A phase's folder has thousands of files, and nobody waits for their end: where this command ends first, the next one
    // goes on.
    drop(tokio::task::spawn_blocking(move || remove_old(&runs_dir)));
    swept
}

/// What the folder of a run is called that is about to be removed.
const OLD: &str = ".old-";

fn is_old(dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with(OLD)
}

fn remove_old(runs_dir: &Path) {
    for dir in damaged::folders(runs_dir) {
        if is_old(&dir) {
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Ident;

    /// A run that another process began, gone by now, and its end.
    fn run(runs: &Path, id: &str, change: impl FnOnce(&mut Info)) -> PathBuf {
        let dir = runs.join(id);
        std::fs::create_dir_all(dir.join("pids")).unwrap();
        std::fs::create_dir_all(dir.join("phase1/data")).unwrap();
        let mut info = Info::new(id, runs).unwrap();
        info.owner.start = "another".into();
        info.exit_code = Some(10);
        change(&mut info);
        info.write(&dir).unwrap();
        dir
    }

    fn record(dir: &Path) {
        let own = serde_json::to_string(&Ident::own().unwrap()).unwrap();
        std::fs::write(dir.join("pids/phase1-server.json"), own).unwrap();
    }

    #[tokio::test]
    async fn the_oldest_go_but_for_what_runs() {
        let at = tempfile::tempdir().unwrap();
        let runs = at.path();
        let elsewhere = run(runs, "20191231-000000-z", |info| {
            info.owner.place = "elsewhere:b:1".into();
            info.exit_code = None;
        });
        let living = run(runs, "20200101-000000-a", |info| {
            info.owner = Ident::own().unwrap();
            info.exit_code = None;
        });
        let kept = run(runs, "20200102-000000-b", |info| info.kept = true);
        record(&kept);
        let ended = run(runs, "20200103-000000-c", |info| info.kept = true);
        let [old, newer, newest] = [
            "20200104-000000-d",
            "20200105-000000-e",
            "20200106-000000-f",
        ]
        .map(|id| run(runs, id, |_| {}));
        let swept = sweep(runs, 2, Duration::ZERO).await;
        assert!(swept.runs.is_empty(), "they had ended: {swept:?}");
        assert!(elsewhere.exists(), "its owner may be there");
        let there = [&living, &kept, &ended, &old, &newer, &newest].map(|dir| dir.exists());
        assert_eq!(there, [true, true, false, false, true, true]);
        // Of one whose removal was cut off, the next sweep removes the rest.
        std::fs::rename(&newer, runs.join(".old-cut")).unwrap();
        remove_old(runs);
        let left = damaged::folders(runs);
        assert_eq!(left.len(), 4, "{left:?}");
        let code = Info::read(&newest).unwrap().exit_code;
        assert_eq!(code, Some(10), "it had ended by itself");
    }

    #[tokio::test]
    async fn a_dead_run_is_cleared_once_and_its_end_noted() {
        let at = tempfile::tempdir().unwrap();
        let dead = run(at.path(), "20200101-000000-a", |info| info.exit_code = None);
        let swept = sweep(at.path(), 9, Duration::ZERO).await;
        assert_eq!(swept.runs, ["20200101-000000-a"]);
        assert_eq!(Info::read(&dead).unwrap().exit_code, Some(137));
        assert!(!dead.join("phase1/data").exists() && !dead.join("pids").exists());
        assert!(sweep(at.path(), 9, Duration::ZERO).await.runs.is_empty());
    }
}
