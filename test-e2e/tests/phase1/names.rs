use anyhow::Context;
use stigmer_api::{
    Kind,
    apiresource::{ApiResourceOwnerScope as Scope, ApiResourceReference},
    resource::Resource,
    slug,
};
use test_e2e::{Result, Stack, agent, ensure, reference, unique};
use tonic::Code;

#[tokio::test]
async fn a_name_becomes_a_slug() -> Result {
    let stack = Stack::get()?;
    let name = format!("  {} Überprüfer  No_1 ", unique("Mixed Case"));
    let stored = stack.api()?.new_agent(&name).await?;
    ensure!(stored.name() == name, "{stored:?}");
    ensure!(stored.slug() == slug::from_name(&name), "{stored:?}");
    ensure!(stored.slug().ends_with("-berprfer-no1"), "{stored:?}");
    Ok(())
}

#[tokio::test]
async fn names_and_slugs_that_are_none_are_refused() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let long = "x".repeat(64);
    for (name, slug, field) in [
        ("", "", "metadata.name"),
        ("日本", "", "metadata.name"),
        (&long, "", "metadata.name"),
        ("ok", "Not A Slug", "metadata.slug"),
        ("ok", "-edge", "metadata.slug"),
        ("ok", &long, "metadata.slug"),
    ] {
        let mut agent = agent(name);
        slug.clone_into(&mut agent.metadata_mut().slug);
        let refused = api.agents().create(agent).await;
        let status = refused
            .err()
            .ok_or_else(|| anyhow::anyhow!("{name:?} {slug:?} was taken"))?;
        ensure!(status.code() == Code::InvalidArgument, "{status:?}");
        ensure!(
            status.message().contains(field),
            "{name:?} {slug:?}: {status:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_second_agent_of_a_name_already_exists() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("twice");
    let first = api.agents().create(agent(&name)).await?.into_inner();
    let second = api.agents().create(agent(&name)).await;
    let status = second
        .err()
        .ok_or_else(|| anyhow::anyhow!("the name was given twice"))?;
    ensure!(status.code() == Code::AlreadyExists, "{status:?}");
    ensure!(status.message().contains(first.id()), "{status:?}");
    Ok(())
}

#[tokio::test]
async fn the_same_name_in_two_organizations_is_two_agents() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("shared");
    let mut theirs = agent(&name);
    "theirs".clone_into(&mut theirs.metadata_mut().org);
    let theirs = api.agents().create(theirs).await?.into_inner();
    let ours = api.agents().create(agent(&name)).await?.into_inner();
    ensure!(theirs.id() != ours.id());
    ensure!(api.agent_by_slug(&name).await?.id() == ours.id());
    let output = stack
        .cli()
        .run(["get", "agent", &name, "--org", "theirs", "-o", "json"])
        .await?;
    ensure!(output.stdout.contains(theirs.id()), "{output:#?}");
    // Which of them is meant must be said.
    let reference = ApiResourceReference {
        org: String::new(),
        ..reference(Kind::Agent, &name)
    };
    let refused = api.agent_queries().get_by_reference(reference).await;
    let status = refused.err().context("one of them was taken")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    ensure!(status.message().contains("2 organizations"), "{status:?}");
    Ok(())
}

#[tokio::test]
async fn the_platforms_agent_is_not_an_organizations_of_the_same_name() -> Result {
    let api = Stack::get()?.api()?;
    let name = unique("shared");
    let ours = api.new_agent(&name).await?;
    let mut wanted = agent(&name);
    wanted.metadata_mut().owner_scope = Scope::Platform.into();
    // Nothing to change yet.
    let refused = api.agents().update(wanted.clone()).await;
    ensure!(refused.is_err_and(|s| s.code() == Code::NotFound));
    let platforms = api.agents().apply(wanted.clone()).await?.into_inner();
    ensure!(
        platforms.id() != ours.id() && platforms.org().is_empty(),
        "{platforms:?}"
    );
    ensure!(api.agent_by_slug(&name).await? == ours, "it was changed");
    let again = api.agents().apply(wanted).await?.into_inner();
    ensure!(again.id() == platforms.id(), "{again:?}");
    // Each is found by its own name.
    let reference = ApiResourceReference {
        scope: Scope::Platform.into(),
        org: String::new(),
        ..reference(Kind::Agent, &name)
    };
    let found = api.agent_queries().get_by_reference(reference).await?;
    ensure!(found.into_inner().id() == platforms.id());
    Ok(())
}
