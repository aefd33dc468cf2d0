//! One container: its log followed into a file from the first byte, its end noticed when the log ends.

use anyhow::Context;
use harness_base::docker::{self, ANSWER, docker};
use harness_base::run::sweep;
use harness_base::{Code, Exit, Output, Process, Run, spawn};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How often the engine is asked how a container ended before it counts as gone: it may be restarting.
const QUESTIONS: usize = 3;

/// A container that runs or has ended.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its id.
    pub id: String,
    end: watch::Receiver<Option<End>>,
    let_go: Arc<AtomicBool>,
}

/// How one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    exit: Exit,
    why: Option<Why>,
}

/// Why one ended, where its exit does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The kernel ended it for using too much memory.
    Memory,
    /// The engine went away: with it, or at least out of sight.
    Engine,
}

impl Container {
    /// Follows a container that was just started, for the first time or `again`. The process that follows is recorded
    /// under the instance's name, so that a kept stack is found by it.
    ///
    /// # Errors
    /// When its log cannot be followed.
    pub fn follow(
        run: &Run,
        id: &str,
        instance: &str,
        log: &Path,
        again: bool,
    ) -> anyhow::Result<Self> {
        let mut args = vec!["logs", "--follow"];
        if again {
            args.extend(["--tail", "0"]);
        }
        let command = run.own(docker(args).args([id]));
        let pid_file = run.pid_file(&format!("phase2-{instance}"));
        let process = spawn(&command, &Output::Log(log.to_owned()), Some(&pid_file))?;
        sweep::note_container(&pid_file, id);
        Ok(Self::followed(id, process, None))
    }

    /// A container whose log a process of another command follows. Where that one is gone, the engine is asked at once how the
    /// container ended: whoever starts it again must know.
    pub async fn attach(id: &str, follower: Process) -> Self {
        let end = match follower.exit() {
            Some(_) => Some(ended(id).await),
            None => None,
        };
        Self::followed(id, follower, end)
    }

    fn followed(id: &str, follower: Process, known: Option<End>) -> Self {
        let (sender, end) = watch::channel(known);
        let (owned, let_go) = (id.to_owned(), Arc::new(AtomicBool::new(false)));
        let nobody_asks = let_go.clone();
        tokio::spawn(async move {
            follower.wait().await;
            let end = match nobody_asks.load(Ordering::Relaxed) {
                true => End {
                    exit: Exit::UNKNOWN,
                    why: None,
                },
                false => ended(&owned).await,
            };
            sender.send_replace(Some(end));
        });
        Self {
            id: id.to_owned(),
            end,
            let_go,
        }
    }

    /// From now on nobody wants to know how it ends: it is about to be removed.
    pub fn let_go(&self) {
        self.let_go.store(true, Ordering::Relaxed);
    }

    /// Whether it has ended, or is about to be removed.
    pub fn is_over(&self) -> bool {
        self.let_go.load(Ordering::Relaxed) || self.exit().is_some()
    }

    /// How it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        self.end.borrow().map(|end| end.exit)
    }

    /// Why it ended, where its exit does not say it.
    pub fn why(&self) -> Option<Why> {
        self.end.borrow().and_then(|end| end.why)
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Exit {
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await.ok();
        ended
            .and_then(|end| *end)
            .map_or(Exit::UNKNOWN, |end| end.exit)
    }

    /// SIGTERM, then SIGKILL after `limit`.
    pub async fn stop(&self, limit: Duration) -> Exit {
        let seconds = limit.as_secs().to_string();
        self.end(&["stop", "--time", &seconds], limit).await
    }

    /// SIGKILL.
    pub async fn kill(&self) -> Exit {
        self.end(&["kill"], Duration::ZERO).await
    }

    /// Freezes all its processes, or lets them go on.
    ///
    /// # Errors
    /// When the engine refuses: it is paused already, or not.
    pub async fn pause(&self, paused: bool) -> anyhow::Result<()> {
        let verb = if paused { "pause" } else { "unpause" };
        let asked = docker::ask(docker([verb, &self.id]), ANSWER, Code::NotReady);
        asked.await.map(drop)
    }

    /// Whether it is frozen; false where the engine does not tell.
    pub async fn is_paused(&self) -> bool {
        let command = docker(["inspect", "--format", "{{.State.Paused}}", &self.id]);
        let said = docker::ask(command, ANSWER, Code::NotReady).await;
        said.is_ok_and(|said| said.trim() == "true")
    }

    async fn end(&self, verb: &[&str], limit: Duration) -> Exit {
        if let Some(exit) = self.exit() {
            return exit;
        }
        let command = docker(verb.iter().copied()).args([&self.id]);
        // One that ended by itself meanwhile is refused, and one that the engine forgot is gone.
        let _ = docker::ask(command, limit + ANSWER, Code::NotReady).await;
        tokio::time::timeout(ANSWER, self.wait())
            .await
            .unwrap_or(Exit::UNKNOWN)
    }
}

async fn ended(id: &str) -> End {
    let format = "{{.State.Running}} {{.State.ExitCode}} {{.State.OOMKilled}}";
    let mut why = None;
    for attempt in 0..QUESTIONS {
        let command = docker(["inspect", "--format", format, id]);
        match docker::ask(command, ANSWER, Code::NotReady).await {
            Ok(said) => {
                if let Some(end) = parse(&said) {
                    return end;
                }
                // Its log ended before the engine noted its end.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => {
                why = docker::is_silent(&error).then_some(Why::Engine);
                if attempt + 1 < QUESTIONS {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            }
        }
    }
    End {
        exit: Exit::UNKNOWN,
        why,
    }
}

/// A code above 128 is a signal, as a shell says it; `None` while it runs.
fn parse(said: &str) -> Option<End> {
    let mut words = said.split_whitespace();
    if words.next()? == "true" {
        return None;
    }
    let code: i32 = words.next()?.parse().ok()?;
    let why = (words.next() == Some("true")).then_some(Why::Memory);
    let exit = match code {
        129..=192 => Exit {
            code: None,
            signal: Some(code - 128),
        },
        code => Exit {
            code: Some(code),
            signal: None,
        },
    };
    Some(End { exit, why })
}

/// Where a port of a container is published: `127.0.0.1:PORT`.
///
/// # Errors
/// When it does not run.
pub async fn published(name: &str, port: u16) -> anyhow::Result<String> {
    let command = docker(["port", name, &format!("{port}/tcp")]);
    let said = docker::ask(command, ANSWER, Code::NotReady).await?;
    let first = said.lines().next().context("a port is not published")?;
    Ok(first.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends() {
        assert_eq!(parse("true 0 false"), None);
        assert_eq!(parse("false 7 false").unwrap().exit.code, Some(7));
        let end = parse("false 137 true").unwrap();
        assert_eq!((end.exit.signal, end.why), (Some(9), Some(Why::Memory)));
    }
}
