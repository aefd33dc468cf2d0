//! Starting a process in a group of its own, waiting for it, ending it.

use super::command::Command;
use super::exit::Exit;
use super::ident::Ident;
use anyhow::Context;
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::{mpsc, watch};

/// Where a process writes to.
#[derive(Clone, Debug)]
pub enum Output {
    /// Both streams, appended to a file from the first byte.
    Log(PathBuf),
    /// This process's own streams.
    Inherit,
    /// Standard output alone into a new file, for programs that answer in it and talk on the other.
    StdoutOnly(PathBuf),
    /// Standard error alone, appended to a file, for programs that draw on the other.
    StderrOnly(PathBuf),
    /// Standard output alone, line by line, to whoever listens; its end is the program's.
    Lines(mpsc::UnboundedSender<String>),
}

/// A running (or ended) process that this one started.
#[derive(Clone, Debug)]
pub struct Process {
    /// Who it is; `pid` is also the process group.
    pub ident: Ident,
    exit: watch::Receiver<Option<Exit>>,
    /// Whether another program started it: then nobody keeps its pid from being given to somebody else.
    attached: bool,
}

/// Between two looks at a process that is not this one's child: nothing tells of its end.
const LOOK: Duration = Duration::from_millis(20);

/// Starts `command` as the leader of a new process group, with no input, and records it in `pid_file`.
///
/// # Errors
/// When the program cannot be started or a file cannot be written.
pub fn spawn(
    command: &Command,
    output: &Output,
    pid_file: Option<&Path>,
) -> anyhow::Result<Process> {
    let append = |path: &Path| {
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("open {}", path.display()))
    };
    let mut os = tokio::process::Command::new(&command.program);
    os.args(&command.args).stdin(Stdio::null()).process_group(0);
    match output {
        Output::Log(path) => {
            let file = append(path)?;
            os.stdout(file.try_clone().context("share the log file")?)
                .stderr(file);
        }
        Output::Inherit => {}
        Output::StdoutOnly(path) => {
            let file = std::fs::File::create(path);
            os.stdout(file.with_context(|| format!("write {}", path.display()))?);
        }
        Output::StderrOnly(path) => {
            os.stderr(append(path)?);
        }
        Output::Lines(_) => {
            os.stdout(Stdio::piped());
        }
    }
    for name in command.inherit.withheld() {
        os.env_remove(name);
    }
    for name in &command.unset {
        os.env_remove(name);
    }
    for var in &command.env {
        os.env(&var.name, &var.value);
    }
    if let Some(folder) = &command.cwd {
        os.current_dir(folder);
    }
    let mut child = os
        .spawn()
        .with_context(|| format!("start {}", command.program.display()))?;
    if let (Output::Lines(sender), Some(out)) = (output, child.stdout.take()) {
        let sender = sender.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(out).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if sender.send(line).is_err() {
                    return; // nobody listens any more
                }
            }
        });
    }
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .context("a new process has no pid")?;
    // One that is gone already has no start time; nothing can be mistaken for it while we have not waited for it.
    let ident = Ident::of(pid).unwrap_or(Ident {
        pid,
        start: String::new(),
        place: String::new(),
    });
    if let Some(path) = pid_file {
        let text = serde_json::to_string(&ident).context("describe a process")?;
        let written = std::fs::write(path, text);
        if written.is_err() {
            signal_group(pid, Signal::SIGKILL); // nobody else would know of it
        }
        written.with_context(|| format!("write {}", path.display()))?;
    }
    let (sender, exit) = watch::channel(None);
    let file = pid_file.map(Path::to_owned);
    tokio::spawn(async move {
        let exit = match child.wait().await {
            Ok(status) => Exit {
                code: status.code(),
                signal: status.signal(),
            },
            Err(_) => Exit::UNKNOWN,
        };
        if let Some(path) = file {
            // A file that stays is checked against the start time by whoever reads it.
            let _ = std::fs::remove_file(path);
        }
        sender.send_replace(Some(exit));
    });
    Ok(Process {
        ident,
        exit,
        attached: false,
    })
}

impl Process {
    /// One that another program started. Its end is seen, how it ended is not.
    pub fn attach(ident: Ident) -> Self {
        let gone = (!ident.alive()).then_some(Exit::UNKNOWN);
        let (sender, exit) = watch::channel(gone);
        let seen = ident.clone();
        if gone.is_none() {
            tokio::spawn(async move {
                while seen.alive() && !sender.is_closed() {
                    tokio::time::sleep(LOOK).await;
                }
                sender.send_replace(Some(Exit::UNKNOWN));
            });
        }
        Self {
            ident,
            exit,
            attached: true,
        }
    }

    /// How it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Exit {
        let mut receiver = self.exit.clone();
        let exit = receiver.wait_for(Option::is_some).await;
        exit.ok().and_then(|exit| *exit).unwrap_or(Exit::UNKNOWN)
    }

    /// Sends a signal to its group, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        if self.exit().is_none() && (!self.attached || self.ident.alive()) {
            signal_group(self.ident.pid, signal);
        }
    }

    /// SIGTERM, then SIGKILL after `limit`; returns how it ended.
    pub async fn stop(&self, limit: Duration) -> Exit {
        self.signal(Signal::SIGTERM);
        self.signal(Signal::SIGCONT); // one that is paused would never hear it
        if let Ok(exit) = tokio::time::timeout(limit, self.wait()).await {
            return exit;
        }
        self.kill().await
    }

    /// SIGKILL; returns how it ended.
    pub async fn kill(&self) -> Exit {
        self.signal(Signal::SIGKILL);
        self.wait().await
    }
}

/// Signals a process group; one that is gone is no error. Returns whether anybody was there.
pub fn signal_group(group: i32, signal: Signal) -> bool {
    !matches!(
        killpg(Pid::from_raw(group), signal),
        Err(Errno::ESRCH | Errno::EPERM | Errno::EINVAL)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        Command::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn code_signal_and_log() {
        let folder = tempfile::tempdir().unwrap();
        let (log, pid) = (folder.path().join("a.log"), folder.path().join("a.pid"));
        let process = spawn(
            &sh("echo one; echo two >&2; exit 7"),
            &Output::Log(log.clone()),
            Some(&pid),
        )
        .unwrap();
        assert_eq!(process.wait().await.to_string(), "exit code 7");
        assert_eq!(std::fs::read_to_string(log).unwrap(), "one\ntwo\n");
        assert!(!pid.exists());
        let process = spawn(&sh("kill -9 $$"), &Output::Inherit, None).unwrap();
        assert_eq!(process.wait().await.to_string(), "SIGKILL");
    }

    #[tokio::test]
    async fn one_that_another_program_started_is_stopped_and_its_end_seen_even_while_it_is_paused()
    {
        let process = spawn(&sh("exec sleep 60"), &Output::Inherit, None).unwrap();
        let attached = Process::attach(process.ident.clone());
        assert_eq!(attached.exit(), None);
        let (_sender, exit) = watch::channel(None);
        let reused = Process {
            ident: Ident {
                start: "of one that ended just now".into(),
                ..process.ident.clone()
            },
            exit,
            attached: true,
        };
        reused.signal(Signal::SIGKILL); // its number is somebody else's by now
        attached.signal(Signal::SIGSTOP);
        assert_eq!(attached.stop(Duration::from_secs(10)).await, Exit::UNKNOWN);
        assert_eq!(process.wait().await.signal, Some(15));
        let impostor = Ident {
            start: "other".into(),
            ..process.ident
        };
        assert_eq!(Process::attach(impostor).exit(), Some(Exit::UNKNOWN));
    }

    #[tokio::test]
    async fn one_that_ignores_sigterm_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        let script = "trap '' TERM; sleep 60 & echo $! ; while :; do sleep 0.05; done";
        let process = spawn(&sh(script), &Output::Log(log.clone()), None).unwrap();
        let child = loop {
            if let Ok(pid) = std::fs::read_to_string(&log).unwrap().trim().parse::<i32>() {
                break pid;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(
            process.stop(Duration::from_millis(50)).await.signal,
            Some(9)
        );
        for _ in 0..200 {
            if Ident::of(child).is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the child of a killed service is still there");
    }
}
