//! Asking the model, its text shown as it comes.

use std::time::{Duration, Instant};

use agent_tools::Env;
use stigmer_api::agentexecution::AgentExecutionStatus;
use temporalio_sdk::activities::ActivityError;

use super::{AgentActivities, ModelReply, ModelRequest, now};
use crate::{
    conversation::conversation,
    failure::{self, permanent, transient, transient_after},
    loaded::Loaded,
    model::ModelError,
    status,
    talk::Asked,
};

/// Pieces of an answer that arrive faster than this reach the execution together.
const STREAM_INTERVAL: Duration = Duration::from_millis(50);
/// A server that did not take a piece gets no other for so long.
const SERVER_PAUSE: Duration = Duration::from_secs(1);

impl AgentActivities {
    pub(super) async fn stream_answer(
        &self,
        request: ModelRequest,
    ) -> Result<ModelReply, ActivityError> {
        let actor = &request.actor;
        let pins = Some(&actor.pins);
        let loaded = self
            .cache
            .get(&self.backend, &actor.execution_id, pins)
            .await?;
        let failed = |e| failure(e, &loaded.env);
        let system = loaded.system_prompt(actor.sub_agent.as_deref())?;
        let turns = &request.talk.turns;
        let messages = match &request.input {
            Some(task) => conversation(system, &[], false, task, turns),
            None => {
                let Loaded {
                    spec,
                    earlier,
                    more,
                    ..
                } = &*loaded;
                conversation(system, earlier, *more, &spec.message, turns)
            }
        };
        let tools: Vec<_> = request.tools.iter().map(|t| &t.spec).collect();
        let mut answer = self
            .llm
            .ask(&request.model, &messages, &tools)
            .await
            .map_err(failed)?;
        // A sub-agent's words are for the agent that asked it.
        let followed = actor.sub_agent.is_none();
        let (mut next, mut unshown) = (Instant::now(), false);
        loop {
            let pause = next.saturating_duration_since(Instant::now());
            let more = if unshown {
                // What is there is shown in time, also when the model says nothing more for long.
                tokio::time::timeout(pause, answer.grow()).await.ok()
            } else {
                Some(answer.grow().await)
            };
            match more.transpose().map_err(failed)? {
                Some(false) => break,
                Some(true) => unshown = followed,
                None => {}
            }
            if unshown && Instant::now() >= next {
                let taken = self.show(&loaded, &request, answer.text()).await?;
                next = Instant::now() + if taken { STREAM_INTERVAL } else { SERVER_PAUSE };
                unshown = false;
            }
        }
        let (text, calls) = answer.take();
        Ok(ModelReply {
            text: loaded.env.redact(&text),
            calls: calls
                .into_iter()
                .map(|call| redacted(call, &loaded.env))
                .collect(),
        })
    }

    /// Shows the answer so far, if the server takes it: the whole answer is reported in the end,
    /// and is not asked for again because a piece of it was not shown.
    async fn show(
        &self,
        loaded: &Loaded,
        request: &ModelRequest,
        text: &str,
    ) -> Result<bool, ActivityError> {
        let mut messages = status::messages(loaded.asked.clone(), &request.talk);
        messages.push(status::ai_message(&loaded.env.redact(text), now()));
        let status = AgentExecutionStatus {
            messages,
            ..Default::default()
        };
        match self.backend.report(&loaded.id, status).await {
            Ok(()) => Ok(true),
            Err(error) if failure::is_permanent(&error) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

fn redacted(call: Asked, env: &Env) -> Asked {
    Asked {
        id: call.id,
        name: env.redact(&call.name),
        arguments: env.redact(&call.arguments),
    }
}

fn failure(error: ModelError, env: &Env) -> ActivityError {
    let why = env.redact(&error.why);
    match (error.retryable, error.retry_after) {
        (false, _) => permanent(error.kind, why),
        (true, None) => transient(error.kind, why),
        (true, Some(wait)) => transient_after(error.kind, why, wait),
    }
}
