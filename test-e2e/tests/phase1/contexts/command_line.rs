use anyhow::Context;
use serde_json::Value;
use stigmer_api::{
    resource::Resource,
    session::{ListSessionsByAgentRequest, SessionId},
};
use test_e2e::{Project, Result, Stack, ensure, environment, instance, session, unique};

use super::{KEY, agent_with, own_server, shown};

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
    let session = api.session_queries().get(SessionId { value }).await?;
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
async fn a_refused_run_leaves_the_session_that_it_named() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = agent_with(&api, &[("TOKEN", "", true)]).await?;
    let instance = agent.status.unwrap_or_default().default_instance_id;
    let session = api.sessions().create(session(&instance)).await?;
    let session = session.into_inner();
    let args = ["run", "--session", session.id(), "--no-follow"];
    let output = stack.cli().run(args).await?;
    ensure!(
        output.code == Some(1) && output.stderr.contains("TOKEN"),
        "{output:#?}"
    );
    let value = session.id().to_owned();
    let there = api.session_queries().get(SessionId { value }).await?;
    ensure!(there.into_inner() == session);
    Ok(())
}
