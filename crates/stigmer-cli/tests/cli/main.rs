//! The `stigmer` binary as its users meet it: what it prints where, and its exit codes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;
mod following;
mod hostile;
mod instances;
mod offline;
mod online;
mod tls;

use std::{ffi::OsStr, fs, path::Path, process::Output};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

const AGENT: &str = "apiVersion: agentic.stigmer.ai/v1
kind: Agent
metadata: {name: NAME}
spec: {instructions: Do what is right.}
";

/// A project `demo` with agents of these names.
fn project(agents: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Stigmer.yaml"), "name: demo\n").unwrap();
    fs::create_dir(folder.path().join("agents")).unwrap();
    for name in agents {
        let file = folder.path().join(format!("agents/{name}.yaml"));
        fs::write(file, AGENT.replace("NAME", name)).unwrap();
    }
    folder
}

/// The command in `folder` with nothing of the tester's own environment.
fn stigmer<S: AsRef<OsStr>>(folder: &Path, server: &str, args: &[S]) -> std::process::Command {
    let mut command = std::process::Command::new(cargo_bin("stigmer"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("STIGMER_SERVER_ADDR", server)
        .env("COLUMNS", "100")
        .stdin(std::process::Stdio::null());
    command
}

/// Exit code, stdout and stderr, for snapshots.
fn shown(output: &Output) -> String {
    format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs without a server.
fn alone(folder: &Path, args: &[&str]) -> String {
    // Port 1 is reserved; nothing listens there.
    shown(&stigmer(folder, "127.0.0.1:1", args).output().unwrap())
}
