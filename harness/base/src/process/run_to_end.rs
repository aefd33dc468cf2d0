//! A command that must come to its end, and that ends with whoever waits for it.

use super::command::Command;
use super::exit::Exit;
use super::spawn::{Output, Process, spawn};
use super::tail::tail;
use nix::sys::signal::Signal;
use std::path::Path;
use std::time::Duration;

/// Ends a process group when dropped, so that whoever stops waiting leaves nobody behind.
#[derive(Debug)]
struct Guard(Process);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.signal(Signal::SIGKILL);
    }
}

/// Runs a command to its end; its words go to `said`, which is emptied first. Dropping the future ends the command.
///
/// # Errors
/// The last lines of what it said, how it ended, or that it took longer than `limit`.
pub async fn run_to_end(command: &Command, said: &Path, limit: Duration) -> Result<(), String> {
    to_its_end(command, Output::Log(said.to_owned()), said, limit).await
}

/// [`run_to_end`] of a command that draws on standard output; what it complains of goes to `said`.
///
/// # Errors
/// As [`run_to_end`].
pub async fn run_drawing(command: &Command, said: &Path, limit: Duration) -> Result<(), String> {
    to_its_end(command, Output::StderrOnly(said.to_owned()), said, limit).await
}

async fn to_its_end(
    command: &Command,
    output: Output,
    said: &Path,
    limit: Duration,
) -> Result<(), String> {
    let _ = std::fs::remove_file(said);
    let guard = Guard(spawn(command, &output, None).map_err(|error| format!("{error:#}"))?);
    match tokio::time::timeout(limit, guard.0.wait()).await {
        Ok(Exit { code: Some(0), .. }) => Ok(()),
        Ok(exit) => Err(format!("{exit}: {}", tail(said, 8).join("\n  "))),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs_f32())),
    }
}
