//! Who is told secrets.

use anyhow::Context;
use stigmer_api::{apiresource::ApiResourceId, resource::Resource, secret::REDACTED};
use test_e2e::{Result, ensure, unique};
use tonic::Code;

use super::{KEY, asked, own_server, shown};

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
