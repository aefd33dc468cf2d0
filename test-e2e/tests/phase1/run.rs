use anyhow::Context;
use serde_json::Value;
use stigmer_api::{
    agentexecution::{AgentExecutionId, ExecutionPhase, MessageType},
    resource::Resource,
    session::{ListSessionsByAgentRequest, SessionId},
};
use test_e2e::{Project, Result, Stack, ensure, execution, unique};
use tonic::Code;

fn id(execution: &Value) -> Result<&str> {
    let id = execution["metadata"]["id"].as_str();
    Ok(id.with_context(|| format!("no id: {execution:#}"))?)
}

#[tokio::test]
async fn a_run_creates_an_execution_that_is_pending_and_says_why() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("runner");
    let agent = api.new_agent(&name).await?;
    let args = [
        "run",
        &name,
        "--message",
        "hello",
        "--no-follow",
        "-o",
        "json",
    ];
    let printed = stack.cli().run(args).await?.json()?;

    let execution = api.get_execution(id(&printed)?).await?;
    let spec = execution.spec.clone().context("no spec")?;
    let status = execution.status.clone().context("no status")?;
    ensure!(
        status.phase() == ExecutionPhase::ExecutionPending,
        "{status:?}"
    );
    ensure!(
        status.phase_reason.contains("no Temporal is configured"),
        "{status:?}"
    );
    ensure!(
        spec.message == "hello" && !spec.session_id.is_empty(),
        "{spec:?}"
    );
    let said = status.messages.first().context("no message")?;
    ensure!(
        said.r#type() == MessageType::MessageHuman && said.content == "hello",
        "{said:?}"
    );

    let session = api
        .session_queries()
        .get(SessionId {
            value: spec.session_id,
        })
        .await?
        .into_inner();
    let instance = agent.status.unwrap_or_default().default_instance_id;
    let named = session.metadata.clone().unwrap_or_default();
    ensure!(
        named
            .id
            .strip_prefix("ses-")
            .is_some_and(|id| named.name == format!("session-{id}")),
        "{named:?}"
    );
    ensure!(session.spec.unwrap_or_default().agent_instance_id == instance);
    Ok(())
}

#[tokio::test]
async fn a_run_says_its_name_and_id() -> Result {
    let stack = Stack::get()?;
    let name = unique("said");
    stack.api()?.new_agent(&name).await?;
    let output = stack.cli().run(["run", &name, "--no-follow"]).await?.ok()?;
    ensure!(
        output
            .stdout
            .contains(&format!("Agent execution started: {name}")),
        "{output:#?}"
    );
    let id = output
        .stdout
        .split("Execution ID: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    stack.api()?.get_execution(id.context("no id")?).await?;
    Ok(())
}

#[tokio::test]
async fn a_run_goes_on_in_the_session_that_it_names() -> Result {
    let stack = Stack::get()?;
    let (api, name) = (stack.api()?, unique("goes-on"));
    let agent = api.new_agent(&name).await?;
    let first = api.new_execution(&agent, "hello").await?;
    let session = first.spec.unwrap_or_default().session_id;
    let args = [
        "run",
        "--session",
        &session,
        "--message",
        "again",
        "--no-follow",
        "-o",
        "json",
    ];
    let printed = stack.cli().run(args).await?.json()?;
    let spec = api.get_execution(id(&printed)?).await?.spec;
    let spec = spec.unwrap_or_default();
    ensure!(spec.session_id == session, "{spec:?}");
    ensure!(
        spec.agent_id == agent.id() && spec.message == "again",
        "{spec:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_run_finds_its_project_upwards_and_applies_it() -> Result {
    let stack = Stack::get()?;
    let name = unique("upwards");
    let project = Project::of(&[&name])?;
    let deep = project.path().join("src/deep");
    std::fs::create_dir_all(&deep)?;
    let cli = stack.cli().within(&deep);
    let printed = cli
        .run(["run", "--no-follow", "-o", "json"])
        .await?
        .json()?;
    let agent = stack.api()?.agent_by_slug(&name).await?;
    let spec = stack
        .api()?
        .get_execution(id(&printed)?)
        .await?
        .spec
        .context("no spec")?;
    ensure!(
        spec.agent_id == agent.metadata.unwrap_or_default().id,
        "{spec:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_unknown_agent_is_not_found_by_name() -> Result {
    let stack = Stack::get()?;
    let name = unique("nobody");
    let output = stack.cli().run(["run", &name, "--no-follow"]).await?;
    ensure!(output.code == Some(3), "{output:#?}");
    ensure!(
        output.stderr.contains("not found") && output.stderr.contains(&name),
        "{output:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_empty_message_is_refused_and_leaves_no_session() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("empty");
    let agent_id = api.new_agent(&name).await?.metadata.unwrap_or_default().id;
    let refused = api.executions().create(execution(&agent_id, " ")).await;
    let status = refused.err().context("an empty message was taken")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    ensure!(status.message().contains("spec.message"), "{status:?}");
    let output = stack.cli().run(["run", &name, "--message", ""]).await?;
    ensure!(output.code.is_some_and(|code| code != 0), "{output:#?}");
    let request = ListSessionsByAgentRequest {
        agent_id,
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
async fn cancel_ends_a_pending_execution_at_once() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("cancelled")).await?;
    let id = api
        .new_execution(&agent, "hello")
        .await?
        .metadata
        .unwrap_or_default()
        .id;
    stack.cli().run(["cancel", &id]).await?.ok()?;
    let execution = api.get_execution(&id).await?;
    ensure!(
        execution.phase() == ExecutionPhase::ExecutionCancelled,
        "{execution:?}"
    );
    ensure!(!execution.status.unwrap_or_default().completed_at.is_empty());
    // Again: it has ended, nothing changes.
    let again = api
        .executions()
        .cancel(AgentExecutionId { value: id })
        .await?
        .into_inner();
    ensure!(again.phase() == ExecutionPhase::ExecutionCancelled);
    Ok(())
}

#[tokio::test]
async fn a_secret_of_the_runtime_env_is_never_shown() -> Result {
    let stack = Stack::get()?;
    let name = unique("secret");
    stack.api()?.new_agent(&name).await?;
    let secret = unique("hush");
    let env = format!("secret:TOKEN={secret}");
    let args = [
        "run",
        &name,
        "--no-follow",
        "--runtime-env",
        &env,
        "--runtime-env",
        "LEVEL=7",
    ];
    let run = stack
        .cli()
        .run(args.into_iter().chain(["-o", "json"]))
        .await?;
    ensure!(!format!("{run:?}").contains(&secret), "{run:#?}");
    let printed = run.json()?;
    let execution = stack.api()?.get_execution(id(&printed)?).await?;
    let env = execution.spec.context("no spec")?.runtime_env;
    ensure!(env.get("LEVEL").is_some_and(|v| v.value == "7"), "{env:?}");
    ensure!(
        env.get("TOKEN")
            .is_some_and(|v| v.is_secret && v.value != secret),
        "{env:?}"
    );
    for path in stack.log_files()? {
        ensure!(
            !std::fs::read_to_string(&path)?.contains(&secret),
            "{} has it",
            path.display()
        );
    }
    Ok(())
}
