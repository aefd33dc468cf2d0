//! `stigmer logs`.

use anyhow::Result;
use serde_json::json;
use stigmer_api::{
    Kind,
    agentexecution::{AgentExecution, AgentExecutionId},
    resource::Resource,
};

use crate::{
    app::App,
    cli::LogsArgs,
    client::Client,
    commands::run,
    follow::{self, Follower},
    resolve,
    understood::Understood,
};

pub(crate) async fn run(app: &App, args: &LogsArgs) -> Result<()> {
    let client = Client::connect(&app.global).await?;
    let id = args.id.as_str();
    if args.follow {
        let execution = run::follow(app, &client, id, false)
            .await
            .map_err(|error| resolve::naming(error, Kind::AgentExecution, id))?;
        app.output.document(&document(&execution))?;
        return run::ended_well(&execution);
    }
    let value = id.to_owned();
    let mut executions = client.executions();
    let execution = client
        .answer(executions.get(AgentExecutionId { value }))
        .await
        .map_err(|error| resolve::naming(error, Kind::AgentExecution, id))?;
    let mut follower = Follower::default();
    let mut text = follower.step(&execution) + &follower.close();
    if execution.phase().is_terminal() {
        text.push_str(&follow::summary(&execution));
    }
    app.output.either(&document(&execution), &text)
}

fn document(execution: &AgentExecution) -> serde_json::Value {
    let mut execution = execution.clone();
    execution.understand();
    let status = execution.status.clone().unwrap_or_default();
    json!({
        "id": execution.id(),
        "phase": execution.phase().as_str_name(),
        "messages": status.messages,
        "toolCalls": status.tool_calls,
        "subAgentExecutions": status.sub_agent_executions,
        "error": status.error,
        "usage": status.usage,
        "warnings": status.warnings,
    })
}
