//! Ready means that the client's own first call works; dead means that the wait is over.

use crate::handle::Handle;
use crate::pollers::Pollers;
use crate::service::Described;
use crate::services;
use harness_base::{Code, Command, Interrupt, coded, docker, run_to_end, tail};
use harness_provision::model;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Between two questions: a tenth of what the fastest service takes to start.
const PAUSE: Duration = Duration::from_millis(25);
/// For one question. On a machine that compiles, an answer may take a second.
const ANSWER: Duration = Duration::from_secs(5);

/// How a service is asked whether it is ready.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Ready {
    /// A command that exits with 0.
    Asked(Command),
    /// A file with its address appears, then its own health check agrees.
    Announced {
        /// The file.
        file: PathBuf,
        /// The binary that has the health check.
        bin: PathBuf,
    },
    /// A file appears.
    Written(PathBuf),
    /// `GET` answers with JSON.
    Http {
        /// What to get.
        url: String,
        /// Bearer key.
        key: Option<String>,
    },
    /// It listens at `HOST:PORT`.
    Listening(String),
    /// It polls a queue.
    #[serde(skip)]
    Polls(Pollers),
}

/// A service and what the wait for it may use.
#[derive(Clone, Copy, Debug)]
pub struct Waited<'a> {
    /// Its name, for people.
    pub name: &'a str,
    /// Its process or container.
    pub handle: &'a Handle,
    /// Its log.
    pub log: &'a Path,
    /// A file for what health checks say.
    pub said: &'a Path,
    /// Where it is described, if it is somebody else's.
    pub described: Option<&'a Described>,
    /// Longest wait.
    pub limit: Duration,
    /// Lines of the log that an error shows.
    pub lines: usize,
}

/// Waits until the service is ready and returns its announced `HOST:PORT`, if it announces one.
///
/// # Errors
/// [`Code::NotReady`] as soon as it or its engine dies or the limit is over, [`Code::Interrupted`] at the first signal.
pub async fn wait(
    service: Waited<'_>,
    ready: &Ready,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<String>> {
    let began = Instant::now();
    let mut last = String::from("no question was answered yet");
    let why = tokio::select! {
        biased;
        exit = service.handle.wait() => {
            if service.handle.is_lost() {
                return Err(docker::gone("while the services were started"));
            }
            let end = service.handle.end().unwrap_or_else(|| exit.to_string());
            format!("died during start with {end} after {:.1} s", began.elapsed().as_secs_f32())
        }
        () = interrupt.reached(1) => return Err(coded(Code::Interrupted, "interrupted")),
        announced = poll(ready, service.said, &mut last) => return Ok(announced),
        () = tokio::time::sleep(service.limit) => String::new(),
    };
    let (line, why) = if why.is_empty() {
        let seconds = service.limit.as_secs_f32();
        let why = format!("is running but not ready after {seconds} s: {last}");
        (service.described.map(|it| &it.ready), why)
    } else {
        (service.described.map(|it| &it.command), why)
    };
    let line = line.map_or_else(String::new, |line| format!("{line}: "));
    Err(coded(
        Code::NotReady,
        format!(
            "{line}{} {why}\n{}",
            service.name,
            log_tail(service.log, service.lines)
        ),
    ))
}

/// The end of a log as an error shows it.
pub fn log_tail(log: &Path, lines: usize) -> String {
    let tail = tail(log, lines);
    if tail.is_empty() {
        return format!("  its log is empty: {}", log.display());
    }
    format!(
        "  last lines of {}:\n    {}",
        log.display(),
        tail.join("\n    ")
    )
}

async fn poll(ready: &Ready, said: &Path, last: &mut String) -> Option<String> {
    loop {
        match question(ready, said).await {
            Ok(announced) => return announced,
            Err(why) => *last = why,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn question(ready: &Ready, said: &Path) -> Result<Option<String>, String> {
    match ready {
        Ready::Asked(command) => run_to_end(command, said, ANSWER).await.map(|()| None),
        Ready::Announced { file, bin } => {
            let text = std::fs::read_to_string(file)
                .map_err(|_| format!("it has not written its address to {}", file.display()))?;
            let address = text.trim().to_owned();
            run_to_end(&services::address_health(bin, &address), said, ANSWER)
                .await
                .map(|()| Some(address))
        }
        Ready::Written(file) => match file.exists() {
            true => Ok(None),
            false => Err(format!("it has not written {}", file.display())),
        },
        Ready::Listening(address) => listens(address)
            .await
            .map(|()| None)
            .map_err(|why| format!("nobody listens at {address}: {why}")),
        Ready::Polls(pollers) => pollers.question().await.map(|()| None),
        Ready::Http { url, key } => {
            let asked = async { model::get(&model::client(ANSWER)?, url, key.as_deref()).await };
            asked
                .await
                .map(|_| None)
                .map_err(|error| format!("{error:#}"))
        }
    }
}

/// A connection that stays open. What publishes a container's port takes connections before anybody listens inside, and
/// closes them at once.
async fn listens(address: &str) -> std::io::Result<()> {
    const STAYS: Duration = Duration::from_millis(100);
    let connect = tokio::time::timeout(ANSWER, TcpStream::connect(address));
    let mut stream = connect.await.map_err(|_| ErrorKind::TimedOut)??;
    match tokio::time::timeout(STAYS, stream.read(&mut [0])).await {
        Ok(Ok(0)) => Err(ErrorKind::ConnectionAborted.into()),
        Ok(Err(error)) => Err(error),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}
