//! `stigmer apply`.

use anyhow::{Context, Result};
use serde::Serialize;
use stigmer_api::{Kind, agent::Agent, manifest::Project, resource::Resource};

use crate::{
    App,
    cli::ApplyArgs,
    client::Client,
    failure::{Exit, exit_of},
    output::{self, Output},
    project, resolve,
};

#[derive(Debug, Serialize)]
struct Deployment<'a> {
    project: &'a str,
    agents: Vec<Applied>,
}

/// What became of an agent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Applied {
    name: String,
    slug: String,
    pub(crate) id: String,
    status: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan<'a> {
    project: &'a str,
    dry_run: bool,
    agents: Vec<Planned>,
}

#[derive(Debug, Serialize)]
struct Planned {
    name: String,
    slug: String,
    id: String,
    action: &'static str,
}

pub(crate) async fn run(app: &App, args: &ApplyArgs) -> Result<()> {
    let project = project::load(args.config.as_deref(), app.global.org.as_deref())?;
    let client = Client::connect(&app.global).await?;
    if args.dry_run {
        return plan(app.output, &client, &project).await;
    }
    let mut applied = Vec::new();
    for source in &project.agents {
        match apply(&client, &source.agent).await {
            Ok((_, done)) => applied.push(done),
            Err(error) => {
                if !applied.is_empty() {
                    app.output.people(&table(&applied))?;
                }
                let (done, all) = (applied.len(), project.agents.len());
                let agent = source.agent.name();
                let text = format!("agent `{agent}` ({done} of {all} agents were applied)");
                return Err(error.context(text));
            }
        }
    }
    let text = format!("{}\nDeployment successful\n", table(&applied));
    let project = &project.name;
    let agents = applied;
    app.output.result(&Deployment { project, agents }, &text)
}

/// Applies one agent.
pub(crate) async fn apply(client: &Client, agent: &Agent) -> Result<(Agent, Applied)> {
    let mut commands = client.agent_commands();
    let answer = client.answer(commands.apply(agent.clone())).await?;
    let event = answer.audit().and_then(|audit| audit.spec_audit.as_ref());
    let status = match event.map_or("", |audit| audit.event.as_str()) {
        "created" => "Created",
        "updated" => "Updated",
        "unchanged" => "Unchanged",
        _ => "Applied", // by a server that does not say
    };
    let applied = Applied {
        name: answer.name().to_owned(),
        slug: answer.slug().to_owned(),
        id: answer.id().to_owned(),
        status: status.to_owned(),
    };
    Ok((answer, applied))
}

fn table(applied: &[Applied]) -> String {
    let rows = applied.iter().cloned();
    let rows = rows.map(|a| [Kind::Agent.as_str().to_owned(), a.name, a.status, a.id]);
    output::table(["TYPE", "NAME", "STATUS", "ID"], rows.collect())
}

async fn plan(output: Output, client: &Client, project: &Project) -> Result<()> {
    let mut agents = Vec::new();
    for source in &project.agents {
        let agent = &source.agent;
        let stored = stored(client, agent)
            .await
            .with_context(|| format!("agent `{}`", agent.name()))?;
        agents.push(Planned {
            name: agent.name().to_owned(),
            slug: agent.slug().to_owned(),
            id: stored
                .as_ref()
                .map(|s| s.id().to_owned())
                .unwrap_or_default(),
            action: action(agent, stored.as_ref()),
        });
    }
    let rows = agents.iter().map(|a| {
        let kind = Kind::Agent.as_str();
        [kind, a.name.as_str(), a.action].map(str::to_owned)
    });
    let table = output::table(["TYPE", "NAME", "ACTION"], rows.collect());
    let plan = Plan {
        project: &project.name,
        dry_run: true,
        agents,
    };
    let text = format!("{table}\nDry run successful: nothing was changed\n");
    output.result(&plan, &text)
}

async fn stored(client: &Client, agent: &Agent) -> Result<Option<Agent>> {
    let reference = resolve::reference(Kind::Agent, Some(agent.org()), agent.slug())?;
    let mut agents = client.agents();
    match client.answer(agents.get_by_reference(reference)).await {
        Ok(agent) => Ok(Some(agent)),
        Err(error) if exit_of(&error) == Exit::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What apply would do, by what a user can change.
fn action(wanted: &Agent, stored: Option<&Agent>) -> &'static str {
    let Some(stored) = stored else {
        return "Create";
    };
    let key = |agent: &Agent| {
        let mut metadata = agent.metadata.clone().unwrap_or_default();
        metadata.id.clear();
        metadata.version = None;
        (metadata, agent.spec.clone())
    };
    if key(wanted) == key(stored) {
        "None"
    } else {
        "Update"
    }
}
