//! Waiting for an execution, by its stream: no polling, no sleeping.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use stigmer_api::agentexecution::{AgentExecution, AgentExecutionId, ExecutionPhase, MessageType};
use tonic::Streaming;

use crate::{Api, trail};

/// How long an execution may stand still before a test gives it up. On two idle cores each changes within 3 s; with three
/// whole runs and a build on them some took more than 60 s from their start to their end, but none of their steps did.
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
/// When it stands still for 60 s: with the state it was in.
pub async fn until_ended(api: &Api, id: &str) -> Result<AgentExecution> {
    until(api, id, |execution| execution.phase().is_terminal()).await
}

/// Waits until the execution is in `wanted`.
///
/// # Errors
/// When it ends in another phase, or stands still for 60 s.
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
/// When the execution ends without it, or stands still for 60 s: with the state it was in.
pub async fn until(
    api: &Api,
    id: &str,
    reached: impl Fn(&AgentExecution) -> bool,
) -> Result<AgentExecution> {
    let mut states = follow(api, id).await?;
    let mut last: Option<AgentExecution> = None;
    loop {
        let next = tokio::time::timeout(LIMIT, states.message()).await;
        let is = || last.as_ref().map_or("of unknown state".to_owned(), state);
        match next {
            Ok(Ok(Some(next))) => {
                trail::seen(id, next.phase().word());
                if reached(&next) {
                    return Ok(next);
                }
                last = Some(next);
            }
            Ok(Ok(None)) => bail!(
                "the stream of {id} ended before what was waited for; it is {}\n{last:#?}",
                is()
            ),
            Ok(Err(status)) => return Err(status).with_context(|| format!("the stream of {id}")),
            Err(_) => bail!(
                "{id} stood still for {LIMIT:?} before what was waited for; it is {}\n{last:#?}",
                is()
            ),
        }
    }
}
