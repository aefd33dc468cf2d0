mod files;

use anyhow::Context;
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
use test_e2e::{
    Api, Result, Stack, agent, ensure, environment, execution, follow, instance, unique,
};
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
    let session = api.new_session(&created).await?;
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
