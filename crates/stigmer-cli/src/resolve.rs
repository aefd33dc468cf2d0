//! Finds what a user names by id or by name.

use anyhow::Result;
use stigmer_api::{
    Kind,
    agent::{Agent, AgentId},
    agentinstance::{AgentInstance, AgentInstanceId},
    apiresource::{ApiResourceId, ApiResourceOwnerScope as Scope, ApiResourceReference},
    environment::Environment,
    id,
    skill::{Skill, SkillId},
    slug,
};

use crate::{
    client::Client,
    failure::{Exit, Failure, exit_of},
};

macro_rules! by_name {
    ($($(#[$doc:meta])* $name:ident: $type:ident = $service:ident, $id:ident;)+) => {
        $($(#[$doc])*
        pub(crate) async fn $name(
            client: &Client,
            org: Option<&str>,
            given: &str,
        ) -> Result<$type> {
            let mut service = client.$service();
            if id::is_id(Kind::$type, given) {
                let value = given.to_owned();
                let found = client.answer(service.get($id { value })).await;
                // An id has the form of a slug, and may be somebody's.
                if !matches!(&found, Err(error) if exit_of(error) == Exit::NotFound) {
                    return found;
                }
            }
            let reference = reference(Kind::$type, org, given)?;
            let found = client.answer(service.get_by_reference(reference)).await;
            found.map_err(|error| naming(error, Kind::$type, given))
        })+
    };
}

by_name! {
    /// The agent with this id or name.
    agent: Agent = agents, AgentId;
    /// The instance with this id or name.
    instance: AgentInstance = instances, AgentInstanceId;
    /// The environment with this id or name.
    environment: Environment = environments, ApiResourceId;
    /// The skill with this id or name.
    skill: Skill = skills, SkillId;
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
