//! One command of a stage: into a log, within a limit, and nobody of it is left behind.

use harness_base::process::ident;
use harness_base::{Command, Interrupt, Output, Process, spawn};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::time::Duration;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit code; `None` by a signal.
    Code(Option<i32>),
    /// It was ended at its limit.
    Late,
    /// It was ended since the user wants to stop.
    Interrupted,
}

/// By this variable the tests and their children are known, in whatever process group.
const MARK: &str = "HARNESS_MUTANTS_STEP";
/// From the first request to end to the second, and from there to SIGKILL: xtask gives its tests time at the first only.
const GRACE: Duration = Duration::from_secs(8);

/// Runs it to its end.
///
/// # Errors
/// When it cannot be started.
pub async fn run(
    command: &Command,
    log: &Path,
    limit: Duration,
    interrupt: &Interrupt,
) -> anyhow::Result<End> {
    let _ = std::fs::remove_file(log); // of the step before
    let mark = format!("{}-{}", std::process::id(), log.display());
    let process = spawn(
        &command.clone().env(MARK, &mark),
        &Output::Log(log.to_owned()),
        None,
    )?;
    let end = tokio::select! {
        exit = process.wait() => End::Code(exit.code),
        () = tokio::time::sleep(limit) => End::Late,
        () = interrupt.reached(1) => End::Interrupted,
    };
    if end == End::Late || end == End::Interrupted {
        stop(&process).await;
    }
    for left in ident::with_env(MARK, &mark) {
        // One that ended in between is what is wanted.
        let _ = kill(Pid::from_raw(left.pid), Signal::SIGKILL);
        let gone = Process::attach(left);
        let _ = tokio::time::timeout(GRACE, gone.wait()).await;
    }
    Ok(end)
}

/// Asks twice, then kills.
async fn stop(process: &Process) {
    for _ in 0..2 {
        process.signal(Signal::SIGTERM);
        if tokio::time::timeout(GRACE, process.wait()).await.is_ok() {
            return;
        }
    }
    process.kill().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        Command::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn it_ends_and_leaves_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let (log, interrupt) = (dir.path().join("log"), Interrupt::install().unwrap());
        let limit = Duration::from_secs(20);
        let end = run(&sh("echo said; exit 3"), &log, limit, &interrupt)
            .await
            .unwrap();
        assert_eq!(end, End::Code(Some(3)));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "said\n");

        let limit = Duration::from_millis(200);
        let end = run(
            &sh("setsid sleep 60 & echo $!; exec sleep 60"),
            &log,
            limit,
            &interrupt,
        )
        .await
        .unwrap();
        assert_eq!(end, End::Late);
        let pid: i32 = std::fs::read_to_string(&log)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let left = harness_base::Ident::of(pid);
        assert_eq!(left, None);
    }
}
