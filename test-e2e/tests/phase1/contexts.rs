mod command_line;
mod merged;
mod refused;
mod told;

use anyhow::Context;
use stigmer_api::{
    agent::Agent,
    agentexecution::{AgentExecution, AgentExecutionStatus, ExecutionPhase},
    apiresource::ApiResourceDeleteInput,
    environment::EnvironmentValue,
    executioncontext::{ExecutionContext, ExecutionContextSpec, ExecutionValue},
    resource::Resource,
};
use test_e2e::{Api, Instance, Result, Stack, agent, ensure, execution, unique};
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
            ..Default::default()
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
    api.report_as(id, status, Some(KEY)).await?;
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
