//! One container: its log followed into a file from the first byte, its end noticed when the log ends.

use crate::engine::{self, ANSWER, docker};
use crate::exit::Code;
use crate::process::{Exit, Output, spawn};
use crate::run::Run;
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
    exit: watch::Receiver<Option<Exit>>,
    out_of_memory: Arc<AtomicBool>,
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
        let (sender, exit) = watch::channel(None);
        let out_of_memory = Arc::new(AtomicBool::new(false));
        let (owned, memory) = (id.to_owned(), out_of_memory.clone());
        tokio::spawn(async move {
            process.wait().await;
            let exit = ended(&owned, &memory).await;
            sender.send_replace(Some(exit));
        });
        Ok(Self {
            id: id.to_owned(),
            exit,
            out_of_memory,
        })
    }

    /// How it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Whether the kernel ended it for using too much memory.
    pub fn out_of_memory(&self) -> bool {
        self.out_of_memory.load(Ordering::Relaxed)
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Exit {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.ok();
        ended.and_then(|exit| *exit).unwrap_or(GONE)
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

    async fn end(&self, verb: &[&str], limit: Duration) -> Exit {
        if let Some(exit) = self.exit() {
            return exit;
        }
        let command = docker(verb.iter().copied()).args([&self.id]);
        // One that ended by itself meanwhile is refused, and one that the engine forgot is gone.
        let _ = engine::ask(command, limit + ANSWER, Code::NotReady).await;
        tokio::time::timeout(ANSWER, self.wait())
            .await
            .unwrap_or(GONE)
    }
}

/// How something ended that nobody can say more about.
const GONE: Exit = Exit {
    code: None,
    signal: None,
};

async fn ended(id: &str, out_of_memory: &AtomicBool) -> Exit {
    let format = "{{.State.Running}} {{.State.ExitCode}} {{.State.OOMKilled}}";
    for attempt in 0..QUESTIONS {
        let command = docker(["inspect", "--format", format, id]);
        if let Ok(said) = engine::ask(command, ANSWER, Code::NotReady).await {
            if let Some((exit, memory)) = parse(&said) {
                out_of_memory.store(memory, Ordering::Relaxed);
                return exit;
            }
            // Its log ended before the engine noted its end.
            tokio::time::sleep(Duration::from_millis(20)).await;
        } else if attempt + 1 < QUESTIONS {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    GONE
}

/// A code above 128 is a signal, as a shell says it; `None` while it runs.
fn parse(said: &str) -> Option<(Exit, bool)> {
    let mut words = said.split_whitespace();
    if words.next()? == "true" {
        return None;
    }
    let code: i32 = words.next()?.parse().ok()?;
    let memory = words.next() == Some("true");
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
    Some((exit, memory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends() {
        assert_eq!(parse("true 0 false"), None);
        assert_eq!(parse("false 7 false").unwrap().0.code, Some(7));
        let (exit, memory) = parse("false 137 true").unwrap();
        assert_eq!((exit.signal, memory), (Some(9), true));
    }
}
