//! `stigmer cancel`.

use anyhow::Result;
use stigmer_api::{
    Kind,
    agentexecution::{AgentExecutionId, ExecutionPhase},
    secret::Secrets,
};

use crate::{
    app::App, cli::CancelArgs, client::Client, failure::Failure, resolve, understood::Understood,
    watch,
};

pub(crate) async fn run(app: &App, args: &CancelArgs) -> Result<()> {
    let client = Client::connect(&app.global).await?;
    let id = args.id.as_str();
    let value = id.to_owned();
    let mut commands = client.execution_commands();
    let mut execution = client
        .answer(commands.cancel(AgentExecutionId { value }))
        .await
        .map_err(|error| resolve::naming(error, Kind::AgentExecution, id))?;
    if !execution.phase().is_terminal() {
        let ended = watch::until_ended(&client, app.output, id, true, |_| Ok(()));
        let limit = client.timeout();
        execution = tokio::time::timeout(limit, ended).await.map_err(|_| {
            Failure::failed(format!(
                "{id} was asked to end and has not within {limit:?}; --timeout sets how long to wait"
            ))
        })??;
    }
    execution.understand();
    execution.redact();
    let phase = execution.phase();
    let text = format!("Execution {id}: {}\n", phase.word());
    app.output.result(&execution, &text)?;
    if phase == ExecutionPhase::ExecutionCancelled {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "execution {id} was not cancelled: it ended {} before",
        phase.word()
    )))
}
