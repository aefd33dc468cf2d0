//! Commands that are measured: their words go to a log, a signal to us is one to them.

use harness_base::{Code, Command, Interrupt, Output, coded, spawn, tail};
use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a run of xtask's takes at most to end: its own limits add up to less.
const END: Duration = Duration::from_secs(110);
/// Lines of the log that an error shows.
const LINES: usize = 8;

/// Runs commands one after the other.
#[derive(Clone, Debug)]
pub struct Runner {
    /// What they said.
    pub log: PathBuf,
    /// The user's wish to stop.
    pub interrupt: Interrupt,
}

impl Runner {
    /// Runs a command to its end; the seconds it took.
    ///
    /// # Errors
    /// The last lines that it said, where it failed; [`Code::Interrupted`], after it has ended.
    pub async fn run(&self, command: &Command) -> anyhow::Result<f64> {
        self.run_to(command, &Output::Log(self.log.clone())).await
    }

    /// The same with its words elsewhere.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub async fn run_to(&self, command: &Command, output: &Output) -> anyhow::Result<f64> {
        let began = Instant::now();
        let process = spawn(command, output, None)?;
        let exit = tokio::select! {
            exit = process.wait() => exit,
            () = self.interrupt.reached(1) => {
                process.signal(Signal::SIGINT);
                let again = async {
                    self.interrupt.reached(2).await;
                    process.signal(Signal::SIGINT);
                    process.wait().await
                };
                let ended = async { tokio::select! { exit = process.wait() => exit, exit = again => exit } };
                if tokio::time::timeout(END, ended).await.is_err() {
                    process.kill().await;
                }
                return Err(coded(Code::Interrupted, "interrupted"));
            }
        };
        let took = began.elapsed().as_secs_f64();
        if exit.code == Some(0) {
            return Ok(took);
        }
        let (echo, log) = (command.echo(), self.log.display());
        let said = tail(&self.log, LINES).join("\n      ");
        anyhow::bail!("{echo} ended with {exit}; the last lines of {log}:\n      {said}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_fails_shows_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let runner = Runner {
            log: folder.path().join("log"),
            interrupt: Interrupt::install().unwrap(),
        };
        let sh = |script: &str| Command::new("sh").args(["-c", script]);
        assert!(runner.run(&sh("true")).await.unwrap() < 60.0);
        let error = runner
            .run(&sh("echo no room; exit 3"))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit code 3") && error.ends_with("no room"),
            "{error}"
        );
    }
}
