use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;
use stigmer_api::{
    agent::Agent,
    agentexecution::{
        AgentExecution, AgentExecutionStatus, AgentExecutionUpdateStatusInput, ExecutionPhase,
    },
    apiresource::{ApiResourceDeleteInput, ApiResourceId},
    environment::EnvironmentValue,
    executioncontext::{ExecutionContext, ExecutionContextSpec, ExecutionValue},
    resource::Resource,
    secret::REDACTED,
    session::ListSessionsByAgentRequest,
};
use test_e2e::{
    Api, Instance, Project, Result, Stack, agent, environment, execution, instance, unique,
};
use tonic::Code;

const KEY: &str = "the-runners-key";

/// A server of the test's own that tells secrets to who shows [`KEY`].
async fn own_server(key: &str) -> Result<(Instance, Api)> {
    let mut control = Stack::get()?.control().await?;
    let server = control
        .start("server", &[("STIGMER_RUNNER_KEY", key)])
        .await?;
    let api = Api::new(server.url()?)?;
    Ok((server, api))
}

/// An agent that declares and gives these variables.
async fn agent_with(api: &Api, data: &[(&str, &str, bool)]) -> Result<Agent> {
    let mut agent = agent(&unique("agent"));
    let env = agent
        .spec
        .get_or_insert_default()
        .env_spec
        .get_or_insert_default();
    for &(name, value, is_secret) in data {
        let value = EnvironmentValue {
            value: value.to_owned(),
            is_secret,
            ..Default::default()
        };
        env.data.insert(name.to_owned(), value);
    }
    Ok(api.agents().create(agent).await?.into_inner())
}

fn asked(agent: &Agent, env: &[(&str, &str, bool)]) -> AgentExecution {
    let mut execution = execution(agent.id(), "hello");
    let runtime_env = &mut execution.spec.get_or_insert_default().runtime_env;
    for &(name, value, is_secret) in env {
        let value = ExecutionValue {
            value: value.to_owned(),
            is_secret,
        };
        runtime_env.insert(name.to_owned(), value);
    }
    execution
}

/// The variables as `NAME=VALUE`, secrets with a `!`.
fn shown(context: &ExecutionContext) -> Vec<String> {
    let data = context.spec.iter().flat_map(|spec| &spec.data);
    data.map(|(name, v)| format!("{name}{}={}", if v.is_secret { "!" } else { "" }, v.value))
        .collect()
}

/// A further context of an execution, without variables.
fn context(name: &str, execution_id: &str) -> ExecutionContext {
    let mut context = ExecutionContext {
        spec: Some(ExecutionContextSpec {
            execution_id: execution_id.to_owned(),
            data: BTreeMap::new(),
        }),
        ..Default::default()
    };
    context.set_envelope();
    name.clone_into(&mut context.metadata_mut().name);
    context
}

async fn end(api: &Api, id: &str, phase: ExecutionPhase) -> Result {
    let status = AgentExecutionStatus {
        phase: phase.into(),
        ..Default::default()
    };
    let input = AgentExecutionUpdateStatusInput {
        execution_id: id.to_owned(),
        status: Some(status),
    };
    api.executions().update_status(input).await?;
    Ok(())
}

#[tokio::test]
async fn later_layers_win_and_secrets_stay_secret() -> Result {
    let (_server, api) = own_server(KEY).await?;
    let agent = agent_with(
        &api,
        &[
            ("A", "agent", false),
            ("B", "agent", false),
            ("C", "agent", false),
            ("D", "agent", false),
            ("NEEDED", "", true),
        ],
    )
    .await?;
    let (one, two) = (unique("one"), unique("two"));
    let first = environment(
        &one,
        &[("B", "one", false), ("C", "one", true), ("E", "one", false)],
    );
    let second = environment(
        &two,
        &[("C", "two", false), ("D", "two", false), ("E", "", false)],
    );
    api.environments().create(first).await?;
    api.environments().create(second).await?;
    let instance = instance(&unique("instance"), agent.id(), &[&one, &two]);
    let instance = api.instances().create(instance).await?.into_inner();
    let mut session = stigmer_api::session::Session::default();
    session.set_envelope();
    session.metadata_mut().name = unique("session");
    session.metadata_mut().owner_scope = 2;
    let spec = session.spec.get_or_insert_default();
    spec.agent_instance_id = instance.id().to_owned();
    let session = api.sessions().create(session).await?.into_inner();

    let mut execution = asked(
        &agent,
        &[
            ("D", "own", false),
            ("NEEDED", "given", false),
            ("F", "own", true),
        ],
    );
    let spec = execution.spec.get_or_insert_default();
    spec.session_id = session.id().to_owned();
    let execution = api.executions().create(execution).await?.into_inner();
    let context = api.context(execution.id(), Some(KEY)).await?;
    let expected = [
        "A=agent",
        "B=one",
        "C!=two",
        "D=own",
        "E=",
        "F!=own",
        "NEEDED!=given",
    ];
    ensure!(shown(&context) == expected, "{:?}", shown(&context));
    let spec = context.spec.clone().unwrap_or_default();
    ensure!(spec.execution_id == execution.id(), "{context:?}");
    let stored = api.get_execution(execution.id()).await?;
    for answer in [execution, stored] {
        let env = answer.spec.unwrap_or_default().runtime_env;
        // Also what only the agent calls a secret.
        for secret in ["F", "NEEDED"] {
            let shown = &env[secret];
            ensure!(shown.value == REDACTED && shown.is_secret, "{env:?}");
        }
        ensure!(env["D"].value == "own" && !env["D"].is_secret, "{env:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_variable_that_is_asked_for_must_be_given() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = agent_with(
        &api,
        &[
            ("TOKEN", "", true),
            ("LEVEL", "", false),
            ("OK", "x", false),
        ],
    )
    .await?;
    let refused = api
        .executions()
        .create(asked(&agent, &[("LEVEL", "1", false)]))
        .await;
    let status = refused.err().context("it was taken")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    let why = status.message();
    ensure!(
        why.contains("spec.runtime_env: lacks TOKEN, which"),
        "{why}"
    );
    ensure!(why.contains("--secret KEY"), "{why}");
    let request = ListSessionsByAgentRequest {
        agent_id: agent.id().to_owned(),
        ..Default::default()
    };
    let sessions = api
        .session_queries()
        .list_by_agent(request)
        .await?
        .into_inner();
    ensure!(
        sessions.entries.is_empty(),
        "a session was left: {sessions:?}"
    );
    let given = asked(&agent, &[("LEVEL", "1", false), ("TOKEN", "t", false)]);
    api.executions().create(given).await?;
    Ok(())
}

#[tokio::test]
async fn secrets_are_told_only_to_who_shows_the_key() -> Result {
    let (_server, api) = own_server(KEY).await?;
    let agent = api.new_agent(&unique("agent")).await?;
    let execution = asked(&agent, &[("OPEN", "o", false), ("TOKEN", "hush", true)]);
    let id = api
        .executions()
        .create(execution)
        .await?
        .into_inner()
        .id()
        .to_owned();
    let hidden = ["OPEN=o".to_owned(), format!("TOKEN!={REDACTED}")];
    for bearer in [
        None,
        Some(""),
        Some("the-runners-kez"),
        Some("the-runners-key2"),
        Some("the"),
    ] {
        let context = api.context(&id, bearer).await?;
        ensure!(shown(&context) == hidden, "{bearer:?}: {context:?}");
    }
    let context = api.context(&id, Some(KEY)).await?;
    ensure!(shown(&context) == ["OPEN=o", "TOKEN!=hush"], "{context:?}");

    let by_id = |bearer: Option<&'static str>| {
        let value = context.id().to_owned();
        let mut request = tonic::Request::new(ApiResourceId { value });
        if let Some(bearer) = bearer {
            let value = tonic::metadata::MetadataValue::from_static(bearer);
            request.metadata_mut().insert("authorization", value);
        }
        request
    };
    let mut queries = api.context_queries();
    let seen = queries.get(by_id(None)).await?.into_inner();
    ensure!(shown(&seen) == hidden, "{seen:?}");
    let seen = queries
        .get(by_id(Some("Bearer the-runners-key")))
        .await?
        .into_inner();
    ensure!(seen == context, "{seen:?}");
    let seen = queries
        .get(by_id(Some("Basic the-runners-key")))
        .await?
        .into_inner();
    ensure!(shown(&seen) == hidden, "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_without_a_key_says_so_to_a_runner() -> Result {
    let (_server, api) = own_server("").await?;
    let agent = api.new_agent(&unique("agent")).await?;
    let execution = asked(&agent, &[("TOKEN", "hush", true)]);
    let id = api
        .executions()
        .create(execution)
        .await?
        .into_inner()
        .id()
        .to_owned();
    for bearer in ["", "any"] {
        let status = api
            .context(&id, Some(bearer))
            .await
            .err()
            .context("it was told")?;
        ensure!(status.code() == Code::FailedPrecondition, "{status:?}");
        ensure!(
            status.message().contains("STIGMER_RUNNER_KEY"),
            "{status:?}"
        );
    }
    let context = api.context(&id, None).await?;
    ensure!(
        shown(&context) == [format!("TOKEN!={REDACTED}")],
        "{context:?}"
    );
    // Without secrets there is nothing to refuse.
    let execution = asked(&agent, &[("OPEN", "o", false)]);
    let id = api
        .executions()
        .create(execution)
        .await?
        .into_inner()
        .id()
        .to_owned();
    let context = api.context(&id, Some("any")).await?;
    ensure!(shown(&context) == ["OPEN=o"], "{context:?}");
    Ok(())
}

#[tokio::test]
async fn a_context_lives_as_long_as_its_execution_runs() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    for how in [
        ExecutionPhase::ExecutionCompleted,
        ExecutionPhase::ExecutionFailed,
        ExecutionPhase::ExecutionCancelled,
    ] {
        let id = api.new_execution(&agent, "hello").await?.id().to_owned();
        let context = api.context(&id, None).await?;
        ensure!(
            shown(&context).is_empty() && context.id().starts_with("exec-"),
            "{context:?}"
        );
        let input = ApiResourceDeleteInput {
            resource_id: context.id().to_owned(),
            ..Default::default()
        };
        let kept = api.contexts().delete(input).await;
        ensure!(
            kept.is_err_and(|s| s.code() == Code::FailedPrecondition && s.message().contains(&id))
        );
        end(&api, &id, ExecutionPhase::ExecutionInProgress).await?;
        api.context(&id, None).await?;
        end(&api, &id, how).await?;
        let gone = api.context(&id, None).await;
        ensure!(gone.is_err_and(|s| s.code() == Code::NotFound), "{how:?}");
    }
    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    stack.cli().run(["cancel", &id]).await?.ok()?;
    ensure!(
        api.context(&id, None)
            .await
            .is_err_and(|s| s.code() == Code::NotFound)
    );
    Ok(())
}

#[tokio::test]
async fn further_contexts_are_made_once_and_go_with_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    let name = unique("further");
    let context = context(&name, &id);
    api.contexts().apply(context.clone()).await?;
    let twice = api.contexts().apply(context.clone()).await;
    ensure!(twice.is_err_and(|s| s.code() == Code::AlreadyExists));
    api.context(&name, None).await?;
    end(&api, &id, ExecutionPhase::ExecutionCompleted).await?;
    ensure!(
        api.context(&name, None)
            .await
            .is_err_and(|s| s.code() == Code::NotFound)
    );
    let late = api.contexts().create(context).await;
    ensure!(late.is_err_and(|s| s.code() == Code::FailedPrecondition));
    Ok(())
}

#[tokio::test]
async fn the_command_line_gives_variables_limits_and_the_instance() -> Result {
    let stack = Stack::get()?;
    let (server, api) = own_server(KEY).await?;
    let agent = agent_with(&api, &[("WHERE", "agent", false)]).await?;
    let (place, name) = (unique("place"), unique("instance"));
    let there = environment(&place, &[("WHERE", "there", false)]);
    api.environments().create(there).await?;
    let created = instance(&name, agent.id(), &[&place]);
    let created = api.instances().create(created).await?.into_inner();
    let folder = Project::new()?;
    folder.write("a.env", "# first\nA=file\nB=file\nC=file\nS=file\n")?;
    folder.write("b.env", "B=second\nE=\"two words\"\n")?;
    let secret = unique("hush");
    let cli = stack
        .cli_at(server.url()?)
        .within(folder.path())
        .env("S", &secret);
    let args = [
        "run",
        agent.slug(),
        "--instance",
        &name,
        "--no-follow",
        "-o",
        "json",
        "--env-file",
        "a.env",
        "--env-file",
        "b.env",
        "--env",
        "C=arg",
        "--runtime-env",
        "D=d",
        "--secret",
        "S",
        "--max-model-calls",
        "3",
        "--max-tool-calls",
        "4",
        "--max-time",
        "1.5m",
    ];
    let output = cli.run(args).await?;
    ensure!(!format!("{output:?}").contains(&secret), "{output:#?}");
    let printed: Value = output.json()?;
    let id = printed["metadata"]["id"].as_str().context("no id")?;
    let context = api.context(id, Some(KEY)).await?;
    let expected = [
        "A=file",
        "B=second",
        "C=arg",
        "D=d",
        "E=two words",
        &format!("S!={secret}"),
        "WHERE=there",
    ];
    ensure!(shown(&context) == expected, "{:?}", shown(&context));
    let spec = api.get_execution(id).await?.spec.unwrap_or_default();
    let config = spec.execution_config.unwrap_or_default();
    let limits = (
        config.max_model_calls,
        config.max_tool_calls,
        config.max_seconds,
    );
    ensure!(limits == (3, 4, 90), "{config:?}");
    let value = spec.session_id;
    let session = api
        .session_queries()
        .get(stigmer_api::session::SessionId { value })
        .await?;
    let session = session.into_inner().spec.unwrap_or_default();
    ensure!(session.agent_instance_id == created.id(), "{session:?}");

    let other = api.new_agent(&unique("other")).await?;
    let wrong = cli.run(["run", other.slug(), "--instance", &name]).await?;
    ensure!(
        wrong.code == Some(2) && wrong.stderr.contains(agent.slug()),
        "{wrong:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_refused_run_in_an_instance_leaves_no_session() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = agent_with(&api, &[("TOKEN", "", true)]).await?;
    let output = stack
        .cli()
        .run([
            "run",
            "--instance",
            &format!("{}-default", agent.slug()),
            "--no-follow",
        ])
        .await?;
    ensure!(
        output.code == Some(1) && output.stderr.contains("TOKEN"),
        "{output:#?}"
    );
    let request = ListSessionsByAgentRequest {
        agent_id: agent.id().to_owned(),
        ..Default::default()
    };
    let sessions = api
        .session_queries()
        .list_by_agent(request)
        .await?
        .into_inner();
    ensure!(sessions.entries.is_empty(), "{sessions:?}");
    Ok(())
}

#[tokio::test]
async fn limits_below_zero_are_refused() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    let mut execution = execution(agent.id(), "hello");
    let spec = execution.spec.get_or_insert_default();
    let config = spec.execution_config.get_or_insert_default();
    config.max_tool_calls = -1;
    config.max_seconds = -2;
    let refused = api
        .executions()
        .create(execution)
        .await
        .err()
        .context("it was taken")?;
    ensure!(refused.code() == Code::InvalidArgument, "{refused:?}");
    for field in ["max_tool_calls", "max_seconds"] {
        ensure!(refused.message().contains(field), "{refused:?}");
    }
    ensure!(
        !refused.message().contains("max_model_calls"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_value_that_is_empty_is_refused_by_its_name() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    let env = [("FULL", "x", false), ("OPEN", "", false), ("S", "", true)];
    let refused = api.executions().create(asked(&agent, &env)).await;
    let status = refused.err().context("it was taken")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    for field in ["spec.runtime_env[OPEN]", "spec.runtime_env[S]"] {
        ensure!(status.message().contains(field), "{status:?}");
    }
    ensure!(!status.message().contains("FULL"), "{status:?}");

    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    let mut context = context(&unique("further"), &id);
    let data = &mut context.spec.get_or_insert_default().data;
    data.insert("EMPTY".to_owned(), ExecutionValue::default());
    let refused = api.contexts().create(context).await;
    let status = refused.err().context("it was taken")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    ensure!(status.message().contains("spec.data[EMPTY]"), "{status:?}");
    Ok(())
}

#[tokio::test]
async fn an_organization_that_is_none_gets_no_execution() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    for org in ["Größe", "a/b", "Two Words"] {
        let mut execution = asked(&agent, &[]);
        org.clone_into(&mut execution.metadata_mut().org);
        let refused = api.executions().create(execution).await;
        let status = refused.err().with_context(|| format!("{org} was taken"))?;
        ensure!(status.code() == Code::InvalidArgument, "{status:?}");
        ensure!(status.message().contains("metadata.org"), "{status:?}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_takes_the_place_of_an_executions_own_context() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    let other = stigmer_api::id::new(stigmer_api::Kind::AgentExecution);
    let refused = api.contexts().create(context(&other, &id)).await;
    let status = refused.err().context("it was taken")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    ensure!(status.message().contains(&other), "{status:?}");
    // In another organization its slug is free, and the runner must find one only.
    let mut theirs = context(&id, &id);
    "theirs".clone_into(&mut theirs.metadata_mut().org);
    let refused = api.contexts().create(theirs).await;
    ensure!(refused.is_err_and(|s| s.code() == Code::InvalidArgument));
    Ok(())
}
