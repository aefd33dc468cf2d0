//! Labels, annotations and tags: an update says what they are from then on.

use std::collections::BTreeMap;

use stigmer_api::{
    agentexecution::AgentExecution, apiresource::ApiResourceMetadata, resource::Resource,
};
use test_e2e::{Result, Stack, agent, ensure, unique};

fn table(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    entries.iter().map(own).collect()
}

fn mark(metadata: &mut ApiResourceMetadata, what: &str, also: &[(&str, &str)]) {
    let one = [(what, "1")];
    metadata.labels = table(&[&one, also].concat());
    metadata.annotations = table(&[("note", what)]);
    metadata.tags = vec![what.to_owned()];
}

fn marks<R: Resource>(
    resource: &R,
) -> (
    BTreeMap<String, String>,
    BTreeMap<String, String>,
    Vec<String>,
) {
    let metadata = resource.metadata().cloned().unwrap_or_default();
    let tables = (
        metadata.labels.into_iter(),
        metadata.annotations.into_iter(),
    );
    (tables.0.collect(), tables.1.collect(), metadata.tags)
}

#[tokio::test]
async fn an_agents_are_replaced() -> Result {
    let api = Stack::get()?.api()?;
    let mut agent = api.new_agent(&unique("marked")).await?;
    mark(agent.metadata_mut(), "first", &[("team", "a")]);
    api.agents().update(agent.clone()).await?;
    mark(agent.metadata_mut(), "second", &[]);
    api.agents().update(agent.clone()).await?;
    let stored = api.agent_by_slug(agent.slug()).await?;
    ensure!(marks(&stored) == marks(&agent), "{stored:?}");
    Ok(())
}

#[tokio::test]
async fn to_apply_others_alone_is_a_change() -> Result {
    let api = Stack::get()?.api()?;
    let mut agent = agent(&unique("marked"));
    for (what, event) in [
        ("first", "created"),
        ("second", "updated"),
        ("second", "unchanged"),
    ] {
        mark(agent.metadata_mut(), what, &[]);
        let applied = api.agents().apply(agent.clone()).await?.into_inner();
        let audit = applied.audit().and_then(|a| a.spec_audit.clone());
        ensure!(audit.unwrap_or_default().event == event, "{what}");
        let stored = api.agent_by_slug(applied.slug()).await?;
        ensure!(marks(&stored) == marks(&agent), "{stored:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_executions_are_replaced_and_what_was_asked_stays() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("marked")).await?;
    let mut execution = api.new_execution(&agent, "hello").await?;
    mark(execution.metadata_mut(), "first", &[("team", "a")]);
    api.executions().update(execution.clone()).await?;
    mark(execution.metadata_mut(), "second", &[]);
    let only_marks = AgentExecution {
        metadata: execution.metadata.clone(),
        ..Default::default()
    };
    api.executions().update(only_marks).await?;
    let stored = api.get_execution(execution.id()).await?;
    ensure!(marks(&stored) == marks(&execution), "{stored:?}");
    ensure!(stored.spec == execution.spec, "{stored:?}");
    Ok(())
}
