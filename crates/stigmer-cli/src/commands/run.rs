//! `stigmer run`.

use std::{
    collections::BTreeMap,
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use stigmer_api::{
    Kind,
    agent::Agent,
    agentexecution::{AgentExecution, AgentExecutionSpec, ExecutionConfig, ExecutionPhase},
    agentinstance::AgentInstanceId,
    executioncontext::ExecutionValue,
    resource::Resource,
    session::SessionId,
    slug,
};

use crate::{
    App,
    cli::RunArgs,
    client::Client,
    commands::apply,
    failure::{Exit, Failure, exit_of},
    follow::{self, Follower},
    output, project,
    redact::Redact,
    resolve, runtime_env, watch,
};

pub(crate) async fn run(app: &App, args: &RunArgs) -> Result<()> {
    if args.message.trim().is_empty() {
        let text = "--message is empty: say what the agent is to do, or leave it out";
        return Err(Failure::usage(text));
    }
    let env = runtime_env::parse(&args.runtime_env)?;
    let target = target(app, args).await?;
    let request = request(args, env, &target);
    let mut commands = target.client.execution_commands();
    let mut execution = target.client.answer(commands.create(request)).await?;
    let id = execution.id().to_owned();
    app.output.people(&format!(
        "Agent execution started: {}\nExecution ID: {id}\n",
        target.agent.name()
    ))?;
    if !args.no_follow {
        execution = follow(app, &target.client, &id).await?;
    }
    execution.redact();
    app.output.document(&execution)?;
    if args.no_follow {
        return Ok(());
    }
    ended_well(&execution)
}

/// Who is to run, and where.
struct Target {
    client: Client,
    agent: Agent,
    session: String,
}

async fn target(app: &App, args: &RunArgs) -> Result<Target> {
    let org = app.global.org.as_deref();
    let mut session = String::new();
    let (client, agent) = match (&args.session, &args.agent) {
        (Some(id), _) => {
            session.clone_from(id);
            let client = Client::connect(&app.global).await?;
            let agent = agent_of_session(&client, id).await?;
            (client, agent)
        }
        (None, Some(name)) => {
            let client = Client::connect(&app.global).await?;
            let agent = resolve::agent(&client, org, name)
                .await
                .map_err(|error| hint(error, org, name))?;
            (client, agent)
        }
        (None, None) => of_project(app, org).await?,
    };
    Ok(Target {
        client,
        agent,
        session,
    })
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
fn hint(error: anyhow::Error, org: Option<&str>, name: &str) -> anyhow::Error {
    if exit_of(&error) != Exit::NotFound {
        return error;
    }
    let wanted = slug::from_name(name);
    let Some(project) = project::around(org) else {
        return error;
    };
    if !project.agents.iter().any(|a| a.agent.slug() == wanted) {
        return error;
    }
    Failure::not_found(format!(
        "{error}\nit is in the project `{}` but not on the server: run 'stigmer apply' first",
        project.name
    ))
}

/// Applies the project around the working directory and takes its agent.
async fn of_project(app: &App, org: Option<&str>) -> Result<(Client, Agent)> {
    let project = project::load(None, org).context("no agent was named")?;
    let chosen = match project.agents.as_slice() {
        [one] => one,
        several => {
            let names: Vec<&str> = several.iter().map(|a| a.agent.slug()).collect();
            several
                .get(choose(&project.name, &names)?)
                .context("no such agent")?
        }
    };
    let slug = chosen.agent.slug();
    let client = Client::connect(&app.global).await?;
    let mut agent = None;
    for source in &project.agents {
        let (answer, _) = apply::apply(&client, &source.agent)
            .await
            .with_context(|| format!("agent `{}`", source.agent.name()))?;
        if answer.slug() == slug {
            agent = Some(answer);
        }
    }
    app.output
        .remark(&format!("applied the project `{}`", project.name))?;
    let agent = agent.context("the server answered with another agent")?;
    Ok((client, agent))
}

fn choose(project: &str, names: &[&str]) -> Result<usize> {
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
    let by_name = names.iter().position(|name| *name == line);
    let by_number = line.parse().ok().and_then(|n: usize| n.checked_sub(1));
    by_name
        .or(by_number.filter(|i| *i < names.len()))
        .ok_or_else(|| Failure::usage(format!("`{line}` is none of them")))
}

fn request(
    args: &RunArgs,
    runtime_env: BTreeMap<String, ExecutionValue>,
    target: &Target,
) -> AgentExecution {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut execution = AgentExecution::default();
    execution.set_envelope();
    let metadata = execution.metadata_mut();
    metadata.name = format!("execution-{}", now.unwrap_or_default().as_micros());
    target.agent.org().clone_into(&mut metadata.org);
    let agent_id = if target.session.is_empty() {
        target.agent.id().to_owned()
    } else {
        String::new()
    };
    let model = args.model.clone();
    execution.spec = Some(AgentExecutionSpec {
        session_id: target.session.clone(),
        agent_id,
        message: args.message.clone(),
        execution_config: model.map(|model_name| ExecutionConfig { model_name }),
        runtime_env,
        ..AgentExecutionSpec::default()
    });
    execution
}

/// Prints what the execution does until it has ended.
pub(crate) async fn follow(app: &App, client: &Client, id: &str) -> Result<AgentExecution> {
    let mut follower = Follower::default();
    let see = |execution: &AgentExecution| {
        app.output.people(&follower.step(execution))?;
        Ok(())
    };
    let ended = tokio::select! {
        ended = watch::until_ended(client, app.output, id, see) => ended,
        signal = tokio::signal::ctrl_c() => {
            signal.context("waiting for Ctrl-C")?;
            Err(Failure::with(Exit::Interrupted, format!(
                "interrupted; the execution goes on, `stigmer cancel {id}` ends it"
            )))
        }
    };
    app.output.people(&follower.close())?;
    let ended = ended?;
    app.output.people(&follow::summary(&ended))?;
    Ok(ended)
}

/// An error unless the execution COMPLETED.
pub(crate) fn ended_well(execution: &AgentExecution) -> Result<()> {
    let phase = watch::phase(execution);
    if phase == ExecutionPhase::ExecutionCompleted {
        return Ok(());
    }
    let error = execution.status.as_ref().map_or("", |s| s.error.as_str());
    let mut text = format!("execution {} ended {}", execution.id(), phase.word());
    if !error.is_empty() {
        text.push_str(": ");
        text.push_str(&output::printable(error));
    }
    Err(Failure::failed(text))
}
