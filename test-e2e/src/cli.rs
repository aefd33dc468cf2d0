//! The `stigmer` command as a test runs it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::Result;

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

    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .env("STIGMER_SERVER_ADDR", &self.server)
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
        let output = self.command(args).output().await;
        let output = output.with_context(|| format!("cannot run {}", self.binary.display()))?;
        Ok(Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Starts `stigmer` with `args`, its output piped; it is killed when dropped.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Child> {
        let child = self.command(args).spawn();
        child.with_context(|| format!("cannot run {}", self.binary.display()))
    }
}

impl Output {
    /// Itself, if the command succeeded.
    ///
    /// # Errors
    /// With all that was printed, if not.
    pub fn ok(self) -> Result<Self> {
        ensure!(self.code == Some(0), "stigmer failed: {self:#?}");
        Ok(self)
    }

    /// What was printed, as JSON.
    ///
    /// # Errors
    /// When the command failed or printed something else.
    pub fn json(self) -> Result<Value> {
        let output = self.ok()?;
        serde_json::from_str(&output.stdout).with_context(|| format!("no JSON: {output:#?}"))
    }
}
