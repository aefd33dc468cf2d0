//! `stigmer apply --dry-run`.

use anyhow::{Context, Result};
use serde::Serialize;
use stigmer_api::{
    Kind,
    apiresource::ApiResourceReference,
    manifest::{Instance, Project, Sourced},
    resource::Resource,
    secret::{self, Secrets},
    validate::{Violation, Violations},
};

use super::skills;
use crate::{
    client::Client,
    failure::{Exit, Failure, exit_of},
    output::{self, Output},
    resolve,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan<'a> {
    project: &'a str,
    dry_run: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environments: Vec<&'a Planned>,
    agents: Vec<&'a Planned>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instances: Vec<&'a Planned>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Planned {
    #[serde(skip)]
    kind: Kind,
    name: String,
    slug: String,
    id: String,
    action: &'static str,
}

/// Nobody but the server can compare secrets.
const UNKNOWN: &str = "Unknown";

pub(super) async fn run(output: Output, client: &Client, project: &Project) -> Result<()> {
    let mut planned = Vec::new();
    for source in &project.environments {
        let wanted = &source.resource;
        let stored = resolve::environment(client, Some(wanted.org()), wanted.slug()).await;
        let planning = there(stored).and_then(|stored| plan(wanted, stored));
        planned.push(planning.with_context(|| naming("environment", wanted))?);
    }
    for source in &project.agents {
        let wanted = &source.resource;
        let stored = resolve::agent(client, Some(wanted.org()), wanted.slug()).await;
        let planning = there(stored).and_then(|stored| plan(wanted, stored));
        planned.push(planning.with_context(|| naming("agent", wanted))?);
    }
    for source in &project.instances {
        let planning = instance(client, project, &source.resource).await;
        planned.push(planning.with_context(|| naming("instance", &source.resource.resource))?);
    }
    let rows = planned.iter().map(|a| {
        let kind = a.kind.as_str();
        [kind, a.name.as_str(), a.action].map(str::to_owned)
    });
    let table = output::table(["TYPE", "NAME", "ACTION"], rows.collect());
    let mut text = format!("{table}\nDry run successful: nothing was changed\n");
    if planned.iter().any(|p| p.action == UNKNOWN) {
        text.push_str("Unknown: all is equal but secrets, which only the server can compare\n");
    }
    let of = |kind| planned.iter().filter(|p| p.kind == kind).collect();
    let plan = Plan {
        project: &project.name,
        dry_run: true,
        environments: of(Kind::Environment),
        agents: of(Kind::Agent),
        instances: of(Kind::AgentInstance),
        warnings: skills::warn(output, client, project).await?,
    };
    output.result(&plan, &text)
}

fn naming(what: &str, wanted: &impl Resource) -> String {
    format!("{what} `{}`", wanted.name())
}

/// What would become of an instance. Its agent and its environments are there, or the project has
/// them: apply would fail otherwise.
async fn instance(client: &Client, project: &Project, instance: &Instance) -> Result<Planned> {
    let mut wanted = instance.resource.clone();
    let org = wanted.org().to_owned();
    let spec = wanted.spec.get_or_insert_default();
    // Empty where the agent is not there yet.
    spec.agent_id = match &instance.agent {
        Some(slug) => {
            let agent = resolve::agent(client, Some(&org), slug).await;
            let agent = match in_project(&project.agents, &org, slug) {
                true => there(agent)?,
                false => Some(agent?),
            };
            agent.map(|agent| agent.id().to_owned()).unwrap_or_default()
        }
        None => {
            let agent = resolve::agent(client, None, &spec.agent_id).await;
            let agent = agent.map_err(|e| named_by(e, Kind::Agent, "spec.agent_id"))?;
            agent.id().to_owned()
        }
    };
    for (i, reference) in spec.environment_refs.iter().enumerate() {
        let ApiResourceReference { org, slug, .. } = reference;
        if !in_project(&project.environments, org, slug) {
            let found = resolve::environment(client, Some(org), slug).await;
            let field = format!("spec.environment_refs[{i}]");
            found.map_err(|e| named_by(e, Kind::Environment, &field))?;
        }
    }
    let agent_id = spec.agent_id.clone();
    let stored = there(resolve::instance(client, Some(&org), wanted.slug()).await)?;
    let before = stored.as_ref().and_then(|s| s.spec.as_ref());
    if let Some(before) = before.filter(|before| before.agent_id != agent_id) {
        return Err(refused(&Violations(vec![Violation {
            field: "spec.agent_id".to_owned(),
            message: format!("cannot change; it is {}", before.agent_id),
        }])));
    }
    plan(&wanted, stored)
}

fn in_project<R: Resource>(sources: &[Sourced<R>], org: &str, slug: &str) -> bool {
    let is = |source: &Sourced<R>| source.resource.slug() == slug && source.resource.org() == org;
    sources.iter().any(is)
}

/// "not found" as the server would say it of a field.
fn named_by(error: anyhow::Error, kind: Kind, field: &str) -> anyhow::Error {
    match exit_of(&error) {
        Exit::NotFound => Failure::not_found(format!("{error} (named by {field})")),
        _ => error.context(format!("{} of {field}", kind.as_str())),
    }
}

/// What the server would refuse, in its words.
fn refused(broken: &Violations) -> anyhow::Error {
    Failure::failed(format!("the server refused this: {broken}"))
}

/// What was found, where there is any.
fn there<R>(found: Result<R>) -> Result<Option<R>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if exit_of(&error) == Exit::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn plan<R: Resource + Secrets>(wanted: &R, mut stored: Option<R>) -> Result<Planned> {
    let mut kept = wanted.clone();
    secret::keep(&mut kept, stored.as_mut()).map_err(|broken| refused(&broken))?;
    Ok(Planned {
        kind: R::KIND,
        name: wanted.name().to_owned(),
        slug: wanted.slug().to_owned(),
        id: stored.as_ref().map_or("", |s| s.id()).to_owned(),
        action: action(wanted, stored.as_ref()),
    })
}

/// What apply would do, by what a user can change.
fn action<R: Resource + Secrets>(wanted: &R, stored: Option<&R>) -> &'static str {
    let Some(stored) = stored else {
        return "Create";
    };
    let key = |resource: &R| {
        let mut resource = resource.clone();
        resource.clear_status();
        let metadata = resource.metadata_mut();
        metadata.id.clear();
        metadata.version = None;
        resource
    };
    let (mut wanted, stored) = (key(wanted), key(stored));
    if wanted == stored {
        return "None";
    }
    wanted.redact();
    match wanted == stored {
        true => UNKNOWN,
        false => "Update",
    }
}
