//! A server that has no room left. In this phase, since a container's disk is filled in another way.

use anyhow::Context;
use stigmer_api::resource::Resource;
use test_e2e::{Api, NewAgent, Result, Stack, ensure, unique};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// Agents of 4 MiB that a disk without room takes at most: what the file has inside already.
const AGENTS: usize = 16;

#[tokio::test]
async fn a_server_whose_disk_is_full_says_so_and_goes_on_when_there_is_room() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let server = control.start_on_small_disk().await?;
    let api = Api::new(server.url()?)?;
    let kept = api.new_agent(&unique("kept")).await?;
    control.fill(&server).await?;
    let large = "x".repeat(4 << 20);
    let mut refused = None;
    for _ in 0..AGENTS {
        let agent = NewAgent::new("large").instructions(&large);
        if let Err(error) = agent.apply(&api).await {
            refused = Some(format!("{error:#}"));
            break;
        }
    }
    let refused = refused.context("a full disk took everything")?;
    ensure!(
        refused.contains("No space left") || refused.contains("File too large"),
        "{refused}"
    );
    let mut health = HealthClient::new(api.channel.clone());
    let states = health.watch(HealthCheckRequest::default()).await?;
    let mut states = states.into_inner();
    control.free(&server).await?;
    // It tries by itself until it can write again.
    while let Some(state) = states.message().await? {
        if state.status() == ServingStatus::Serving {
            break;
        }
    }
    ensure!(api.agent_by_slug(kept.slug()).await? == kept);
    NewAgent::new("large")
        .instructions(&large)
        .apply(&api)
        .await?;
    Ok(())
}
