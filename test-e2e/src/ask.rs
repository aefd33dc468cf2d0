//! Telling an agent something, and looking at what came of it.

use anyhow::{Context, Result, bail, ensure};
use stigmer_api::{
    agent::Agent,
    agentexecution::{
        AgentExecution, AgentExecutionStatus, ExecutionConfig, ExecutionPhase, MessageType,
        ToolCall,
    },
    executioncontext::ExecutionValue,
    resource::Resource,
};

use crate::{Api, execution, trail, until_ended, until_phase};

/// A message to an agent.
#[derive(Clone, Debug)]
pub struct Ask(AgentExecution);

impl Ask {
    /// Tells `agent` `message`; `model` answers.
    pub fn new(agent: &Agent, model: &str, message: &str) -> Self {
        let mut ask = Self(execution(agent.id(), message));
        ask.config().model_name = model.to_owned();
        ask
    }

    /// In the session `id`.
    pub fn in_session(mut self, id: &str) -> Self {
        let spec = self.0.spec.get_or_insert_default();
        spec.session_id = id.to_owned();
        self
    }

    /// With a variable of its own.
    pub fn env(mut self, name: &str, value: &str, is_secret: bool) -> Self {
        if is_secret {
            trail::secret(value);
        }
        let value = ExecutionValue {
            value: value.to_owned(),
            is_secret,
        };
        let spec = self.0.spec.get_or_insert_default();
        spec.runtime_env.insert(name.to_owned(), value);
        self
    }

    /// With limits of its own.
    pub fn limits(mut self, set: impl FnOnce(&mut ExecutionConfig)) -> Self {
        set(self.config());
        self
    }

    fn config(&mut self) -> &mut ExecutionConfig {
        let spec = self.0.spec.get_or_insert_default();
        spec.execution_config.get_or_insert_default()
    }

    /// Creates the execution; its id.
    ///
    /// # Errors
    /// The server's.
    pub async fn start(self, api: &Api) -> Result<String> {
        Ok(api.create(self.0).await?.id().to_owned())
    }

    /// Waits until it has ended, however it ends.
    ///
    /// # Errors
    /// The server's; when it takes too long.
    pub async fn ended(self, api: &Api) -> Result<Done> {
        let id = self.start(api).await?;
        Ok(Done(until_ended(api, &id).await?))
    }

    /// Waits until it is COMPLETED.
    ///
    /// # Errors
    /// When it ends otherwise, or takes too long.
    pub async fn completed(self, api: &Api) -> Result<Done> {
        let id = self.start(api).await?;
        let phase = ExecutionPhase::ExecutionCompleted;
        Ok(Done(until_phase(api, &id, phase).await?))
    }

    /// Waits until it is FAILED; why.
    ///
    /// # Errors
    /// When it ends otherwise, or takes too long.
    pub async fn failed(self, api: &Api) -> Result<String> {
        let id = self.start(api).await?;
        let phase = ExecutionPhase::ExecutionFailed;
        let failed = until_phase(api, &id, phase).await?;
        Ok(failed.status.unwrap_or_default().error)
    }
}

/// An execution that has ended.
#[derive(Clone, Debug)]
pub struct Done(pub AgentExecution);

impl Done {
    /// Its id.
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// The session that it belongs to.
    pub fn session(&self) -> &str {
        self.0.spec.as_ref().map_or("", |spec| &spec.session_id)
    }

    /// What became of it.
    ///
    /// # Errors
    /// When the server told none.
    pub fn status(&self) -> Result<&AgentExecutionStatus> {
        self.0.status.as_ref().context("no status")
    }

    /// The agent's last words.
    ///
    /// # Errors
    /// When the last word is not the agent's.
    pub fn answer(&self) -> Result<&str> {
        let messages = &self.status()?.messages;
        let last = messages.last().context("no messages")?;
        let who = last.r#type();
        ensure!(
            who == MessageType::MessageAi,
            "expected the last word to be the agent's, it is {who:?} {:?}\n{messages:#?}",
            last.content
        );
        Ok(&last.content)
    }

    /// Who spoke, in order.
    ///
    /// # Errors
    /// When the server told no status.
    pub fn speakers(&self) -> Result<Vec<MessageType>> {
        Ok(self.status()?.messages.iter().map(|m| m.r#type()).collect())
    }

    /// The tools that were called, in order.
    ///
    /// # Errors
    /// When the server told no status.
    pub fn tools(&self) -> Result<&[ToolCall]> {
        Ok(&self.status()?.tool_calls)
    }

    /// The only tool that was called.
    ///
    /// # Errors
    /// When none was, or several.
    pub fn tool(&self) -> Result<&ToolCall> {
        match self.tools()? {
            [tool] => Ok(tool),
            tools => {
                let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
                bail!("expected one tool to be called, the status has {names:?}\n{tools:#?}")
            }
        }
    }
}
