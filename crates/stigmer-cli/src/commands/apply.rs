//! `stigmer apply`.

mod plan;
pub(crate) mod skills;

use anyhow::{Context, Result};
use serde::Serialize;
use stigmer_api::{
    Kind,
    agent::Agent,
    agentinstance::AgentInstance,
    manifest::{Instance, Project},
    resource::Resource,
};

use crate::{app::App, cli::ApplyArgs, client::Client, output, project, resolve};

#[derive(Debug, Serialize)]
struct Deployment<'a> {
    project: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environments: Vec<&'a Applied>,
    agents: Vec<&'a Applied>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instances: Vec<&'a Applied>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What became of a resource.
#[derive(Debug, Serialize)]
pub(crate) struct Applied {
    #[serde(skip)]
    kind: Kind,
    name: String,
    slug: String,
    id: String,
    status: &'static str,
}

pub(crate) async fn run(app: &App, args: &ApplyArgs) -> Result<()> {
    let project = project::load(
        args.config.as_deref(),
        app.global.org.as_deref(),
        "name a project with --config",
    )?;
    let client = Client::connect(&app.global).await?;
    if args.dry_run {
        return plan::run(app.output, &client, &project).await;
    }
    let mut applied = Vec::new();
    if let Err(error) = apply(&client, &project, &mut applied).await {
        if !applied.is_empty() {
            app.output.people(&table(&applied))?;
        }
        return Err(error);
    }
    let text = format!("{}\nDeployment successful\n", table(&applied));
    let of = |kind| applied.iter().filter(|a| a.kind == kind).collect();
    let deployment = Deployment {
        project: &project.name,
        environments: of(Kind::Environment),
        agents: of(Kind::Agent),
        instances: of(Kind::AgentInstance),
        warnings: skills::warn(app.output, &client, &project).await?,
    };
    app.output.result(&deployment, &text)
}

/// Applies all of a project, what is referred to first, and returns its agents. `applied` has what
/// was done, also when it ends in an error.
pub(crate) async fn apply(
    client: &Client,
    project: &Project,
    applied: &mut Vec<Applied>,
) -> Result<Vec<Agent>> {
    let all = project.environments.len() + project.agents.len() + project.instances.len();
    let failed = |what: &str, name: &str, done: usize| {
        format!("{what} `{name}` ({done} of {all} resources were applied)")
    };
    for source in &project.environments {
        let environment = source.resource.clone();
        let answer = client
            .answer(client.environment_commands().apply(environment))
            .await
            .with_context(|| failed("environment", source.resource.name(), applied.len()))?;
        applied.push(of(&answer));
    }
    let mut agents = Vec::new();
    for source in &project.agents {
        let answer = client
            .answer(client.agent_commands().apply(source.resource.clone()))
            .await
            .with_context(|| failed("agent", source.resource.name(), applied.len()))?;
        applied.push(of(&answer));
        agents.push(answer);
    }
    for source in &project.instances {
        let instance = apply_instance(client, &source.resource);
        let answer = instance.await.with_context(|| {
            let name = source.resource.resource.name();
            failed("instance", name, applied.len())
        })?;
        applied.push(of(&answer));
    }
    Ok(agents)
}

async fn apply_instance(client: &Client, instance: &Instance) -> Result<AgentInstance> {
    let mut resource = instance.resource.clone();
    if let Some(slug) = &instance.agent {
        let agent = resolve::agent(client, Some(resource.org()), slug).await?;
        let spec = resource.spec.get_or_insert_default();
        agent.id().clone_into(&mut spec.agent_id);
    }
    client
        .answer(client.instance_commands().apply(resource))
        .await
}

fn of<R: Resource>(answer: &R) -> Applied {
    Applied {
        kind: R::KIND,
        name: answer.name().to_owned(),
        slug: answer.slug().to_owned(),
        id: answer.id().to_owned(),
        status: done(answer),
    }
}

/// What the server says that it has done.
pub(crate) fn done<R: Resource>(answer: &R) -> &'static str {
    let event = answer.audit().and_then(|audit| audit.spec_audit.as_ref());
    match event.map_or("", |audit| audit.event.as_str()) {
        "created" => "Created",
        "updated" => "Updated",
        "unchanged" => "Unchanged",
        _ => "Applied", // by a server that does not say
    }
}

fn table(applied: &[Applied]) -> String {
    let rows = applied.iter().map(|a| {
        let kind = a.kind.as_str();
        [kind, &a.name, a.status, &a.id].map(str::to_owned)
    });
    output::table(["TYPE", "NAME", "STATUS", "ID"], rows.collect())
}
