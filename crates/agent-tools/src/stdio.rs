//! Servers that are child processes.

use std::{
    env, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rmcp::{ServiceExt, service::ClientInitializeError};
use rustix::io::Errno;
use stigmer_api::agent::StdioServer;
use tokio::{
    process::Command,
    time::{Instant, timeout_at},
};
use tokio_util::task::TaskTracker;

use crate::{
    causes::{explain, refusal},
    child_transport::ChildTransport,
    client::{Client, other_version},
    connection::{Connection, START, Service, too_late},
    env::Env,
    error::ToolsError,
    interpreter::interpreter,
    limits::Limits,
    process::Process,
};

/// What a child gets of this process's environment: where it is, never what it knows. `E2E_RUN_ID` lets whoever cleans up
/// after a test run find it.
const INHERITED: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "TERM",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "E2E_RUN_ID",
];

pub(crate) struct Start<'a> {
    pub(crate) name: &'a str,
    pub(crate) env: &'a Env,
    /// Where the child starts, unless its definition says otherwise.
    pub(crate) folder: &'a Path,
    pub(crate) limits: Limits,
    pub(crate) ends: &'a TaskTracker,
}

/// A process, and what came of the handshake with it.
struct Greeted {
    process: Process,
    /// The first line on its stdout that is no message, where there is one.
    noise: Arc<OnceLock<String>>,
    /// No error: its time was over.
    answer: Result<Service, Option<ClientInitializeError>>,
}

impl Start<'_> {
    pub(crate) async fn connect(self, server: &StdioServer) -> Result<Connection, ToolsError> {
        let who = format!(
            "the MCP server {} ({})",
            self.name,
            self.env.redact(&server.command)
        );
        let mut greeted = self.greeted(server, &who, Client::default()).await?;
        if let Err(Some(error)) = &greeted.answer
            && let Some(version) = other_version(error)
        {
            // No process has to take a second handshake, and some end with the first.
            greeted.process.end().await;
            let client = Client::offering(version);
            greeted = self.greeted(server, &who, client).await?;
        }
        let Greeted {
            process,
            noise,
            answer,
        } = greeted;
        match answer {
            Ok(service) => Ok(Connection::new(
                self.name,
                service,
                Some(process),
                self.limits,
            )),
            Err(why) => Err(self.unanswered(&who, &process, &noise, why).await),
        }
    }

    /// Starts a process, and says hello to it.
    async fn greeted(
        &self,
        server: &StdioServer,
        who: &str,
        client: Client,
    ) -> Result<Greeted, ToolsError> {
        let end = Instant::now() + self.limits.start;
        let (process, stdin, stdout) =
            Process::start(self.command(server, who)?, self.folder, self.ends)
                .map_err(|error| self.unstartable(&error, who, server))?;
        tracing::info!(
            server = self.name,
            pid = process.pid,
            "started an MCP server"
        );
        let transport = ChildTransport::new(stdout, stdin);
        let noise = transport.noise();
        let answer = match timeout_at(end, client.serve(transport)).await {
            Ok(answer) => answer.map_err(Some),
            Err(_) => Err(None),
        };
        Ok(Greeted {
            process,
            noise,
            answer,
        })
    }

    /// Why there is no connection, by what the server said and what became of its process.
    async fn unanswered(
        &self,
        who: &str,
        process: &Process,
        noise: &OnceLock<String>,
        why: Option<ClientInitializeError>,
    ) -> ToolsError {
        // It ends because nobody asks it any more: that says less than what it said.
        if let Some(said) = why.as_ref().and_then(refusal) {
            let last = process.stderr.last_lines(self.env);
            let said = self.env.excerpt(&said);
            return ToolsError::permanent(format!("{who} {said}{last}"));
        }
        let gone = match &why {
            Some(_) => process.soon_gone().await,
            None => process.gone(),
        };
        let mut last = process.stderr.last_lines(self.env);
        if let Some(line) = noise.get() {
            let line = self.env.excerpt(line);
            last = format!("; the first line on its stdout that is no message: {line}{last}");
        }
        match (gone, why) {
            // The kernel or a person ended it; otherwise it did not want to.
            (Some(gone), _) if gone.contains("signal") => {
                ToolsError::transient(format!("{who} {gone} while it started{last}"))
            }
            (Some(gone), _) => ToolsError::permanent(format!(
                "{who} {gone} while it started: check its command, args and environment{last}"
            )),
            (None, Some(error)) => ToolsError::permanent(format!(
                "{who} does not speak MCP: {}{last}",
                self.env.excerpt(&explain(&error))
            )),
            // It had its time; what it fetches at first use would be fetched anew.
            (None, None) => {
                let limit = self.limits.start;
                ToolsError::permanent(format!(
                    "{who} did not answer within {limit:?} of its start: {}{last}",
                    too_late("start_timeout_seconds", START)
                ))
            }
        }
    }

    fn command(&self, server: &StdioServer, who: &str) -> Result<Command, ToolsError> {
        let mut command = Command::new(&server.command);
        for (i, text) in server.args.iter().enumerate() {
            let arg = self
                .env
                .fill(text)
                .map_err(|error| ToolsError::permanent(format!("{who}: its args[{i}]: {error}")))?;
            command.arg(arg);
        }
        command.env_clear();
        for name in INHERITED {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        for (name, text) in &server.env_placeholders {
            let value = self.env.fill(text).map_err(|error| {
                ToolsError::permanent(format!("{who}: its environment variable {name}: {error}"))
            })?;
            command.env(name, value);
        }
        command.current_dir(self.folder.join(&server.working_dir));
        Ok(command)
    }

    /// The file that a command means, where there is one.
    fn script(&self, server: &StdioServer) -> Option<PathBuf> {
        let folder = self.folder.join(&server.working_dir);
        let own = server.env_placeholders.get("PATH");
        let path = match own {
            Some(text) => self.env.fill(text).ok()?.into(),
            None => env::var_os("PATH").unwrap_or_default(),
        };
        let places = match server.command.contains('/') {
            true => vec![folder],
            false => env::split_paths(&path).map(|p| folder.join(p)).collect(),
        };
        let mut files = places.iter().map(|place| place.join(&server.command));
        files.find(|file| file.is_file())
    }

    fn unstartable(&self, error: &io::Error, who: &str, server: &StdioServer) -> ToolsError {
        if !self.folder.join(&server.working_dir).is_dir() {
            let dir = self.env.redact(&server.working_dir);
            return ToolsError::permanent(format!(
                "{who}: its working_dir {dir:?} is no folder on this runner"
            ));
        }
        match Errno::from_io_error(error) {
            Some(Errno::NOENT) => ToolsError::permanent(match self.script(server) {
                Some(script) => format!(
                    "{who}: {} is there, but not what runs it{}: install that",
                    self.env.redact(&script.display().to_string()),
                    self.env.redact(&interpreter(&script))
                ),
                None => format!(
                    "{who}: there is no such command on this runner: install it, or name it by its full path"
                ),
            }),
            // The machine is short of something, or the command is being installed.
            Some(
                Errno::AGAIN
                | Errno::NOMEM
                | Errno::MFILE
                | Errno::NFILE
                | Errno::TXTBSY
                | Errno::INTR,
            ) => ToolsError::transient(format!("{who} could not be started: {error}")),
            _ => ToolsError::permanent(format!("{who} cannot be run: {error}")),
        }
    }
}
