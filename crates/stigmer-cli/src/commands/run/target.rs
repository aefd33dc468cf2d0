//! Which agent `stigmer run` means, and in which session.

use std::{collections::BTreeMap, io::Write};

use anyhow::{Context, Result};
use stigmer_api::{
    Kind,
    agent::Agent,
    agentinstance::{AgentInstance, AgentInstanceId},
    apiresource::ApiResourceOwnerScope as Scope,
    id,
    manifest::Sourced,
    resource::Resource,
    session::{Session, SessionId, SessionSpec},
    slug,
};

use crate::{
    app::App,
    cli::{Global, RunArgs},
    client::Client,
    commands::apply,
    failure::{Exit, Failure, exit_of},
    output, project, resolve,
};

/// Who is to run, and where.
pub(super) struct Target {
    pub(super) client: Client,
    pub(super) agent: Agent,
    /// Empty where the server is to open one.
    pub(super) session: String,
    pub(super) is_new_session: bool,
}

pub(super) async fn target(app: &App, args: &RunArgs) -> Result<Target> {
    let org = app.global.org.as_deref();
    let mut session = String::new();
    let (client, agent) = match (&args.session, &args.instance, &args.agent) {
        (Some(id), _, _) => {
            session.clone_from(id);
            let client = Client::connect(&app.global).await?;
            let agent = agent_of_session(&client, id).await?;
            (client, agent)
        }
        (None, Some(name), given) => {
            let client = Client::connect(&app.global).await?;
            let (instance, agent) = of_instance(&client, org, name, given.as_deref()).await?;
            session = open_session(&client, &instance, &agent, &args.message).await?;
            (client, agent)
        }
        (None, None, Some(name)) => {
            let client = Client::connect(&app.global).await?;
            let agent = resolve::agent(&client, org, name)
                .await
                .map_err(|error| hint(error, &app.global, name))?;
            (client, agent)
        }
        (None, None, None) => of_project(app, org).await?,
    };
    Ok(Target {
        client,
        agent,
        session,
        is_new_session: args.instance.is_some(),
    })
}

/// The instance and its agent, which must be the one that is `given`.
async fn of_instance(
    client: &Client,
    org: Option<&str>,
    name: &str,
    given: Option<&str>,
) -> Result<(AgentInstance, Agent)> {
    let instance = resolve::instance(client, org, name).await?;
    let id = instance.spec.clone().unwrap_or_default().agent_id;
    let agent = resolve::agent(client, None, &id).await?;
    if let Some(given) = given {
        let wanted = resolve::agent(client, org, given).await?;
        if wanted.id() != agent.id() {
            return Err(Failure::usage(format!(
                "{name} is an instance of {}, not of {given}",
                agent.slug()
            )));
        }
    }
    Ok((instance, agent))
}

/// A new session with an instance. The server opens one itself for an execution that names none,
/// but with the agent's default instance: the contract's request has no field for another one, so
/// whoever wants it opens the session first and names that. Name and subject are as the server's.
async fn open_session(
    client: &Client,
    instance: &AgentInstance,
    agent: &Agent,
    message: &str,
) -> Result<String> {
    let mut session = Session::default();
    session.set_envelope();
    let metadata = session.metadata_mut();
    metadata.name = format!("session-{}", id::new(Kind::Session));
    agent.org().clone_into(&mut metadata.org);
    metadata.set_owner_scope(Scope::Organization);
    session.spec = Some(SessionSpec {
        agent_instance_id: instance.id().to_owned(),
        subject: message.chars().take(80).collect(),
        ..SessionSpec::default()
    });
    let mut sessions = client.session_commands();
    Ok(client
        .answer(sessions.create(session))
        .await?
        .id()
        .to_owned())
}

async fn agent_of_session(client: &Client, id: &str) -> Result<Agent> {
    let value = id.to_owned();
    let mut sessions = client.sessions();
    let session = client
        .answer(sessions.get(SessionId { value }))
        .await
        .map_err(|error| resolve::naming(error, Kind::Session, id))?;
    let value = session.spec.unwrap_or_default().agent_instance_id;
    let mut instances = client.instances();
    let instance = client
        .answer(instances.get(AgentInstanceId { value }))
        .await
        .context("the agent of the session")?;
    let agent = instance.spec.unwrap_or_default().agent_id;
    resolve::agent(client, None, &agent).await
}

/// Nothing is applied behind the back of who names an agent, but they are told how to.
fn hint(error: anyhow::Error, global: &Global, name: &str) -> anyhow::Error {
    if exit_of(&error) != Exit::NotFound {
        return error;
    }
    let wanted = slug::from_name(name);
    let org = global.org.as_deref();
    // Two of one slug would be of one organization, if all were of this one.
    let Some(project) = project::around(org).or_else(|| project::around(None)) else {
        return error;
    };
    let mut agents = project.agents.iter().map(|agent| &agent.resource);
    if !agents.any(|it| it.slug() == wanted && org.is_none_or(|org| it.org() == org)) {
        return error;
    }
    Failure::not_found(format!(
        "{error}\nit is in the project `{}` but not on the server: run 'stigmer apply{}' first",
        project.name,
        global.again()
    ))
}

/// Applies the project around the working directory and takes its agent.
async fn of_project(app: &App, org: Option<&str>) -> Result<(Client, Agent)> {
    let project = project::load(
        None,
        org,
        "name an agent that the server has: stigmer run NAME",
    )
    .context("no agent was named")?;
    let index = match project.agents.as_slice() {
        [] => {
            let text = format!("the project `{}` has no agent to run", project.name);
            return Err(Failure::usage(text));
        }
        [_] => 0,
        several => choose(&project.name, &names(several))?,
    };
    let chosen = project.agents.get(index).context("no such agent")?;
    let slug = chosen.resource.slug();
    let client = Client::connect(&app.global).await?;
    let agents = apply::apply(&client, &project, &mut Vec::new()).await?;
    apply::skills::warn(app.output, &client, &project).await?;
    // They come in their order in the project: by its slug it might be that of another organization.
    let agent = agents.into_iter().nth(index);
    let agent = agent.filter(|agent| agent.slug() == slug);
    app.output
        .remark(&format!("applied the project `{}`", project.name))?;
    let agent = agent.context("the server answered with another agent")?;
    Ok((client, agent))
}

/// What `stigmer run` takes for each of them: its slug, and its organization where others have that slug too.
fn names(agents: &[Sourced<Agent>]) -> Vec<String> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for agent in agents {
        *times.entry(agent.resource.slug()).or_default() += 1;
    }
    let name = |agent: &Sourced<Agent>| {
        let (slug, org) = (agent.resource.slug(), agent.resource.org());
        match times.get(slug).copied() {
            Some(2..) => format!("{slug} --org {org}"),
            _ => slug.to_owned(),
        }
    };
    agents.iter().map(name).collect()
}

fn choose(project: &str, names: &[String]) -> Result<usize> {
    if !output::can_ask() {
        return Err(Failure::usage(format!(
            "the project `{project}` has {} agents, name the one to run: {}",
            names.len(),
            names.join(", ")
        )));
    }
    let mut stderr = std::io::stderr().lock();
    for (i, name) in names.iter().enumerate() {
        writeln!(stderr, "{:3}  {name}", i + 1)?;
    }
    write!(stderr, "Which one? ")?;
    stderr.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let line = line.trim();
    picked(names, line).ok_or_else(|| Failure::usage(format!("`{line}` is none of them")))
}

/// The one that is meant, by its name or, from 1, by its number.
fn picked(names: &[String], line: &str) -> Option<usize> {
    let by_name = names.iter().position(|name| *name == line);
    let by_number = line.parse().ok().and_then(|n: usize| n.checked_sub(1));
    by_name.or(by_number.filter(|i| *i < names.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_is_named_where_its_agent_is_not_the_only_one_of_its_slug() {
        let agent = |slug: &str, org: &str| {
            let mut resource = Agent::default();
            let metadata = resource.metadata_mut();
            slug.clone_into(&mut metadata.slug);
            org.clone_into(&mut metadata.org);
            let (file, line) = (std::path::PathBuf::new(), 1);
            Sourced {
                resource,
                file,
                line,
            }
        };
        let agents = [agent("a", "x"), agent("b", "x"), agent("a", "y")];
        assert_eq!(names(&agents), ["a --org x", "b", "a --org y"]);
    }

    #[test]
    fn one_is_picked_by_its_name_or_its_number() {
        let names = ["a", "b", "1"].map(str::to_owned);
        let pick = |line| picked(&names, line);
        assert_eq!(
            [pick("a"), pick("b"), pick("2")],
            [Some(0), Some(1), Some(1)]
        );
        assert_eq!(pick("1"), Some(2), "a name goes before a number");
        assert_eq!(pick("3"), Some(2));
        for none in ["", "0", "4", "-1", "c"] {
            assert_eq!(pick(none), None, "{none}");
        }
    }
}
