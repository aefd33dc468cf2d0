//! What touches the world: loading an execution, asking the model, calling tools, reporting.

mod ends;
mod heartbeat;
pub(crate) mod panics;
mod payloads;
mod read_whole;
mod stream;

use std::sync::Arc;

use agent_tools::{IDEMPOTENCY_KEY, Tools};
use stigmer_api::{
    agentexecution::{AgentExecutionStatus, ExecutionPhase},
    time,
    trace::TRACEPARENT,
};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    backend::Backend,
    config::OwnLimits,
    execution_data::{cache::Cache, question},
    failure,
    limits::Limits,
    model::Model,
    offered_tools::OfferedTools,
    pins::Actor,
    prepare::{self, Prepared},
    spans, status,
};
use heartbeat::heartbeating;
pub(crate) use payloads::{ModelReply, ModelRequest, Report, ToolReply, ToolRequest};

/// The outside world of all executions of this runner.
pub(crate) struct AgentActivities {
    pub(crate) backend: Backend,
    pub(crate) llm: Model,
    pub(crate) tools: Tools,
    pub(crate) cache: Arc<Cache>,
    /// Model of executions that name none.
    pub(crate) default_model: String,
    pub(crate) own: OwnLimits,
    /// Held by what exports the end of an execution, so that the process waits for it.
    pub(crate) exports: mpsc::Sender<()>,
}

#[activities]
impl AgentActivities {
    /// Loads what execution `id` needs to start, starts its MCP servers within the time that it
    /// has, and says that it is under way.
    #[activity(name = "PrepareExecution")]
    pub(crate) async fn prepare(
        self: Arc<Self>,
        ctx: ActivityContext,
        id: String,
    ) -> Result<Prepared, ActivityError> {
        let began = Instant::now();
        let info = ctx.info();
        let queue_time = prepare::queue_time(info.scheduled_time, info.started_time);
        heartbeating(&ctx, &self.cache, &id, async {
            let data = self.cache.get(&self.backend, &id, None).await?;
            prepare::check(&data)?;
            let config = data.spec.execution_config.clone().unwrap_or_default();
            let OwnLimits {
                model_calls,
                tool_calls,
                seconds,
                turns_per_run,
            } = self.own;
            let limits = Limits::of(&config, model_calls, tool_calls, seconds);
            // The workflow learns of the limit when this has ended, which may be too late.
            let elapsed = queue_time.saturating_add(began.elapsed());
            let tools = prepare::tools(&self.tools, &data, None);
            let tools = prepare::in_time(&limits, elapsed, tools).await?;
            let warnings = data.equipment(None)?.warnings();
            let status = AgentExecutionStatus {
                phase: ExecutionPhase::ExecutionInProgress.into(),
                // The same in each attempt.
                started_at: info.scheduled_time.map(time::of).unwrap_or_default(),
                warnings: warnings.clone(),
                ..Default::default()
            };
            self.backend.report(&id, status).await?;
            let pins = data.pins();
            Ok(Prepared {
                limits,
                model: match config.model_name.is_empty() {
                    true => self.default_model.clone(),
                    false => config.model_name,
                },
                tools: OfferedTools::pin(tools),
                turns_per_run,
                opened: prepare::opens(&data.agent, &pins),
                pins,
                warnings,
                merged_reports: true,
            })
        })
        .await
    }

    /// The tools of a sub-agent, whose MCP servers are started.
    #[activity(name = "PrepareSubAgent")]
    pub(crate) async fn prepare_sub_agent(
        self: Arc<Self>,
        ctx: ActivityContext,
        actor: Actor,
    ) -> Result<OfferedTools, ActivityError> {
        heartbeating(&ctx, &self.cache, &actor.execution_id, async {
            let pins = Some(&actor.pins);
            let data = self
                .cache
                .get(&self.backend, &actor.execution_id, pins)
                .await?;
            let tools = prepare::tools(&self.tools, &data, actor.sub_agent.as_deref()).await?;
            Ok(OfferedTools::pin(tools))
        })
        .await
    }

    /// Asks the model; its text streams into the execution and the answer is returned whole.
    #[activity(name = "CallModel")]
    pub(crate) async fn call_model(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: ModelRequest,
    ) -> Result<ModelReply, ActivityError> {
        let workflow = ctx.info().workflow_id.as_deref();
        let id = request.actor.execution_id.clone();
        let answer = self.stream_answer(request, workflow.unwrap_or_default());
        heartbeating(&ctx, &self.cache, &id, answer).await
    }

    /// Calls a tool. What goes wrong in it is for the model to know.
    #[activity(name = "CallTool")]
    pub(crate) async fn call_tool(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: ToolRequest,
    ) -> Result<ToolReply, ActivityError> {
        let workflow = ctx.info().workflow_id.as_deref().unwrap_or_default();
        let id = request.actor.execution_id.clone();
        heartbeating(&ctx, &self.cache, &id, async {
            let ToolRequest {
                actor,
                name,
                arguments,
                key,
            } = request;
            let pins = Some(&actor.pins);
            let data = self
                .cache
                .get(&self.backend, &actor.execution_id, pins)
                .await?;
            let kit = &data.equipment(actor.sub_agent.as_deref())?.kit;
            let agent = spans::of_agent(data.trace, &data.id, workflow);
            let call = key.rsplit('/').next().unwrap_or_default();
            let mut span = spans::tool(agent, &name, call);
            let traceparent = spans::traceparent(&span, agent);
            let traceparent = traceparent.as_deref().map(|it| (TRACEPARENT, it));
            let meta: Vec<_> = [(IDEMPOTENCY_KEY, key.as_str())]
                .into_iter()
                .chain(traceparent)
                .collect();
            let called = self.tools.call(kit, &name, arguments, &meta).await;
            let called = called.map_err(|e| prepare::tools_failure(&e, &kit.env));
            match &called {
                Ok(outcome) if outcome.failed => span.fail("tool_error"),
                Ok(_) => {}
                Err(error) => span.fail(failure::kind(error)),
            }
            span.end();
            Ok(ToolReply {
                outcome: called?,
                completed_at: time::now(),
            })
        })
        .await
    }

    /// Changes the execution's status on the server.
    #[activity(name = "ReportStatus")]
    pub(crate) async fn report(
        self: Arc<Self>,
        ctx: ActivityContext,
        report: Report,
    ) -> Result<(), ActivityError> {
        let Report {
            execution_id: id,
            mut status,
            transcript,
            close_tools,
        } = report;
        heartbeating(&ctx, &self.cache, &id, async {
            if close_tools {
                self.tools.close(&id).await;
            }
            if let Some(transcript) = transcript {
                let question = match self.cache.find(&id) {
                    Some(data) => data.question.clone(),
                    None => question(&self.backend.execution(&id).await?),
                };
                status::fill(&mut status, question, &transcript);
            }
            let ended = !status.completed_at.is_empty();
            let reported = self.backend.report(&id, status).await;
            let gone = reported.as_ref().is_err_and(failure::is_gone_here);
            if gone || ended && reported.is_ok() {
                self.export_end(&id);
                self.cache.forget(&id);
            }
            reported
        })
        .await
    }

    /// Ends the execution's MCP servers and removes its files.
    #[activity(name = "CloseTools")]
    pub(crate) async fn close_tools(
        self: Arc<Self>,
        _ctx: ActivityContext,
        id: String,
    ) -> Result<(), ActivityError> {
        self.tools.close(&id).await;
        self.cache.forget(&id);
        Ok(())
    }
}
