//! What touches the world: loading an execution, asking the model, reporting.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use stigmer_api::{
    agent::Agent,
    agentexecution::{AgentExecution, AgentExecutionStatus, AgentMessage, MessageType},
};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

use crate::{
    backend::Backend,
    failure::{permanent, transient},
    model::{ChatMessage, Model, ModelError, Role},
};

/// Pieces of an answer that arrive faster than this reach the execution together.
const STREAM_INTERVAL: Duration = Duration::from_millis(50);
/// How often a running activity tells Temporal that it lives; cancellation is heard with the answer.
const HEARTBEAT: Duration = Duration::from_millis(200);

/// What an execution starts with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// The model to ask.
    pub(crate) model: String,
    /// Instructions, the session so far, and the new message.
    pub(crate) conversation: Vec<ChatMessage>,
    /// The execution's own messages so far.
    pub(crate) messages: Vec<AgentMessage>,
}

/// One question to the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ModelRequest {
    pub(crate) execution_id: String,
    pub(crate) model: String,
    pub(crate) conversation: Vec<ChatMessage>,
    /// The execution's messages, to which the growing answer is added for those who follow.
    pub(crate) messages: Vec<AgentMessage>,
}

/// A change of an execution's status.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) execution_id: String,
    pub(crate) status: AgentExecutionStatus,
}

/// The outside world of all executions of this runner.
pub(crate) struct AgentActivities {
    pub(crate) backend: Backend,
    pub(crate) llm: Model,
    /// Model of executions that name none.
    pub(crate) default_model: String,
}

#[activities]
impl AgentActivities {
    /// Loads what execution `id` needs to start.
    #[activity(name = "PrepareExecution")]
    pub(crate) async fn prepare(
        self: Arc<Self>,
        _ctx: ActivityContext,
        id: String,
    ) -> Result<Prepared, ActivityError> {
        let (execution, agent) = self.backend.load(&id).await?;
        let spec = execution.spec.clone().unwrap_or_default();
        let earlier = self.backend.earlier(&spec.session_id, &id).await?;
        let model = spec.execution_config.unwrap_or_default().model_name;
        Ok(Prepared {
            model: if model.is_empty() {
                self.default_model.clone()
            } else {
                model
            },
            conversation: conversation(&agent, &earlier, &spec.message)?,
            messages: execution.status.unwrap_or_default().messages,
        })
    }

    /// Asks the model; its answer streams into the execution and is returned whole.
    #[activity(name = "CallModel")]
    pub(crate) async fn call_model(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: ModelRequest,
    ) -> Result<String, ActivityError> {
        heartbeating(&ctx, self.stream_answer(request)).await
    }

    /// Changes the execution's status on the server.
    #[activity(name = "ReportStatus")]
    pub(crate) async fn report(
        self: Arc<Self>,
        _ctx: ActivityContext,
        report: Report,
    ) -> Result<(), ActivityError> {
        self.backend
            .report(&report.execution_id, report.status)
            .await
    }
}

impl AgentActivities {
    async fn stream_answer(&self, request: ModelRequest) -> Result<String, ActivityError> {
        let mut answer = self.llm.ask(&request.model, &request.conversation).await?;
        let mut shown: Option<Instant> = None;
        while answer.grow().await? {
            if shown.is_none_or(|at| at.elapsed() >= STREAM_INTERVAL) {
                let mut messages = request.messages.clone();
                let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
                messages.push(ai_message(answer.text(), now));
                let status = AgentExecutionStatus {
                    messages,
                    ..Default::default()
                };
                self.backend.report(&request.execution_id, status).await?;
                shown = Some(Instant::now());
            }
        }
        Ok(answer.text().to_owned())
    }
}

impl From<ModelError> for ActivityError {
    fn from(e: ModelError) -> Self {
        if e.retryable {
            transient(e.kind, e.why)
        } else {
            permanent(e.kind, e.why)
        }
    }
}

/// What the agent said, and when.
pub(crate) fn ai_message(text: &str, timestamp: String) -> AgentMessage {
    AgentMessage {
        r#type: MessageType::MessageAi.into(),
        content: text.to_owned(),
        timestamp,
        ..Default::default()
    }
}

/// What the model is told: who it is, what was said in the session, what is asked now.
fn conversation(
    agent: &Agent,
    earlier: &[AgentExecution],
    message: &str,
) -> Result<Vec<ChatMessage>, ActivityError> {
    let spec = agent.spec.clone().unwrap_or_default();
    for (what, there) in [
        ("mcp_servers", !spec.mcp_servers.is_empty()),
        ("skill_refs", !spec.skill_refs.is_empty()),
        ("sub_agents", !spec.sub_agents.is_empty()),
    ] {
        if there {
            let name = agent.metadata.as_ref().map_or("", |m| &m.name);
            let why = format!("agent {name} has {what}, which this runner cannot run");
            return Err(permanent("UnsupportedAgent", why));
        }
    }
    let mut conversation = vec![ChatMessage {
        role: Role::System,
        content: spec.instructions,
    }];
    let said = earlier
        .iter()
        .flat_map(|e| e.status.iter().flat_map(|s| &s.messages));
    conversation.extend(said.filter_map(|message| {
        let role = match message.r#type() {
            MessageType::MessageHuman => Role::User,
            MessageType::MessageAi => Role::Assistant,
            _ => return None,
        };
        Some(ChatMessage {
            role,
            content: message.content.clone(),
        })
    }));
    conversation.push(ChatMessage {
        role: Role::User,
        content: message.to_owned(),
    });
    Ok(conversation)
}

/// Runs `io` while telling Temporal that it lives, and drops it as soon as it is cancelled.
async fn heartbeating<T>(
    ctx: &ActivityContext,
    io: impl Future<Output = Result<T, ActivityError>>,
) -> Result<T, ActivityError> {
    let mut tick = tokio::time::interval(HEARTBEAT);
    let mut io = std::pin::pin!(io);
    loop {
        tokio::select! {
            result = &mut io => return result,
            _ = ctx.cancelled() => return Err(ActivityError::cancelled()),
            _ = tick.tick() => ctx.record_heartbeat(()).await?,
        }
    }
}
