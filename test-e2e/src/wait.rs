//! Waiting for an execution, by its stream: no polling, no sleeping.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use stigmer_api::agentexecution::{AgentExecution, AgentExecutionId, ExecutionPhase, MessageType};
use tonic::Streaming;

use crate::{Api, trail};

/// The longest that a test waits for an execution. Ten at once take 4 s on two idle cores, and
/// three whole runs may share these.
const LIMIT: Duration = Duration::from_secs(60);

/// The stream of an execution's states.
///
/// # Errors
/// The server's.
pub async fn follow(api: &Api, id: &str) -> Result<Streaming<AgentExecution>> {
    let id = AgentExecutionId {
        value: id.to_owned(),
    };
    Ok(api.execution_queries().subscribe(id).await?.into_inner())
}

/// Waits until the execution has ended, however it ends.
///
/// # Errors
/// When it takes longer than 60 s: with the state it was in.
pub async fn until_ended(api: &Api, id: &str) -> Result<AgentExecution> {
    until(api, id, |execution| execution.phase().is_terminal()).await
}

/// Waits until the execution is in `wanted`.
///
/// # Errors
/// When it ends in another phase, or takes longer than 60 s.
pub async fn until_phase(api: &Api, id: &str, wanted: ExecutionPhase) -> Result<AgentExecution> {
    let reached = |e: &AgentExecution| e.phase() == wanted || e.phase().is_terminal();
    let execution = until(api, id, reached).await?;
    if execution.phase() != wanted {
        let status = execution.status.as_ref();
        bail!(
            "expected {id} to be {}, it is {}\n{status:#?}",
            wanted.word(),
            state(&execution)
        );
    }
    Ok(execution)
}

/// The phase of an execution, and why it is in it, on one line.
fn state(execution: &AgentExecution) -> String {
    let phase = execution.phase().word();
    let status = execution.status.as_ref();
    let why = status.map(|status| match status.error.as_str() {
        "" => status.phase_reason.as_str(),
        error => error,
    });
    match why {
        None | Some("") => phase.to_owned(),
        Some(why) => format!(
            "{phase}: {}",
            why.split_whitespace().collect::<Vec<_>>().join(" ")
        ),
    }
}

/// Whether the agent has begun to answer.
pub fn is_answering(execution: &AgentExecution) -> bool {
    let messages = execution.status.iter().flat_map(|s| &s.messages);
    let last = messages.last();
    last.is_some_and(|m| m.r#type() == MessageType::MessageAi)
}

/// Waits for a state of the execution that is `reached`.
///
/// # Errors
/// When the execution ends without it, or it takes longer than 60 s: with the state it was in.
pub async fn until(
    api: &Api,
    id: &str,
    reached: impl Fn(&AgentExecution) -> bool,
) -> Result<AgentExecution> {
    let mut states = follow(api, id).await?;
    let mut last: Option<AgentExecution> = None;
    let waiting = async {
        while let Some(state) = states.message().await? {
            let there = reached(&state);
            trail::seen(id, state.phase().word());
            let state = last.insert(state);
            if there {
                return Ok(Some(state.clone()));
            }
        }
        Ok::<_, tonic::Status>(None)
    };
    match tokio::time::timeout(LIMIT, waiting).await {
        Ok(Ok(Some(reached))) => Ok(reached),
        Ok(Ok(None)) => {
            let is = last.as_ref().map_or("of unknown state".to_owned(), state);
            bail!("the stream of {id} ended before what was waited for; it is {is}\n{last:#?}")
        }
        Ok(Err(status)) => Err(status).with_context(|| format!("the stream of {id}")),
        Err(_) => {
            let is = last.as_ref().map_or("of unknown state".to_owned(), state);
            bail!(
                "{id} did not get where it was waited for within {LIMIT:?}; it is {is}\n{last:#?}"
            )
        }
    }
}
