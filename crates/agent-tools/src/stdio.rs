//! Servers that are child processes.

use std::{
    env,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use rmcp::ServiceExt;
use rustix::io::Errno;
use stigmer_api::agent::StdioServer;
use tokio::{process::Command, time::timeout};
use tokio_util::task::TaskTracker;

use crate::{
    causes::{explain, refusal},
    child_transport::ChildTransport,
    client::Client,
    connection::{Connection, START, too_late},
    env::Env,
    error::ToolsError,
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

impl Start<'_> {
    pub(crate) async fn connect(self, server: &StdioServer) -> Result<Connection, ToolsError> {
        let who = format!(
            "the MCP server {} ({})",
            self.name,
            self.env.redact(&server.command)
        );
        let (process, stdin, stdout) =
            Process::start(self.command(server, &who)?, self.folder, self.ends)
                .map_err(|error| self.unstartable(&error, &who, server))?;
        tracing::info!(
            server = self.name,
            pid = process.pid,
            "started an MCP server"
        );
        let limit = self.limits.start;
        let transport = ChildTransport::new(stdout, stdin);
        let noise = transport.noise();
        let why = match timeout(limit, Client::default().serve(transport)).await {
            Ok(Ok(service)) => {
                return Ok(Connection::new(
                    self.name,
                    service,
                    Some(process),
                    self.limits,
                ));
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        // It ends because nobody asks it any more: that says less than what it said.
        if let Some(said) = why.as_ref().and_then(refusal) {
            let last = process.stderr.last_lines(self.env);
            let said = self.env.excerpt(&said);
            return Err(ToolsError::permanent(format!("{who} {said}{last}")));
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
        Err(match (gone, why) {
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
            (None, None) => ToolsError::permanent(format!(
                "{who} did not answer within {limit:?} of its start: {}{last}",
                too_late("start_timeout_seconds", START)
            )),
        })
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

/// What a file says that runs it, as a part of an error: nothing, where it is no script.
fn interpreter(file: &Path) -> String {
    /// The kernel reads so much of a script.
    const FIRST: u64 = 256;
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(FIRST).read_to_end(&mut head));
    let text = String::from_utf8_lossy(&head);
    let line = text
        .strip_prefix("#!")
        .and_then(|text| text.split('\n').next());
    match (read, line) {
        // A carriage return at its end is seen only so.
        (Ok(_), Some(line)) => format!(" ({:?})", line.trim_matches(' ')),
        _ => String::new(),
    }
}
