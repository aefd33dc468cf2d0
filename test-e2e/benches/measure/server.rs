//! What the server takes by itself, without Temporal: creations, and the way of an update to a subscriber.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use stigmer_api::{
    agentexecution::{AgentExecutionStatus, ExecutionPhase},
    resource::Resource,
};
use test_e2e::{Api, Stack, execution, follow, unique};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{Samples, executions::since};

const CREATES: usize = 10_000;
/// As many clients ask at a time.
const UNDER_WAY: usize = 200;
const UPDATES: usize = 200;
const BEFORE: usize = 20;

/// A server of our own: what it is asked concerns nobody else.
async fn server(stack: &Stack) -> Result<Api> {
    let mut control = stack.control().await?;
    // Whoever reports to it needs no key.
    let env = [("TEMPORAL_ADDRESS", ""), ("STIGMER_RUNNER_KEY", "")];
    let server = control.start("server", &env).await?;
    Api::new(server.url()?)
}

/// Does something `CREATES` times, `UNDER_WAY` at a time; the seconds.
async fn all<F: Future<Output = Result<(), tonic::Status>>>(does: impl Fn() -> F) -> Result<f64> {
    let began = Instant::now();
    let mut doing = stream::iter((0..CREATES).map(|_| does())).buffer_unordered(UNDER_WAY);
    while let Some(done) = doing.next().await {
        done?;
    }
    Ok(since(began) / 1000.0)
}

/// Seconds of 10,000 creations, and of as many questions for the server's health, which store nothing.
pub(crate) async fn creates(stack: &Stack) -> Result<Samples> {
    let api = server(stack).await?;
    let agent = api.new_agent(&unique("bench")).await?;
    let create = || async {
        // Not by `new_execution`, which notes each.
        let created = api
            .executions()
            .create(execution(agent.id(), "hello"))
            .await;
        created.map(drop)
    };
    let ask = || async {
        let mut health = HealthClient::new(api.channel.clone());
        health.check(HealthCheckRequest::default()).await.map(drop)
    };
    ask().await?;
    let limit = all(ask).await?;
    let measured = all(create).await?;
    Ok(Samples {
        measured: vec![measured],
        limit: vec![limit],
        ..Samples::default()
    })
}

/// Milliseconds from an update's sending until a subscriber sees it, and until it is answered.
pub(crate) async fn subscriber(stack: &Stack) -> Result<Samples> {
    let api = server(stack).await?;
    let agent = api.new_agent(&unique("bench")).await?;
    let created = api.new_execution(&agent, "hello").await?;
    let mut states = follow(&api, created.id()).await?;
    states
        .message()
        .await?
        .context("no state at the beginning")?;
    let mut samples = Samples::default();
    for n in 0..BEFORE + UPDATES {
        let reason = format!("update {n}");
        let status = AgentExecutionStatus {
            phase: ExecutionPhase::ExecutionInProgress.into(),
            phase_reason: reason.clone(),
            ..Default::default()
        };
        let began = Instant::now();
        let telling = async {
            let told = api.report(created.id(), status).await;
            told.map(|_| since(began))
        };
        let seeing = async {
            let state = states.message().await;
            state.map(|state| (state, since(began)))
        };
        let (told, (state, seen)) = tokio::try_join!(telling, seeing)?;
        let status = state.and_then(|state| state.status).unwrap_or_default();
        ensure!(status.phase_reason == reason, "another update: {status:?}");
        if n >= BEFORE {
            samples.measured.push(seen);
            samples.limit.push(told);
        }
    }
    Ok(samples)
}
