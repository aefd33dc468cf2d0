//! The `stigmer` command as a test runs it.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::trail;

/// A way to call `stigmer` against one server.
#[derive(Clone, Debug)]
pub struct Cli {
    binary: PathBuf,
    server: String,
    folder: PathBuf,
    env: Vec<(String, String)>,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code; nothing when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Cli {
    pub(crate) fn new(binary: &Path, server: &str) -> Self {
        let (binary, server) = (binary.to_owned(), server.to_owned());
        // Not where the tests are: a project above it must not be found by accident.
        Self {
            binary,
            server,
            folder: std::env::temp_dir(),
            env: Vec::new(),
        }
    }

    /// The same in another working directory.
    pub fn within(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// The same with a variable more in its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The arguments; what they say, or name, of secrets is kept out of the notes.
    fn noted<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Vec<OsString> {
        let args: Vec<OsString> = args
            .into_iter()
            .map(|arg| arg.as_ref().to_owned())
            .collect();
        let mut before = String::new();
        for arg in words(&args) {
            if let Some((_, value)) = arg
                .strip_prefix("secret:")
                .and_then(|it| it.split_once('='))
            {
                trail::secret(value);
            }
            if before == "--secret" {
                let named = self.env.iter().filter(|(name, _)| *name == arg);
                named.for_each(|(_, value)| trail::secret(value));
            }
            before = arg;
        }
        args
    }

    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .env("STIGMER_SERVER_ADDR", &self.server)
            .envs(trail::traceparent().map(|it| ("TRACEPARENT", it)))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs `stigmer` with `args` to its end.
    ///
    /// # Errors
    /// When it cannot be started; a failed command is an [`Output`].
    pub async fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Output> {
        let args = self.noted(args);
        let output = self.command(&args).output().await;
        let output = output.with_context(|| format!("cannot run {}", self.binary.display()))?;
        let output = Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        let Output {
            code,
            stdout,
            stderr,
        } = &output;
        trail::command(&words(&args), *code, stdout, stderr, &self.server);
        Ok(output)
    }

    /// Starts `stigmer` with `args`, its output piped; it is killed when dropped.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Child> {
        let args = self.noted(args);
        trail::event("spawn", serde_json::json!({ "args": words(&args) }));
        let child = self.command(&args).spawn();
        child.with_context(|| format!("cannot run {}", self.binary.display()))
    }
}

fn words(args: &[OsString]) -> Vec<String> {
    args.iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect()
}

impl Output {
    /// Itself, if the command succeeded.
    ///
    /// # Errors
    /// With all that was printed, if not.
    pub fn ok(self) -> Result<Self> {
        if self.code == Some(0) {
            return Ok(self);
        }
        let code = self
            .code
            .map_or("a signal".to_owned(), |code| format!("exit code {code}"));
        let why = self.stderr.lines().find(|line| line.starts_with("error"));
        let why = why
            .or(self.stderr.lines().next_back())
            .unwrap_or("no word on stderr");
        let Self { stdout, stderr, .. } = &self;
        bail!("stigmer ended with {code}: {why}\nstderr: {stderr}\nstdout: {stdout}")
    }

    /// What was printed, as JSON.
    ///
    /// # Errors
    /// When the command failed or printed something else.
    pub fn json(self) -> Result<Value> {
        let output = self.ok()?;
        serde_json::from_str(&output.stdout)
            .with_context(|| format!("stigmer printed no JSON: {}", output.stdout))
    }
}
