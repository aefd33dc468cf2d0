use anyhow::Context;
use stigmer_api::resource::Resource;
use test_e2e::{Result, Stack, agent, ensure, unique};

#[tokio::test]
async fn every_kind_is_listed_of_one_organization() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let org = unique("acme");
    let mut theirs = agent(&unique("theirs"));
    theirs.metadata_mut().org.clone_from(&org);
    let theirs = api.agents().create(theirs).await?.into_inner();
    let cli = stack.cli();
    let args = ["run", theirs.slug(), "--org", &org, "--no-follow"];
    cli.run(args).await?.ok()?;
    // Newer ones of another organization, which hide nothing.
    let ours = api.new_agent(&unique("ours")).await?;
    api.new_execution(&ours, "hello").await?;
    for kind in ["agents", "instances", "sessions", "executions"] {
        let args = ["get", kind, "--org", &org, "--limit", "1", "-o", "json"];
        let listed = cli.run(args).await?.json()?;
        let listed = listed.as_array().context("no list")?;
        ensure!(listed.len() == 1, "{kind}: {listed:#?}");
        let metadata = &listed[0]["metadata"];
        ensure!(metadata["org"] == org.as_str(), "{kind}: {listed:#?}");
    }
    Ok(())
}
