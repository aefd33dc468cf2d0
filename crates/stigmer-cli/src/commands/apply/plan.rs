//! `stigmer apply --dry-run`.

use anyhow::{Context, Result};
use serde::Serialize;
use stigmer_api::{
    Kind,
    manifest::{Instance, Project},
    resource::Resource,
    secret::Secrets,
};

use crate::{
    client::Client,
    failure::{Exit, exit_of},
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
        planned.push(plan(wanted, stored).with_context(|| naming("environment", wanted))?);
    }
    for source in &project.agents {
        let wanted = &source.resource;
        let stored = resolve::agent(client, Some(wanted.org()), wanted.slug()).await;
        planned.push(plan(wanted, stored).with_context(|| naming("agent", wanted))?);
    }
    for source in &project.instances {
        let planning = instance(client, &source.resource).await;
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
    };
    output.result(&plan, &text)
}

fn naming(what: &str, wanted: &impl Resource) -> String {
    format!("{what} `{}`", wanted.name())
}

async fn instance(client: &Client, instance: &Instance) -> Result<Planned> {
    let mut wanted = instance.resource.clone();
    let org = wanted.org().to_owned();
    if let Some(slug) = &instance.agent
        && let Some(agent) = there(resolve::agent(client, Some(&org), slug).await)?
    {
        agent
            .id()
            .clone_into(&mut wanted.spec.get_or_insert_default().agent_id);
    }
    let stored = resolve::instance(client, Some(&org), wanted.slug()).await;
    plan(&wanted, stored)
}

/// What was found, where there is any.
fn there<R>(found: Result<R>) -> Result<Option<R>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if exit_of(&error) == Exit::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn plan<R: Resource + Secrets>(wanted: &R, stored: Result<R>) -> Result<Planned> {
    let stored = there(stored)?;
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
