//! The evidence of failed tests: what became of their executions, what Temporal and the model's gateway know of them, what
//! the services logged about them. Each goes to a file below `tests/NAME/`, beside the test's own notes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::{StreamExt, future::join_all, stream};
use reqwest::Method;
use serde_json::Value;

use crate::{Api, Stack, gateway::Admin, trail};

/// What one question may take: whoever does not answer by then is part of the evidence.
const PATIENCE: Duration = Duration::from_secs(5);
/// Executions and scripts of one test that are asked for, the last ones.
const MOST: usize = 20;
/// Lines of one service's log about one test's executions, the last ones.
const LINES: usize = 500;

/// Collects for the tests in `E2E_EVIDENCE`, their names a line each. What cannot be had is left out.
///
/// # Errors
/// When there is no stack, or nobody says of which tests.
pub async fn collect() -> Result<()> {
    let path = PathBuf::from(env::var_os("E2E_STACK").context("E2E_STACK")?);
    let stack: Stack = serde_json::from_str(&fs::read_to_string(&path)?)?;
    let dir = path.parent().context("the stack's folder")?.join("tests");
    let names = env::var("E2E_EVIDENCE").context("E2E_EVIDENCE")?;
    let folders = names.lines().map(|name| dir.join(name.replace("::", ".")));
    // Side by side all of them would ask for more than a busy machine answers in time.
    let asked = stream::iter(folders.map(|folder| one(&stack, folder)));
    asked.buffer_unordered(4).collect::<()>().await;
    Ok(())
}

/// Collects for the test that runs, whether it failed or not; the test's folder.
///
/// # Errors
/// When it has asked for no stack.
pub async fn of_this_test(stack: &Stack) -> Result<PathBuf> {
    let folder = trail::folder().context("this test has asked for no stack")?;
    one(stack, folder.clone()).await;
    Ok(folder)
}

async fn one(stack: &Stack, folder: PathBuf) {
    let notes = fs::read_to_string(folder.join("events.jsonl")).unwrap_or_default();
    let notes: Vec<Value> = notes
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let last = |kind: &str| {
        let mut found: Vec<&Value> = notes.iter().filter(|note| note["kind"] == kind).collect();
        found.drain(..found.len().saturating_sub(MOST));
        found
    };
    let executions: Vec<(&str, &str)> = last("execution")
        .into_iter()
        .filter_map(|note| Some((note["execution"].as_str()?, note["server"].as_str()?)))
        .collect();
    let keys = last("script").into_iter();
    let keys: Vec<&str> = keys.filter_map(|note| note["script"].as_str()).collect();
    let ids = executions.iter().map(|(id, _)| *id);
    let ids: Vec<&str> = ids.chain(keys.iter().copied()).collect();
    let asked = executions
        .iter()
        .map(|(id, server)| execution(stack, &folder, id, server));
    let told = keys.iter().map(|key| script(stack, &folder, key));
    tokio::join!(join_all(asked), join_all(told));
    logs(stack, &folder, &ids);
}

async fn execution(stack: &Stack, folder: &Path, id: &str, server: &str) {
    let state = within(async {
        let found = Api::new(server)?.get_execution(id).await?;
        Ok(serde_json::to_string_pretty(&found)?)
    });
    let history = within(async { stack.temporal()?.history_text(id).await });
    let (state, history) = tokio::join!(state, history);
    write(folder, "executions", id, state);
    write(folder, "histories", id, history);
}

async fn script(stack: &Stack, folder: &Path, key: &str) {
    let told = within(async {
        let admin = Admin::at(&stack.gateway()?.base_url)?;
        admin
            .text(Method::GET, &format!("/scripts/{key}"), None)
            .await
    });
    write(folder, "scripts", key, told.await);
}

async fn within(work: impl Future<Output = Result<String>>) -> Option<String> {
    tokio::time::timeout(PATIENCE, work).await.ok()?.ok()
}

fn write(folder: &Path, kind: &str, name: &str, text: Option<String>) {
    let Some(text) = text else { return };
    let into = folder.join(kind);
    // Evidence is collected as far as it goes.
    drop(
        fs::create_dir_all(&into).and_then(|()| fs::write(into.join(format!("{name}.json")), text)),
    );
}

/// The lines about the executions, and the scripts, of each service and of the gateway's exchanges.
fn logs(stack: &Stack, folder: &Path, ids: &[&str]) {
    let files = stack.log_files().unwrap_or_default();
    for file in files.into_iter().filter(|path| {
        path.extension()
            .is_some_and(|it| it == "log" || it == "jsonl")
    }) {
        let text = fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut lines: Vec<&str> = text
            .lines()
            .filter(|line| ids.iter().any(|id| line.contains(id)))
            .collect();
        lines.drain(..lines.len().saturating_sub(LINES));
        if let Some(name) = file.file_name().filter(|_| !lines.is_empty()) {
            let into = folder.join("logs");
            drop(
                fs::create_dir_all(&into)
                    .and_then(|()| fs::write(into.join(name), lines.join("\n") + "\n")),
            );
        }
    }
}
