//! The tool calls of one turn, all at once.

use futures::{FutureExt, future::LocalBoxFuture};
use serde_json::{Map, Value};
use temporalio_sdk::{WorkflowCancellationToken, WorkflowContext, workflows};

use super::{
    agent_run::{self, AgentRun, Progress},
    options::{now, tool_call},
    stop::Stop,
    sub_agent::{self, SubAgentEnd},
};
use crate::{
    activities::{AgentActivities, ToolReply, ToolRequest},
    limits::{Repetition, repetition},
    offered_tools::OfferedTools,
    prepare::SUB_AGENT,
    transcript::{self, Call, CallState, SubAgentRun, Transcript, numbers, size_limit},
};

/// What is done about a call.
enum Decision {
    /// The model is told why it is not made.
    Refuse(String),
    Tool(Map<String, Value>),
    /// The task of the sub-agent.
    SubAgent(String),
}

/// What came of a call.
enum Done {
    Tool(Result<ToolReply, Stop>),
    SubAgent(Result<SubAgentEnd, Stop>),
}

/// Makes the calls of the last turn and notes their results.
pub(super) async fn execute_calls<W>(
    ctx: &WorkflowContext<W>,
    agent_run: &AgentRun,
    progress: &mut Progress,
    token: &WorkflowCancellationToken,
) -> Result<(), Stop> {
    // Histories from before have such calls made, and go on as they were.
    let refuses = || ctx.patched("refuse-numbers-beyond-64-bits");
    let decisions = decide(&agent_run.tools, &mut progress.transcript, &refuses)?;
    let refused = |d: &&Decision| matches!(d, Decision::Refuse(_));
    let more = decisions.len() - decisions.iter().filter(refused).count();
    let more = u32::try_from(more).unwrap_or(u32::MAX);
    if let Some(limit) = agent_run.limits.before_tool_calls(progress.used, more) {
        return Err(Stop::Limit(limit, agent_run.limits));
    }
    progress.used.tool_calls += more;
    begin(&mut progress.transcript, &decisions, &now(ctx));
    progress
        .transcript
        .fit(size_limit::MOST)
        .map_err(Stop::TooLarge)?;

    let is_sub_agent = |d: &&Decision| matches!(d, Decision::SubAgent(_));
    let among = decisions.iter().filter(is_sub_agent).count();
    let among = u32::try_from(among).unwrap_or(u32::MAX);
    let mut nth = 0..among;
    let turn = progress.transcript.turns.len();
    let calls = progress
        .transcript
        .turns
        .last()
        .map_or(&[][..], |t| &t.calls);
    let mut at = Vec::new();
    let mut doing: Vec<LocalBoxFuture<'_, Done>> = Vec::new();
    for (i, (call, decision)) in calls.iter().zip(decisions).enumerate() {
        let done = match decision {
            Decision::Refuse(_) => continue,
            Decision::Tool(arguments) => {
                let request = ToolRequest {
                    actor: agent_run.actor.clone(),
                    name: call.name.clone(),
                    arguments,
                    key: format!("{}/{turn}/{}", agent_run.key, call.id),
                };
                let called = ctx.execute_activity(
                    AgentActivities::call_tool,
                    request,
                    tool_call(Some(token)),
                );
                called
                    .map(|r| Done::Tool(r.map_err(Stop::from)))
                    .boxed_local()
            }
            Decision::SubAgent(task) => {
                let of = (nth.next().unwrap_or_default(), among);
                let task = sub_agent::Task::new(agent_run, progress.used, call, task, of);
                sub_agent::run(ctx, task, &call.id, token)
                    .map(Done::SubAgent)
                    .boxed_local()
            }
        };
        at.push(i);
        doing.push(done);
    }
    // Where nothing runs there is only the end to tell.
    let running = (!doing.is_empty()).then(|| progress.clone());
    let telling = async {
        let told = match running {
            Some(progress) => agent_run::report(ctx, agent_run, progress, token).await,
            None => Ok(()),
        };
        if told.is_err() {
            // The execution ended elsewhere: what runs is of no use to anybody.
            token.cancel();
        }
        told
    };
    let (told, done) = workflows::join!(telling, workflows::join_all(doing));
    let noted = note(agent_run, progress, at.into_iter().zip(done), &now(ctx));
    told.and(noted)
}

/// Decides on each call of the last turn, and notes where its tool comes from. A call with a number
/// that would go on as another one is made unless this one `refuses` it; only then is that asked.
fn decide(
    tools: &OfferedTools,
    transcript: &mut Transcript,
    refuses: &dyn Fn() -> bool,
) -> Result<Vec<Decision>, Stop> {
    for call in transcript
        .turns
        .last_mut()
        .into_iter()
        .flat_map(|t| &mut t.calls)
    {
        if let Some(component) = tools.component(&call.name) {
            call.component = component.clone();
        }
    }
    let count = transcript.turns.last().map_or(0, |t| t.calls.len());
    let before = transcript.calls().count() - count;
    let mut decisions = Vec::with_capacity(count);
    for i in 0..count {
        let call = &transcript.turns[transcript.turns.len() - 1].calls[i];
        let earlier: Vec<&Call> = transcript.calls().take(before + i).collect();
        let repeated = repetition(earlier.into_iter(), call);
        if repeated == Repetition::Endless {
            return Err(Stop::Circle(call.name.clone()));
        }
        let decision = match (
            tools.component(&call.name),
            transcript::arguments(&call.arguments),
        ) {
            (None, _) => {
                let names = tools.names();
                let names = match names.is_empty() {
                    true => "none".to_owned(),
                    false => names.join(", "),
                };
                Decision::Refuse(format!(
                    "there is no tool {:?}; there are: {names}",
                    call.name
                ))
            }
            (_, Err(why)) => Decision::Refuse(why),
            _ if repeated == Repetition::InARow => Decision::Refuse(
                "not called: the last two calls were the same, with the same arguments; use their \
                 results or call something else"
                    .to_owned(),
            ),
            _ if numbers::too_large(&call.arguments) && refuses() => {
                Decision::Refuse(numbers::NOT_CALLED.to_owned())
            }
            (Some(component), Ok(arguments)) if component.kind == SUB_AGENT => task(&arguments),
            (Some(_), Ok(arguments)) => Decision::Tool(arguments),
        };
        decisions.push(decision);
    }
    Ok(decisions)
}

fn task(arguments: &Map<String, Value>) -> Decision {
    match arguments.get("input") {
        Some(Value::String(task)) if !task.trim().is_empty() => Decision::SubAgent(task.clone()),
        _ => Decision::Refuse("the argument `input` must be a text: the agent's task".to_owned()),
    }
}

/// Notes that the calls run, or why not.
fn begin(transcript: &mut Transcript, decisions: &[Decision], at: &str) {
    let calls = transcript
        .turns
        .last_mut()
        .map_or(&mut [][..], |t| &mut t.calls);
    for (call, decision) in calls.iter_mut().zip(decisions) {
        at.clone_into(&mut call.started_at);
        call.state = CallState::Running;
        match decision {
            Decision::Refuse(why) => call.end(true, why.clone(), at.to_owned()),
            Decision::Tool(_) => {}
            Decision::SubAgent(task) => transcript.sub_agents.push(SubAgentRun {
                id: call.id.clone(),
                name: call.component.group.clone(),
                input: task.clone(),
                state: CallState::Running,
                started_at: at.to_owned(),
                ..SubAgentRun::default()
            }),
        }
    }
}

/// Notes the results; the first reason to stop is returned after all of them are noted.
fn note(
    agent_run: &AgentRun,
    progress: &mut Progress,
    done: impl Iterator<Item = (usize, Done)>,
    now: &str,
) -> Result<(), Stop> {
    let mut stop = Ok(());
    let mut warnings = Vec::new();
    for (i, done) in done {
        let Progress {
            transcript, used, ..
        } = &mut *progress;
        let Some(call) = transcript.turns.last_mut().and_then(|t| t.calls.get_mut(i)) else {
            continue;
        };
        let result = match done {
            Done::Tool(Ok(reply)) => {
                call.end(reply.outcome.failed, reply.outcome.text, reply.completed_at);
                Ok(())
            }
            Done::SubAgent(Ok(end)) => {
                *used = used.plus(end.used);
                end.warnings.iter().for_each(|w| warnings.push(w.clone()));
                let run = transcript.sub_agents.iter_mut().find(|s| s.id == call.id);
                sub_agent::note(call, run, end, &agent_run.limits, now)
            }
            Done::Tool(Err(stop)) | Done::SubAgent(Err(stop)) => Err(stop),
        };
        stop = stop.and(result);
    }
    warnings.into_iter().for_each(|w| progress.warn(w));
    stop
}

#[cfg(test)]
mod tests;
