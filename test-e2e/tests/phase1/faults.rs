//! A server that stands still, or is cut off.

use std::time::Duration;

use anyhow::Context;
use stigmer_api::resource::Resource;
use test_e2e::{Api, Result, Stack, ensure, unique};

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
