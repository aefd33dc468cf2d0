use anyhow::Context;
use serde_json::{Value, json};
use stigmer_api::{
    agentinstance::AgentInstanceId,
    apiresource::{ApiResourceReference, apiresourcekind::ApiResourceKind},
    resource::Resource,
};
use test_e2e::{Cli, Project, Result, Stack, agent_yaml, ensure, unique};
use tonic::Code;

/// The status of the only agent of `apply`'s answer.
async fn apply(cli: &Cli) -> Result<Value> {
    let answer = cli.run(["apply", "--output", "json"]).await?.json()?;
    Ok(answer["agents"][0]["status"].clone())
}

#[tokio::test]
async fn an_applied_agent_and_its_default_instance_are_there_by_id_and_by_slug() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("basic");
    let project = Project::of(&[&name])?;
    let answer = stack
        .cli()
        .within(project.path())
        .run(["apply", "-o", "json"])
        .await?
        .json()?;
    let listed = &answer["agents"][0];
    ensure!(
        listed["slug"] == json!(name) && listed["status"] == "Created",
        "{answer:#}"
    );

    let agent = api.agent_by_slug(&name).await?;
    ensure!(listed["id"] == json!(agent.id()), "{answer:#}");
    let spec = agent.spec.clone().context("no spec")?;
    ensure!(
        spec.instructions.starts_with("Answer every message"),
        "{spec:?}"
    );
    ensure!(agent.org() == "local", "{agent:?}");

    let id = agent.status.clone().unwrap_or_default().default_instance_id;
    let mut instances = api.instance_queries();
    let by_id = instances
        .get(AgentInstanceId { value: id })
        .await?
        .into_inner();
    ensure!(by_id.name() == format!("{name}-default"), "{by_id:?}");
    ensure!(
        by_id.spec.clone().unwrap_or_default().agent_id == agent.id(),
        "{by_id:?}"
    );
    let reference = ApiResourceReference {
        kind: ApiResourceKind::AgentInstance.into(),
        slug: format!("{name}-default"),
        ..Default::default()
    };
    let by_slug = instances.get_by_reference(reference).await?.into_inner();
    ensure!(by_slug == by_id, "{by_slug:?}");
    Ok(())
}

#[tokio::test]
async fn a_dry_run_stores_nothing_and_says_what_it_would_do() -> Result {
    let stack = Stack::get()?;
    let name = unique("dry");
    let project = Project::of(&[&name])?;
    let cli = stack.cli().within(project.path());
    let output = cli.run(["apply", "--dry-run"]).await?.ok()?;
    for text in ["TYPE", "ACTION", &name, "Create", "Dry run successful"] {
        ensure!(output.stdout.contains(text), "no {text}: {output:#?}");
    }
    let found = stack.api()?.agent_by_slug(&name).await;
    ensure!(
        found.as_ref().is_err_and(|s| s.code() == Code::NotFound),
        "{found:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_table_names_what_was_done() -> Result {
    let stack = Stack::get()?;
    let name = unique("table");
    let project = Project::of(&[&name])?;
    let output = stack
        .cli()
        .within(project.path())
        .run(["apply"])
        .await?
        .ok()?;
    for text in [
        "TYPE",
        "NAME",
        "STATUS",
        "ID",
        "Agent",
        &name,
        "Created",
        "Deployment successful",
    ] {
        ensure!(output.stdout.contains(text), "no {text}: {output:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn apply_again_is_unchanged_and_after_an_edit_updated() -> Result {
    let stack = Stack::get()?;
    let name = unique("edited");
    let project = Project::of(&[&name])?;
    let cli = stack.cli().within(project.path());
    ensure!(apply(&cli).await? == "Created");
    let first = stack.api()?.agent_by_slug(&name).await?;
    ensure!(apply(&cli).await? == "Unchanged");
    ensure!(
        stack.api()?.agent_by_slug(&name).await? == first,
        "an unchanged apply wrote"
    );

    let text = agent_yaml(&name, "Answer every message in one long sentence.");
    project.write(&format!("agents/{name}.yaml"), text)?;
    ensure!(apply(&cli).await? == "Updated");
    let second = stack.api()?.agent_by_slug(&name).await?;
    ensure!(second.id() == first.id());
    ensure!(
        second
            .spec
            .clone()
            .unwrap_or_default()
            .instructions
            .contains("long"),
        "{second:?}"
    );
    let audit = |a: &stigmer_api::agent::Agent| a.audit().and_then(|a| a.spec_audit.clone());
    let (first, second) = (
        audit(&first).context("audit")?,
        audit(&second).context("audit")?,
    );
    ensure!(second.created_at == first.created_at && second.updated_at != first.updated_at);
    Ok(())
}

#[tokio::test]
async fn two_agents_of_one_project_are_both_applied() -> Result {
    let stack = Stack::get()?;
    let names = [unique("first"), unique("second")];
    let project = Project::new()?;
    let documents = names
        .clone()
        .map(|name| agent_yaml(&name, "Do what you are told to do."));
    project.write("agents/both.yaml", documents.join("---\n"))?;
    let answer = stack
        .cli()
        .within(project.path())
        .run(["apply", "-o", "json"])
        .await?
        .json()?;
    ensure!(
        answer["agents"].as_array().is_some_and(|a| a.len() == 2),
        "{answer:#}"
    );
    for name in &names {
        stack.api()?.agent_by_slug(name).await?;
    }
    Ok(())
}
