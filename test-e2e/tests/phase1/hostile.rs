//! Requests that would harm others, each at its limit and one beyond.

use std::time::{Duration, Instant};

use anyhow::Context;
use pbjson_types::{Struct, Value, value::Kind as Json};
use stigmer_api::{
    agent::{AgentSpec, McpServerDefinition, StdioServer, mcp_server_definition::ServerType},
    agentexecution::{
        AgentExecutionStatus, AgentMessage, ExecutionPhase as Phase,
        ListAgentExecutionsBySessionRequest, ListAgentExecutionsRequest, ToolCall,
    },
    agentinstance::GetAgentInstancesByAgentRequest,
    limits,
    resource::Resource,
    rpc::PageInfo,
};
use test_e2e::{Api, Result, Stack, agent, ensure, execution, instance, unique};
use tonic::{Code, Status};

/// Asserts that it was refused as a wrong argument, with all of `words`.
fn wrong<T: std::fmt::Debug>(answer: Result<T, Status>, words: &[&str]) -> Result {
    let status = answer.err().context("it was taken")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    for word in words {
        ensure!(status.message().contains(word), "no {word:?}: {status:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_no_answer_could_tell_is_refused_and_keeps_nobody_from_the_others() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("large")).await?;
    // It is stored twice, in what was asked and in what was said.
    let most = (stigmer_api::MAX_MESSAGE - (128 << 10)) / 2;
    let large = api.new_execution(&agent, &"x".repeat(most - 1_000)).await?;
    let over = execution(agent.id(), &"x".repeat(most + 1_000));
    wrong(api.executions().create(over).await, &["can be told"])?;
    api.get_execution(large.id()).await?;
    let request = ListAgentExecutionsBySessionRequest {
        session_id: large.spec.unwrap_or_default().session_id,
        ..Default::default()
    };
    let listed = api.execution_queries().list_by_session(request).await?;
    ensure!(listed.into_inner().entries.len() == 1);
    Ok(())
}

#[tokio::test]
async fn a_refusal_fits_the_header_that_it_travels_in() -> Result {
    let api = Stack::get()?.api()?;
    let mut bad = agent(&unique("bad"));
    let env = bad
        .spec
        .get_or_insert_default()
        .env_spec
        .get_or_insert_default();
    for i in 0..limits::VARIABLES {
        let name = format!("{i}-{}", "ü".repeat(300));
        env.data
            .insert(name, stigmer_api::environment::EnvironmentValue::default());
    }
    let refused = api.agents().create(bad).await;
    wrong(refused, &["spec.env_spec.data[0-ü", "and 985 more"])?;
    let refused = api.agent_by_slug(&"x".repeat(100_000)).await;
    let status = refused.err().context("it is there")?;
    ensure!(status.code() == Code::NotFound, "{status:?}");
    ensure!(status.message().contains("(100000 bytes)"), "{status:?}");
    Ok(())
}

fn with_servers(count: usize) -> AgentSpec {
    let server = |i| McpServerDefinition {
        name: format!("s{i}"),
        server_type: Some(ServerType::Stdio(StdioServer {
            command: "c".to_owned(),
            ..Default::default()
        })),
        ..Default::default()
    };
    AgentSpec {
        instructions: "Do what is right.".to_owned(),
        mcp_servers: (0..count).map(server).collect(),
        ..Default::default()
    }
}

#[tokio::test]
async fn lists_have_a_length_and_nobody_waits_for_a_longer_one() -> Result {
    let api = Stack::get()?.api()?;
    let mut large = agent(&unique("many"));
    large.spec = Some(with_servers(limits::MCP_SERVERS));
    api.agents().create(large.clone()).await?;
    large.spec = Some(with_servers(limits::MCP_SERVERS + 1));
    let words = ["spec.mcp_servers: must have at most 128, this has 129"];
    wrong(api.agents().apply(large.clone()).await, &words)?;

    large.spec = Some(with_servers(56_000));
    let name = unique("neighbour");
    let begun = Instant::now();
    let (refused, neighbour) = tokio::join!(
        async { api.agents().apply(large).await },
        api.new_agent(&name)
    );
    wrong(refused, &["spec.mcp_servers"])?;
    neighbour?;
    // Two squares of 56,000 took 14 s.
    let took = begun.elapsed();
    ensure!(took < Duration::from_secs(5), "they took {took:?}");
    Ok(())
}

/// An object in so many objects.
fn nested(levels: usize) -> Struct {
    let mut object = Struct::default();
    for _ in 1..levels {
        let kind = Some(Json::StructValue(object));
        object = Struct {
            fields: [("a".to_owned(), Value { kind })].into(),
        };
    }
    object
}

fn called_with(args: Struct) -> AgentExecutionStatus {
    let call = ToolCall {
        args: Some(args),
        ..Default::default()
    };
    AgentExecutionStatus {
        tool_calls: vec![call],
        ..Default::default()
    }
}

#[tokio::test]
async fn nothing_is_stored_that_a_list_could_not_tell() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("deep")).await?;
    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    api.report(&id, called_with(nested(limits::JSON_DEPTH)))
        .await?;
    let deeper = called_with(nested(limits::JSON_DEPTH + 1));
    let words = ["status.tool_calls[0].args", "deeper than 24"];
    wrong(api.report(&id, deeper).await, &words)?;
    // So deep that it is not even read.
    wrong(
        api.report(&id, called_with(nested(60))).await,
        &["recursion"],
    )?;
    let nan = Value {
        kind: Some(Json::NumberValue(f64::NAN)),
    };
    let nan = Struct {
        fields: [("a".to_owned(), nan)].into(),
    };
    wrong(api.report(&id, called_with(nan)).await, &["NaN"])?;
    let phase = AgentExecutionStatus {
        phase: 6,
        ..Default::default()
    };
    wrong(api.report(&id, phase).await, &["status.phase: 6"])?;
    let message = AgentMessage {
        r#type: 99,
        ..Default::default()
    };
    let message = AgentExecutionStatus {
        messages: vec![message],
        ..Default::default()
    };
    wrong(
        api.report(&id, message).await,
        &["status.messages[0].type: 99"],
    )?;
    let request = ListAgentExecutionsRequest {
        phase: 77,
        ..Default::default()
    };
    let listed = api.execution_queries().list(request).await;
    wrong(listed, &["phase: 77"])?;
    let request = ListAgentExecutionsRequest {
        page_size: 500,
        ..Default::default()
    };
    api.execution_queries().list(request).await?;
    Ok(())
}

#[tokio::test]
async fn a_report_leads_on_and_not_back() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("back")).await?;
    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    let status = |phase: Phase, error: &str| AgentExecutionStatus {
        phase: phase.into(),
        error: error.to_owned(),
        ..Default::default()
    };
    api.report(&id, status(Phase::ExecutionInProgress, ""))
        .await?;
    let back = api.report(&id, status(Phase::ExecutionPending, "")).await;
    let back = back.err().context("it went back")?;
    ensure!(back.code() == Code::FailedPrecondition, "{back:?}");
    let failed = status(Phase::ExecutionFailed, "because");
    api.report(&id, failed.clone()).await?;
    // Its answer may have been lost.
    api.report(&id, failed).await?;
    for late in [
        status(Phase::ExecutionFailed, "of something else"),
        status(Phase::Unspecified, "late"),
        status(Phase::ExecutionCompleted, ""),
    ] {
        let late = api.report(&id, late).await;
        let late = late.err().context("it was changed after its end")?;
        ensure!(late.code() == Code::FailedPrecondition, "{late:?}");
    }
    let stored = api.get_execution(&id).await?.status.unwrap_or_default();
    ensure!(stored.error == "because", "{stored:?}");
    Ok(())
}

#[tokio::test]
async fn where_there_is_a_key_only_who_shows_it_reports() -> Result {
    const KEY: &str = "the-runners-key";
    let mut control = Stack::get()?.control().await?;
    let server = control
        .start("server", &[("STIGMER_RUNNER_KEY", KEY)])
        .await?;
    let api = Api::new(server.url()?)?;
    let agent = api.new_agent(&unique("guarded")).await?;
    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    let done = || AgentExecutionStatus {
        phase: Phase::ExecutionCompleted.into(),
        ..Default::default()
    };
    for bearer in [None, Some("another")] {
        let refused = api.report_as(&id, done(), bearer).await;
        let refused = refused.err().context("anybody may report")?;
        ensure!(refused.code() == Code::PermissionDenied, "{refused:?}");
        ensure!(
            refused.message().contains("STIGMER_RUNNER_KEY"),
            "{refused:?}"
        );
    }
    api.report_as(&id, done(), Some(KEY)).await?;
    Ok(())
}

#[tokio::test]
async fn a_page_of_large_instances_ends_before_it_is_too_large() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("instances")).await?;
    for _ in 0..3 {
        let mut large = instance(&unique("large"), agent.id(), &[]);
        let spec = large.spec.get_or_insert_default();
        spec.description = "x".repeat(1_900_000);
        api.instances().create(large).await?;
    }
    let page = async |num, size| {
        let request = GetAgentInstancesByAgentRequest {
            agent_id: agent.id().to_owned(),
            page_info: Some(PageInfo { num, size }),
        };
        let page = api.instance_queries().get_by_agent(request).await?;
        anyhow::Ok(page.into_inner())
    };
    // The default one, and two of the large ones.
    let all = page(1, 0).await?;
    ensure!(
        all.total_count == 4 && all.items.len() == 3,
        "{}",
        all.items.len()
    );
    let last = page(2, 3).await?;
    ensure!(last.items.len() == 1, "{}", last.items.len());
    Ok(())
}
