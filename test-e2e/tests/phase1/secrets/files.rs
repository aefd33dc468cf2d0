//! Secrets on the disk, and the key that they are sealed with.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::Context;
use stigmer_api::{executioncontext::ExecutionValue, resource::Resource};
use test_e2e::{Api, Instance, Result, Stack, ensure, environment, execution, unique};

use super::{KEY, agent_with, told};

/// The files of the folder that hold `text`.
fn holding(folder: &Path, text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let bytes = fs::read(&path)?;
        if bytes.windows(text.len()).any(|w| w == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

#[tokio::test]
async fn no_file_has_a_secret_in_it_and_without_the_key_nothing_opens() -> Result {
    let folder = tempfile::tempdir()?;
    let (db, key) = (folder.path().join("s.db"), folder.path().join("s.db.key"));
    let mut control = Stack::get()?.control().await?;
    let env = [
        ("STIGMER_RUNNER_KEY", KEY),
        ("DB_PATH", db.to_str().context("no UTF-8")?),
    ];
    let server = control.start("server", &env).await?;
    let api = Api::new(server.url()?)?;
    let (secret, open) = (unique("hush"), unique("open"));
    let agent = api.agents().create(agent_with(&secret)).await?.into_inner();
    let data = [("TOKEN", secret.as_str(), true), ("OPEN", &open, false)];
    let made = api
        .environments()
        .create(environment(&unique("env"), &data))
        .await?
        .into_inner();
    let mut new = execution(agent.id(), "hello");
    let value = ExecutionValue {
        value: secret.clone(),
        is_secret: true,
    };
    let spec = new.spec.get_or_insert_default();
    spec.runtime_env.insert("OWN".to_owned(), value);
    let running = api.executions().create(new).await?.into_inner();
    ensure!(
        !holding(folder.path(), &open)?.is_empty(),
        "the test sees nothing"
    );
    ensure!(holding(folder.path(), &secret)?.is_empty());
    let metadata = fs::metadata(&key)?;
    ensure!(metadata.permissions().mode() & 0o777 == 0o600 && metadata.len() == 32);
    ensure!(fs::metadata(&db)?.permissions().mode() & 0o777 == 0o600);

    control.stop(&server).await?;
    ensure!(holding(folder.path(), &secret)?.is_empty());
    let bytes = fs::read(&key)?;
    fs::remove_file(&key)?;
    let why = refused(control.restart(&server).await)?;
    ensure!(
        why.contains("is missing") && why.contains("s.db.key"),
        "{why}"
    );
    ensure!(!key.exists(), "a new key was made");
    fs::write(&key, [0; 32])?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644))?;
    let why = refused(control.restart(&server).await)?;
    ensure!(why.contains("chmod 600"), "{why}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let why = refused(control.restart(&server).await)?;
    ensure!(why.contains("is not the one that sealed"), "{why}");
    fs::write(&key, &bytes[..31])?;
    let why = refused(control.restart(&server).await)?;
    ensure!(why.contains("31 bytes"), "{why}");
    fs::write(&key, &bytes)?;

    let server = control.restart(&server).await?;
    let api = Api::new(server.url()?)?;
    ensure!(told(&api, made.slug(), "TOKEN").await? == secret);
    let context = api.context(running.id(), Some(KEY)).await?;
    let data = context.spec.unwrap_or_default().data;
    ensure!(
        data["OWN"].value == secret && data["AGENTS"].value == secret,
        "{data:?}"
    );
    control.stop(&server).await?;
    Ok(())
}

fn refused(started: anyhow::Result<Instance>) -> Result<String> {
    let why = started.err().context("it was started")?;
    Ok(format!("{why:#}"))
}
