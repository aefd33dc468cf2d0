//! `stigmer delete`.

use anyhow::Result;
use serde_json::json;
use stigmer_api::{
    Kind as ApiKind,
    agent::AgentId,
    agentinstance::AgentInstanceId,
    apiresource::{ApiResourceDeleteInput, ApiResourceId},
    resource::Resource,
    session::SessionId,
    skill::SkillId,
};

use crate::{
    app::App,
    cli::{DeleteArgs, Kind},
    client::Client,
    failure::{Failure, exit_of},
    output, resolve,
};

pub(crate) async fn run(app: &App, args: &DeleteArgs) -> Result<()> {
    let client = Client::connect(&app.global).await?;
    let mut deleted = Vec::new();
    let mut errors = Vec::new();
    // One that cannot be deleted does not keep the others.
    for name in &args.names {
        match delete(app, &client, args.kind, name).await {
            Ok(id) => {
                app.output.people(&format!("Deleted {name}\n"))?;
                deleted.push(json!({ "name": name, "id": id }));
            }
            Err(error) => errors.push(error),
        }
    }
    app.output.document(&json!({ "deleted": deleted }))?;
    let Some(last) = errors.pop() else {
        return Ok(());
    };
    for error in &errors {
        output::error_line(&format!("{error:#}"));
    }
    let exits: Vec<_> = errors.iter().map(exit_of).collect();
    match exits.first() {
        Some(first) => Err(Failure::with(*first, format!("{last:#}"))),
        None => Err(last),
    }
}

/// Deletes one and returns its id.
async fn delete(app: &App, client: &Client, kind: Kind, name: &str) -> Result<String> {
    let org = app.global.org.as_deref();
    let value = name.to_owned();
    match kind {
        Kind::Agents => {
            let agent = resolve::agent(client, org, name).await?;
            let value = agent.id().to_owned();
            let mut commands = client.agent_commands();
            let call = commands.delete(AgentId { value });
            Ok(client.answer(call).await?.id().to_owned())
        }
        Kind::Instances => {
            let instance = resolve::instance(client, org, name).await?;
            let value = instance.id().to_owned();
            let mut commands = client.instance_commands();
            let call = commands.delete(AgentInstanceId { value });
            Ok(client.answer(call).await?.id().to_owned())
        }
        Kind::Environments => {
            let environment = resolve::environment(client, org, name).await?;
            let input = ApiResourceDeleteInput {
                resource_id: environment.id().to_owned(),
                ..Default::default()
            };
            let mut commands = client.environment_commands();
            Ok(client.answer(commands.delete(input)).await?.id().to_owned())
        }
        Kind::Skills => {
            let skill = resolve::skill(client, org, name).await?;
            let value = skill.id().to_owned();
            let mut commands = client.skill_commands();
            let call = commands.delete(SkillId { value });
            Ok(client.answer(call).await?.id().to_owned())
        }
        Kind::Executions => {
            let mut commands = client.execution_commands();
            let call = commands.delete(ApiResourceId { value });
            let answer = client.answer(call).await;
            let naming = |error| resolve::naming(error, ApiKind::AgentExecution, name);
            Ok(answer.map_err(naming)?.id().to_owned())
        }
        Kind::Sessions => {
            let mut commands = client.session_commands();
            let call = commands.delete(SessionId { value });
            let answer = client.answer(call).await;
            let naming = |error| resolve::naming(error, ApiKind::Session, name);
            Ok(answer.map_err(naming)?.id().to_owned())
        }
    }
}
