//! Finds what a user names by id or by name.

use anyhow::Result;
use stigmer_api::{
    Kind,
    agent::{Agent, AgentId},
    agentinstance::{AgentInstance, AgentInstanceId},
    apiresource::{ApiResourceOwnerScope as Scope, ApiResourceReference},
    id, slug,
};

use crate::{
    client::Client,
    failure::{Exit, Failure, exit_of},
};

/// The agent with this id or name.
pub(crate) async fn agent(client: &Client, org: Option<&str>, given: &str) -> Result<Agent> {
    let mut agents = client.agents();
    let found = if id::is_id(Kind::Agent, given) {
        let value = given.to_owned();
        client.answer(agents.get(AgentId { value })).await
    } else {
        let reference = reference(Kind::Agent, org, given)?;
        client.answer(agents.get_by_reference(reference)).await
    };
    found.map_err(|error| naming(error, Kind::Agent, given))
}

/// The instance with this id or name.
pub(crate) async fn instance(
    client: &Client,
    org: Option<&str>,
    given: &str,
) -> Result<AgentInstance> {
    let mut instances = client.instances();
    let found = if id::is_id(Kind::AgentInstance, given) {
        let value = given.to_owned();
        client
            .answer(instances.get(AgentInstanceId { value }))
            .await
    } else {
        let reference = reference(Kind::AgentInstance, org, given)?;
        client.answer(instances.get_by_reference(reference)).await
    };
    found.map_err(|error| naming(error, Kind::AgentInstance, given))
}

/// A reference by name; a name that is no slug is asked for by the slug that it makes.
pub(crate) fn reference(
    kind: Kind,
    org: Option<&str>,
    given: &str,
) -> Result<ApiResourceReference> {
    let slug = match slug::check(given) {
        Ok(()) => given.to_owned(),
        Err(_) => slug::from_name(given),
    };
    if slug.is_empty() {
        return Err(not_found(kind, given));
    }
    Ok(ApiResourceReference {
        scope: Scope::Organization.into(),
        org: org.unwrap_or_default().to_owned(),
        kind: kind.api_kind().into(),
        slug,
        version: String::new(),
    })
}

/// "not found" with the name as it was given.
pub(crate) fn naming(error: anyhow::Error, kind: Kind, given: &str) -> anyhow::Error {
    if exit_of(&error) == Exit::NotFound {
        not_found(kind, given)
    } else {
        error
    }
}

fn not_found(kind: Kind, given: &str) -> anyhow::Error {
    Failure::not_found(format!("{} not found: {given}", kind.as_str()))
}
