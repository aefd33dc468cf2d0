use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, ensure};
use futures::TryStreamExt;
use stigmer_api::{
    agent::{Agent, ListAgentsRequest},
    agentexecution::ListAgentExecutionsRequest,
    apiresource::ApiResourceId,
    environment::{Environment, ListEnvironmentsRequest},
    executioncontext::ExecutionValue,
    resource::Resource,
    secret::REDACTED,
};
use test_e2e::{Api, Result, Stack, agent, environment, execution, follow, instance, unique};
use tonic::Code;

const KEY: &str = "the-runners-key";

fn agent_with(secret: &str) -> Agent {
    let mut agent = agent(&unique("agent"));
    let spec = agent.spec.get_or_insert_default();
    let data = environment("x", &[("AGENTS", secret, true)]).spec;
    spec.env_spec = data;
    agent
}

/// What `api` tells a runner of the variable `name` in an execution in an instance with the
/// environment `slug`.
async fn told(api: &Api, slug: &str, name: &str) -> Result<String> {
    let agent = api.new_agent(&unique("reader")).await?;
    let created = instance(&unique("reader"), agent.id(), &[slug]);
    let created = api.instances().create(created).await?.into_inner();
    let mut session = stigmer_api::session::Session::default();
    session.set_envelope();
    session.metadata_mut().name = unique("session");
    session.metadata_mut().owner_scope = 2;
    let spec = session.spec.get_or_insert_default();
    spec.agent_instance_id = created.id().to_owned();
    let session = api.sessions().create(session).await?.into_inner();
    let mut execution = execution("", "hello");
    let spec = execution.spec.get_or_insert_default();
    spec.session_id = session.id().to_owned();
    let execution = api.executions().create(execution).await?.into_inner();
    let context = api.context(execution.id(), Some(KEY)).await?;
    let data = context.spec.unwrap_or_default().data;
    Ok(data.get(name).context("no such variable")?.value.clone())
}

#[tokio::test]
async fn no_answer_has_a_secret_in_it() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let secret = unique("hush");
    let mut answers = Vec::new();
    macro_rules! answer {
        ($call:expr) => {{
            let answer = $call.await?.into_inner();
            answers.push(format!("{answer:?}"));
            answer
        }};
    }
    let tag = unique("tag");
    let mut new = agent_with(&secret);
    new.metadata_mut().tags = vec![tag.clone()];
    let agent = answer!(api.agents().create(new.clone()));
    answer!(api.agents().apply(new.clone()));
    new.spec.get_or_insert_default().description = "changed".to_owned();
    answer!(api.agents().apply(new.clone()));
    answer!(api.agents().update(new));
    let list = ListAgentsRequest {
        tags: vec![tag.clone()],
        ..Default::default()
    };
    answer!(api.agent_queries().list(list));
    answers.push(format!("{:?}", api.agent_by_slug(agent.slug()).await?));

    let mut new = environment(&unique("env"), &[("ENVS", &secret, true)]);
    new.metadata_mut().tags = vec![tag.clone()];
    let made = answer!(api.environments().apply(new.clone()));
    answer!(api.environments().apply(new.clone()));
    answer!(api.environments().update(new));
    let value = made.id().to_owned();
    answer!(api.environment_queries().get(ApiResourceId { value }));
    let list = ListEnvironmentsRequest {
        tags: vec![tag.clone()],
        ..Default::default()
    };
    answer!(api.environment_queries().list(list));

    let mut new = execution(agent.id(), "hello");
    new.metadata_mut().tags = vec![tag.clone()];
    let value = ExecutionValue {
        value: secret.clone(),
        is_secret: true,
    };
    let spec = new.spec.get_or_insert_default();
    spec.runtime_env.insert("OWN".to_owned(), value);
    let made = answer!(api.executions().create(new));
    answers.push(format!("{:?}", api.get_execution(made.id()).await?));
    let list = ListAgentExecutionsRequest {
        tags: vec![tag],
        ..Default::default()
    };
    answer!(api.execution_queries().list(list));
    answers.push(format!("{:?}", api.context(made.id(), None).await?));
    let states = follow(&api, made.id()).await?;
    stack.cli().run(["cancel", made.id()]).await?.ok()?;
    let states: Vec<_> = states.try_collect().await?;
    ensure!(states.len() >= 2, "{states:?}");
    answers.push(format!("{states:?}"));
    let output = stack
        .cli()
        .run(["get", "agent", agent.slug(), "-o", "yaml"])
        .await?
        .ok()?;
    answers.push(output.stdout);
    let value = agent.id().to_owned();
    answer!(api.agents().delete(stigmer_api::agent::AgentId { value }));

    for (i, answer) in answers.iter().enumerate() {
        ensure!(!answer.contains(&secret), "answer {i}: {answer}");
        ensure!(
            answer.contains(REDACTED),
            "answer {i} hides nothing: {answer}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_that_comes_back_hidden_stays_as_it_was() -> Result {
    let mut control = Stack::get()?.control().await?;
    let server = control
        .start("server", &[("STIGMER_RUNNER_KEY", KEY)])
        .await?;
    let api = Api::new(server.url()?)?;
    let new = environment(
        &unique("env"),
        &[("TOKEN", "hush", true), ("OPEN", "o", false)],
    );
    let shown = api.environments().create(new).await?.into_inner();
    let event = |e: &Environment| {
        let audit = e.audit().and_then(|a| a.spec_audit.clone());
        audit.unwrap_or_default().event
    };
    let same = api.environments().apply(shown.clone()).await?.into_inner();
    ensure!(event(&same) == "unchanged", "{same:?}");
    let mut edited = shown.clone();
    edited.spec.get_or_insert_default().description = "edited".to_owned();
    let updated = api.environments().apply(edited.clone()).await?.into_inner();
    ensure!(event(&updated) == "updated", "{updated:?}");
    api.environments().update(edited).await?;
    ensure!(told(&api, shown.slug(), "TOKEN").await? == "hush");

    // It stands for a stored secret of the same name, and for nothing else.
    for (name, is_secret) in [("OTHER", true), ("OPEN", true), ("TOKEN", false)] {
        let bad = environment(shown.name(), &[(name, REDACTED, is_secret)]);
        let refused = api
            .environments()
            .apply(bad)
            .await
            .err()
            .context("it was taken")?;
        ensure!(refused.code() == Code::InvalidArgument, "{refused:?}");
        ensure!(
            refused.message().contains(&format!("spec.data[{name}]")),
            "{refused:?}"
        );
    }
    let copied = environment(&unique("copy"), &[("TOKEN", REDACTED, true)]);
    let refused = api.environments().create(copied).await;
    ensure!(refused.is_err_and(|s| s.code() == Code::InvalidArgument));
    let agent = api.new_agent(&unique("agent")).await?;
    let mut copied = execution(agent.id(), "hello");
    let value = ExecutionValue {
        value: REDACTED.to_owned(),
        is_secret: true,
    };
    let spec = copied.spec.get_or_insert_default();
    spec.runtime_env.insert("TOKEN".to_owned(), value);
    let refused = api.executions().create(copied).await;
    ensure!(refused.is_err_and(|s| s.code() == Code::InvalidArgument));
    ensure!(told(&api, shown.slug(), "TOKEN").await? == "hush");

    let other = environment(shown.name(), &[("TOKEN", "new", true)]);
    let updated = api.environments().apply(other.clone()).await?.into_inner();
    ensure!(event(&updated) == "updated", "{updated:?}");
    let same = api.environments().apply(other).await?.into_inner();
    ensure!(event(&same) == "unchanged", "{same:?}");
    ensure!(told(&api, shown.slug(), "TOKEN").await? == "new");
    Ok(())
}

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

fn refused(started: Result<test_e2e::Instance>) -> Result<String> {
    let why = started.err().context("it was started")?;
    Ok(format!("{why:#}"))
}
