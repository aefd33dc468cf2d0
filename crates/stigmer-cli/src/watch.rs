//! Follows an execution over `subscribe`.

use std::time::Duration;

use anyhow::Result;
use stigmer_api::agentexecution::{AgentExecution, AgentExecutionId, ExecutionPhase};
use tonic::Code;

use crate::{
    client::Client,
    failure::{Exit, Failure, exit_of},
    output::Output,
};

/// With the pauses doubling from the first, about 6 s: a server that restarts is back by then.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The phase of an execution.
pub(crate) fn phase(execution: &AgentExecution) -> ExecutionPhase {
    execution
        .status
        .as_ref()
        .map_or(ExecutionPhase::Unspecified, |s| s.phase())
}

/// Shows every state of the execution to `see` until it has ended, and returns the last one.
/// A stream that breaks is opened again; whoever sees has to know what it has seen before.
pub(crate) async fn until_ended(
    client: &Client,
    output: Output,
    id: &str,
    mut see: impl FnMut(&AgentExecution) -> Result<()>,
) -> Result<AgentExecution> {
    let mut failures = 0;
    loop {
        let lost = match once(client, id, &mut failures, &mut see).await {
            Ok(execution) => return Ok(execution),
            Err(Broken::For(error)) => return Err(error),
            Err(Broken::Stream(error)) => error,
        };
        if failures == ATTEMPTS {
            let text = format!(
                "lost sight of {id}, which goes on without: {lost:#}\n\
                 see what became of it with `stigmer get execution {id}`"
            );
            return Err(Failure::with(exit_of(&lost), text));
        }
        if failures == 0 {
            output.remark("the connection to the server broke, trying again")?;
        }
        // A pause between attempts, not a wait for something to happen.
        tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(failures)).await;
        failures += 1;
    }
}

enum Broken {
    /// Another attempt may help.
    Stream(anyhow::Error),
    For(anyhow::Error),
}

async fn once(
    client: &Client,
    id: &str,
    failures: &mut u32,
    see: &mut impl FnMut(&AgentExecution) -> Result<()>,
) -> Result<AgentExecution, Broken> {
    let value = id.to_owned();
    let mut executions = client.executions();
    let subscription = executions.subscribe(AgentExecutionId { value });
    let mut stream = client
        .answer(subscription)
        .await
        .map_err(|error| match exit_of(&error) {
            Exit::Unreachable => Broken::Stream(error),
            _ => Broken::For(error),
        })?;
    loop {
        match stream.message().await {
            Ok(Some(execution)) => {
                *failures = 0;
                see(&execution).map_err(Broken::For)?;
                if phase(&execution).is_terminal() {
                    return Ok(execution);
                }
            }
            Ok(None) => {
                let text = "the server ended the stream before the execution";
                return Err(Broken::Stream(Failure::with(Exit::Unreachable, text)));
            }
            Err(status) => {
                let error = client.explain(&status);
                return Err(match status.code() {
                    Code::Unavailable
                    | Code::Unknown
                    | Code::Internal
                    | Code::Cancelled
                    | Code::Aborted
                    | Code::DataLoss => Broken::Stream(error),
                    _ => Broken::For(error),
                });
            }
        }
    }
}
