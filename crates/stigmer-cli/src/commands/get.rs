//! `stigmer get`.

mod pages;
mod rows;

use anyhow::Result;
use serde::Serialize;
use stigmer_api::{
    Kind as ApiKind, agentexecution::AgentExecutionId, agentexecution::ExecutionPhase,
    resource::SHORTENED, secret::Secrets, session::SessionId,
};

use crate::{
    app::App,
    cli::{GetArgs, Kind, Phase},
    client::Client,
    failure::Failure,
    output::one_line,
    resolve,
};
use rows::Row;

/// Characters of what a server says of a resource.
const MOST_SAID: usize = 200;

pub(crate) async fn run(app: &App, args: &GetArgs) -> Result<()> {
    if args.phase.is_some() && args.kind != Kind::Executions {
        return Err(Failure::usage("--phase is for executions only"));
    }
    let client = Client::connect(&app.global).await?;
    match &args.name {
        Some(name) => one(app, &client, args.kind, name).await,
        None => many(app, &client, args).await,
    }
}

async fn one(app: &App, client: &Client, kind: Kind, name: &str) -> Result<()> {
    let org = app.global.org.as_deref();
    let value = name.to_owned();
    match kind {
        Kind::Agents => show_one(app, resolve::agent(client, org, name).await?),
        Kind::Instances => show_one(app, resolve::instance(client, org, name).await?),
        Kind::Environments => show_one(app, resolve::environment(client, org, name).await?),
        Kind::Skills => show_one(app, resolve::skill(client, org, name).await?),
        Kind::Executions => {
            let mut executions = client.executions();
            let answer = client
                .answer(executions.get(AgentExecutionId { value }))
                .await;
            let naming = |error| resolve::naming(error, ApiKind::AgentExecution, name);
            show_one(app, answer.map_err(naming)?)
        }
        Kind::Sessions => {
            let mut sessions = client.sessions();
            let answer = client.answer(sessions.get(SessionId { value })).await;
            let naming = |error| resolve::naming(error, ApiKind::Session, name);
            show_one(app, answer.map_err(naming)?)
        }
    }
}

async fn many(app: &App, client: &Client, args: &GetArgs) -> Result<()> {
    let limit = args.limit.map_or(usize::MAX, |n| n as usize);
    let org = app.global.org.as_deref();
    match args.kind {
        Kind::Agents => show(app, pages::agents(client, org, limit).await?),
        Kind::Instances => show(app, pages::instances(client, org, limit).await?),
        Kind::Environments => show(app, pages::environments(client, org, limit).await?),
        Kind::Skills => show(app, pages::skills(client, org, limit).await?),
        Kind::Sessions => show(app, pages::sessions(client, org, limit).await?),
        Kind::Executions => {
            let phase = args.phase.map_or(ExecutionPhase::Unspecified, api_phase);
            show(app, pages::executions(client, org, phase, limit).await?)
        }
    }
}

fn api_phase(phase: Phase) -> ExecutionPhase {
    match phase {
        Phase::Pending => ExecutionPhase::ExecutionPending,
        Phase::InProgress => ExecutionPhase::ExecutionInProgress,
        Phase::Completed => ExecutionPhase::ExecutionCompleted,
        Phase::Failed => ExecutionPhase::ExecutionFailed,
        Phase::Cancelled => ExecutionPhase::ExecutionCancelled,
    }
}

/// Leaves of `item` what may be shown, and says where that is not all of it.
fn prepare<R: Row + Secrets>(app: &App, item: &mut R) -> Result<()> {
    item.understand();
    item.redact();
    let annotations = item.metadata().map(|m| &m.annotations);
    if let Some(why) = annotations.and_then(|a| a.get(SHORTENED)) {
        let why = one_line(why, MOST_SAID);
        app.output.remark(&format!("{}: {why}", item.id()))?;
    }
    Ok(())
}

fn show_one<R: Row + Secrets + Serialize>(app: &App, mut item: R) -> Result<()> {
    prepare(app, &mut item)?;
    app.output
        .either(&item, &rows::table(std::slice::from_ref(&item)))
}

fn show<R: Row + Secrets + Serialize>(app: &App, mut items: Vec<R>) -> Result<()> {
    items.iter_mut().try_for_each(|item| prepare(app, item))?;
    app.output.either(&items, &rows::table(&items))
}
