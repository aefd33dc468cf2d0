//! Asking the model, its text shown as it comes.

use std::time::{Duration, Instant};

use agent_tools::{Env, ToolSpec};
use serde_json::Value;
use stigmer_api::{agentexecution::AgentExecutionStatus, time::now};
use temporalio_sdk::activities::ActivityError;

use super::{AgentActivities, ModelReply, ModelRequest, read_whole};
use crate::{
    context_fit::{self, Fitted, Question},
    execution_data::ExecutionData,
    failure::{self, permanent, transient, transient_after},
    model::error::ModelError,
    offered_tools::OfferedTools,
    prepare,
    session_history::SessionHistory,
    spans, status,
    transcript::{Ending, RequestedCall, Tokens, cut, size_limit},
};

/// Pieces of an answer that arrive faster than this reach the execution together, for each
/// [`STREAMED`] bytes of the transcript: all of it goes with each piece.
const STREAM_INTERVAL: Duration = Duration::from_millis(50);
const STREAMED: usize = 32 * 1024;
/// A server that did not take a piece gets no other for so long.
const SERVER_PAUSE: Duration = Duration::from_secs(1);

/// What an execution is warned of whose tools are not what they were at its start.
const OTHER_TOOLS: &str = "an MCP server has other tools than when the execution began: those that \
     are gone are not offered, new ones neither";

impl AgentActivities {
    pub(super) async fn stream_answer(
        &self,
        request: ModelRequest,
        workflow: &str,
    ) -> Result<ModelReply, ActivityError> {
        let actor = &request.actor;
        let pins = Some(&actor.pins);
        let data = self
            .cache
            .get(&self.backend, &actor.execution_id, pins)
            .await?;
        let agent = spans::of_agent(data.trace, &data.id, workflow);
        let mut span = spans::chat(agent, &request.model);
        self.llm.describe(&mut span);
        let traceparent = spans::traceparent(&span, agent);
        let reply = self.answer(&request, &data, traceparent).await;
        match &reply {
            Ok(reply) => {
                let Ending {
                    finish_reason,
                    model,
                    tokens,
                } = &reply.ending;
                span.text("gen_ai.response.model", model);
                span.one_of("gen_ai.response.finish_reasons", finish_reason);
                span.number("gen_ai.usage.input_tokens", tokens.input);
                span.number("gen_ai.usage.output_tokens", tokens.output);
            }
            Err(error) => span.fail(failure::kind(error)),
        }
        span.end();
        if reply.as_ref().is_err_and(failure::is_gone_here) {
            self.export_end(&data.id);
        }
        reply
    }

    async fn answer(
        &self,
        request: &ModelRequest,
        data: &ExecutionData,
        traceparent: Option<String>,
    ) -> Result<ModelReply, ActivityError> {
        let actor = &request.actor;
        let failed = |e| failure(e, &data.env);
        let sub_agent = actor.sub_agent.as_deref();
        let system = data.equipment(sub_agent)?.system_prompt.as_str();
        let mut other_tools = "";
        let tools: Vec<_> = match &request.tools {
            OfferedTools::Whole(tools) => tools.iter().map(|t| &t.spec).collect(),
            OfferedTools::Pinned(pin) => {
                let has = prepare::tools(&self.tools, data, sub_agent).await?;
                let (specs, same) = pin.specs(has);
                if !same {
                    other_tools = OTHER_TOOLS;
                    tracing::warn!(execution = actor.execution_id, sub_agent, "{OTHER_TOOLS}");
                }
                specs
            }
        };
        let nothing = SessionHistory::default();
        let (history, message) = match &request.input {
            Some(task) => (&nothing, task),
            None => (&data.memory, &data.spec.message),
        };
        let question = Question {
            system,
            history,
            message,
            transcript: &request.transcript,
            tools: tools.iter().map(size_limit::size).sum(),
        };
        let context = self.llm.context(&request.model).await;
        let Fitted {
            messages,
            most,
            cut: left_out,
        } = question
            .fit(context, self.llm.max_tokens())
            .map_err(|why| permanent("ModelContextTooSmall", data.env.redact(&why)))?;
        let sent = context_fit::sent(&messages) + question.tools;
        let asking = self
            .llm
            .ask(&request.model, &messages, &tools, most, traceparent);
        let begun = async {
            let answer = asking.await.map_err(failed)?;
            if context.is_none() {
                let context = self.llm.context_once_loaded(&request.model).await;
                read_whole::once_known(sent, context, self.llm.max_tokens())?;
            }
            Ok::<_, ActivityError>(answer)
        };
        let (mut answer, ()) = tokio::try_join!(begun, self.catch_up(data, request))?;
        // A sub-agent's words are for the agent that asked it.
        let followed = actor.sub_agent.is_none();
        let before = size_limit::size(&request.transcript);
        let (mut next, mut unshown, mut shown) = (Instant::now(), false, 0);
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
                unshown = false;
                let text = data.env.redact(answer.text());
                let text = data.hold_back.without(&text);
                if text.len() != shown {
                    shown = text.len();
                    let taken = self.show(data, request, text).await?;
                    let pause = if taken {
                        interval(before + shown)
                    } else {
                        SERVER_PAUSE
                    };
                    next = Instant::now() + pause;
                }
            }
        }
        let too_large = answer.too_large();
        let answer = answer.take();
        let tokens = answer.usage.unwrap_or_default();
        let turns = &request.transcript.turns;
        let counted = context_fit::counted(&messages, question.tools, turns, tokens.input);
        let now = self.llm.context_by_server(&request.model);
        read_whole::by_count(&counted, self.llm.max_tokens(), now).await?;
        // What is left out, and the tools, are told again with the next question, which follows a call that was cut.
        let last = answer.calls.last();
        let cut_call = last.and_then(|call| cut::of(&call.arguments));
        let cut_call = cut_call.map(cut::warning).unwrap_or_default();
        let warnings = [cut_call, left_out, other_tools.to_owned()];
        let reply = ModelReply {
            text: data.env.redact(&answer.text),
            calls: answer
                .calls
                .into_iter()
                .map(|call| redacted(call, &request.tools, &tools, &data.env))
                .collect(),
            ending: Ending {
                finish_reason: data.env.redact(&answer.finish_reason),
                model: data.env.redact(&answer.model),
                tokens: Tokens {
                    input: tokens.input,
                    output: tokens.output,
                },
            },
            warning: warnings
                .into_iter()
                .find(|it| !it.is_empty())
                .unwrap_or_default(),
        };
        match size_limit::size(&reply) > size_limit::MOST {
            true => Err(failed(too_large)),
            false => Ok(reply),
        }
    }

    /// Tells the server what it does not know yet, while the model begins to answer. Where the server does not take it now,
    /// the end is reported with all of it.
    async fn catch_up(
        &self,
        data: &ExecutionData,
        request: &ModelRequest,
    ) -> Result<(), ActivityError> {
        let Some(mut status) = request.unreported.clone() else {
            return Ok(());
        };
        status::fill(&mut status, data.question.clone(), &request.transcript);
        self.tell(data, status).await.map(drop)
    }

    /// Shows the answer so far, if the server takes it: the whole answer is reported in the end,
    /// and is not asked for again because a piece of it was not shown.
    async fn show(
        &self,
        data: &ExecutionData,
        request: &ModelRequest,
        text: &str,
    ) -> Result<bool, ActivityError> {
        let mut messages = status::messages(data.question.clone(), &request.transcript);
        messages.push(status::ai_message(text, now()));
        let status = AgentExecutionStatus {
            messages,
            ..Default::default()
        };
        self.tell(data, status).await
    }

    /// Whether the server took it. An error is that nobody waits for the execution any more.
    async fn tell(
        &self,
        data: &ExecutionData,
        status: AgentExecutionStatus,
    ) -> Result<bool, ActivityError> {
        taken(self.backend.report(&data.id, status).await)
    }
}

fn taken(reported: Result<(), ActivityError>) -> Result<bool, ActivityError> {
    match reported {
        Ok(()) => Ok(true),
        Err(error) if failure::is_permanent(&error) => Err(error),
        Err(_) => Ok(false),
    }
}

/// How long the answer to a transcript of so many bytes is gathered before it is shown.
fn interval(bytes: usize) -> Duration {
    let times = u32::try_from(bytes / STREAMED).unwrap_or(u32::MAX);
    STREAM_INTERVAL.saturating_mul(times.saturating_add(1))
}

/// A call without secrets. The name of one of the execution's `tools` stays, and so do the names that its spec has: the
/// model was told them, and by others nothing can be called.
fn redacted(
    call: RequestedCall,
    tools: &OfferedTools,
    specs: &[&ToolSpec],
    env: &Env,
) -> RequestedCall {
    let spec = specs.iter().find(|spec| spec.name == call.name);
    let schema = spec.map_or(&Value::Null, |spec| &spec.parameters);
    let arguments = env.redact_arguments(&call.arguments, schema);
    let name = match tools.component(&call.name) {
        Some(_) => call.name,
        None => env.redact(&call.name),
    };
    RequestedCall {
        id: call.id,
        name,
        arguments,
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

#[cfg(test)]
mod tests {
    use agent_tools::EnvVar;
    use serde_json::json;

    use super::*;
    use crate::{offered_tools::Tool, transcript::Component};

    #[test]
    fn a_server_that_is_away_for_a_moment_costs_no_answer() {
        assert_eq!(taken(Ok(())).ok(), Some(true));
        let away = transient("ServerAway", "no answer".to_owned());
        assert_eq!(taken(Err(away)).ok(), Some(false));
        let gone = permanent("Gone", "nobody waits".to_owned());
        assert!(taken(Err(gone)).is_err());
    }

    #[test]
    fn a_long_talk_is_shown_less_often() {
        for (kib, millis) in [(0, 50), (31, 50), (32, 100), (700, 1100)] {
            assert_eq!(interval(kib << 10), Duration::from_millis(millis), "{kib}");
        }
    }

    /// What goes on of a call, where a tool `get_neo4j_schema` was offered.
    fn goes_on(secret: &str, name: &str, arguments: &str) -> (String, String) {
        let secret = EnvVar {
            value: secret.to_owned(),
            is_secret: true,
        };
        let env: Env = [("K".to_owned(), secret)].into_iter().collect();
        let tool = Tool {
            spec: ToolSpec {
                name: "get_neo4j_schema".to_owned(),
                description: String::new(),
                parameters: json!({"properties": {"neo4j_db": {"type": "string"}}}),
                server: None,
            },
            component: Component {
                kind: "mcp".to_owned(),
                group: "a".to_owned(),
            },
        };
        let call = RequestedCall {
            id: String::new(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        };
        let tools = [tool];
        let offered = OfferedTools::pin(&tools);
        let call = redacted(call, &offered, &[&tools[0].spec], &env);
        (call.name, call.arguments)
    }

    #[test]
    fn a_secret_that_a_model_writes_into_a_call_goes_no_further() {
        let (name, arguments) = goes_on(
            "k3y-k3y-k3y",
            "use_k3y-k3y-k3y",
            r#"{"key":"k3y-k3y-k3y","k3y-k3y-k3y":[{"a":"b k3y-k3y-k3y"}]}"#,
        );
        assert_eq!(name, "use_[redacted]");
        assert_eq!(
            arguments,
            r#"{"key":"[redacted]","[redacted]":[{"a":"b [redacted]"}]}"#
        );
        // An answer that was cut has half a call.
        let (_, arguments) = goes_on("k3y-k3y-k3y", "", r#"{"key":"k3y-k3y-k3y"#);
        assert_eq!(arguments, r#"{"key":"[redacted]"#);
    }

    #[test]
    fn a_secret_that_is_a_common_word_leaves_a_call_that_can_be_made() {
        let tool = "get_neo4j_schema";
        assert_eq!(
            goes_on("neo4j", tool, r#"{"neo4j_db":"neo4j"}"#),
            (tool.to_owned(), r#"{"neo4j_db":"[redacted]"}"#.to_owned())
        );
        assert_eq!(
            goes_on("48151623", tool, r#"{"n": 48151623}"#),
            (tool.to_owned(), r#"{"n": "[redacted]"}"#.to_owned())
        );
    }
}
