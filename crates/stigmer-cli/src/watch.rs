//! Follows an execution over `subscribe`.

use std::time::{Duration, Instant};

use anyhow::Result;
use stigmer_api::agentexecution::{AgentExecution, AgentExecutionId};
use tonic::Code;

use crate::{
    client::Client,
    failure::{Exit, Failure, exit_of},
    output::Output,
};

/// Pauses between attempts double from the first to the longest: quick when the server only
/// restarts, easy on it when it is overloaded.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Shows every state of the execution to `see` until it has ended, and returns the last one.
/// A stream that breaks is opened again, for as long as one waits for an answer; whoever sees has
/// to know what it has seen before. `known` says whether the server has told of the execution already.
pub(crate) async fn until_ended(
    client: &Client,
    output: Output,
    id: &str,
    known: bool,
    mut see: impl FnMut(&AgentExecution) -> Result<()>,
) -> Result<AgentExecution> {
    let mut sight = Sight::default();
    loop {
        sight.first = None;
        let lost = match once(client, id, &mut sight, &mut see).await {
            Ok(execution) => return Ok(execution),
            Err(Broken::For(error)) => return Err(error),
            Err(Broken::Stream(error)) => error,
        };
        let seen = known || sight.last.is_some();
        let held = sight
            .first
            .is_some_and(|first| first.elapsed() >= client.timeout());
        if held {
            // What broke is something new.
            sight.gap = None;
        }
        let (since, pause) = match sight.gap {
            Some(gap) => gap,
            None => {
                output.remark(match seen {
                    true => "the connection to the server broke, trying again",
                    false => "the server does not answer, trying again",
                })?;
                (Instant::now(), FIRST_PAUSE)
            }
        };
        if since.elapsed() >= client.timeout() {
            if !seen {
                return Err(lost);
            }
            let text = format!(
                "lost sight of {id}, which goes on without: {lost:#}\n\
                 see what became of it with `stigmer get execution {id}{}`",
                client.again()
            );
            return Err(Failure::with(exit_of(&lost), text));
        }
        // A pause between attempts, not a wait for something to happen.
        tokio::time::sleep(pause).await;
        sight.gap = Some((since, LONGEST_PAUSE.min(pause * 2)));
    }
}

/// What was seen, and how long there has been nothing new.
#[derive(Default)]
struct Sight {
    /// Since when, and the pause before the next attempt.
    gap: Option<(Instant, Duration)>,
    last: Option<AgentExecution>,
    /// When the stream that is open showed its first state.
    first: Option<Instant>,
}

enum Broken {
    /// Another attempt may help.
    Stream(anyhow::Error),
    For(anyhow::Error),
}

async fn once(
    client: &Client,
    id: &str,
    sight: &mut Sight,
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
    // The state at this point is there at once; only what comes later may take its time.
    let first = tokio::time::timeout(client.timeout(), stream.message()).await;
    let mut next = first.map_err(|_| Broken::Stream(client.too_late()))?;
    loop {
        match next {
            Ok(Some(execution)) => {
                // The same again is no sign that it goes on: a server may end each stream at once.
                if sight.last.as_ref() != Some(&execution) {
                    sight.gap = None;
                }
                sight.first.get_or_insert_with(Instant::now);
                see(&execution).map_err(Broken::For)?;
                if execution.phase().is_terminal() {
                    return Ok(execution);
                }
                sight.last = Some(execution);
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
        next = stream.message().await;
    }
}
