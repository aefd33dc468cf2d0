//! A server that stands still, is cut off, or has no room left.

use std::time::Duration;

use anyhow::{Context, ensure};
use stigmer_api::resource::Resource;
use test_e2e::{Api, NewAgent, Result, Stack, unique};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// Agents of 4 MiB that a disk without room takes at most: what the file has inside already.
const AGENTS: usize = 16;

/// Whether somebody still waits for an answer, after all that could have brought it was done.
async fn waits<T>(answer: &mut (impl Future<Output = T> + Unpin)) -> bool {
    tokio::time::timeout(Duration::ZERO, answer).await.is_err()
}

#[tokio::test]
async fn a_paused_server_answers_when_it_goes_on() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let server = control.start("server", &[]).await?;
    let api = Api::new(server.url()?)?;
    api.new_agent(&unique("before")).await?;
    control.pause(&server).await?;
    let name = unique("meanwhile");
    let mut asked = Box::pin(api.new_agent(&name));
    ensure!(waits(&mut asked).await);
    // Another server answers meanwhile; this one does not.
    stack.api()?.new_agent(&unique("elsewhere")).await?;
    ensure!(waits(&mut asked).await, "a paused server answered");
    control.resume(&server).await?;
    let agent = asked.await?;
    ensure!(api.agent_by_slug(agent.slug()).await? == agent);
    control.pause(&server).await?;
    let ended = control.stop(&server).await?;
    ensure!(ended.signal.is_none(), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_cut_off_answers_what_was_asked_meanwhile() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let server = control.start_networked("server", &[]).await?;
    let api = Api::new(server.url()?)?;
    api.new_agent(&unique("before")).await?;
    control.cut(&server).await?;
    let name = unique("meanwhile");
    let mut asked = Box::pin(api.new_agent(&name));
    ensure!(waits(&mut asked).await);
    stack.api()?.new_agent(&unique("elsewhere")).await?;
    ensure!(waits(&mut asked).await, "an answer passed");
    control.heal(&server).await?;
    let agent = asked.await?;
    // It comes back at another port, and the way to it leads there.
    control.kill(&server).await?;
    let again = control.restart(&server).await?;
    ensure!(again.url()? == server.url()?);
    let api = Api::new(again.url()?)?;
    ensure!(api.agent_by_slug(agent.slug()).await? == agent);
    control.slow(&server, 20).await?;
    ensure!(api.agent_by_slug(agent.slug()).await? == agent);
    Ok(())
}

#[tokio::test]
async fn an_instance_without_a_network_of_its_own_is_not_cut_off() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let server = control.start("server", &[]).await?;
    let error = control.cut(&server).await.err().context("it was cut")?;
    ensure!(
        format!("{error:#}").contains("start it with one"),
        "{error:#}"
    );
    Ok(())
}

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
