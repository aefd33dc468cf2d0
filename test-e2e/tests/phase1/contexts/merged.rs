use anyhow::Context;
use stigmer_api::{resource::Resource, secret::REDACTED, session::ListSessionsByAgentRequest};
use test_e2e::{Result, Stack, ensure, environment, instance, unique};
use tonic::Code;

use super::{KEY, agent_with, asked, own_server, shown};

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
    let session = api.new_session(&instance).await?;

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
