//! A connection to an MCP server.

use std::time::Duration;

use rmcp::{
    Peer, RoleClient, ServiceError,
    model::{CallToolRequestParams, CallToolResponse, ClientConfig, Tool},
    service::RunningService,
};
use tokio::{sync::Mutex, time::timeout};

use crate::{
    causes::{chain, explain},
    env::Env,
    error::ToolsError,
    outcome,
    process::{LONGEST_END, Process},
    toolset::ToolOutcome,
};

/// A server that does not take its leave by then is left.
const LEAVE: Duration = Duration::from_secs(1);

/// Longest time that [`crate::Tools::close_all`] gives to servers that do not want to end; what the machine itself takes
/// for it comes on top.
pub const CLOSE_GRACE: Duration = LEAVE.saturating_add(LONGEST_END);

pub(crate) type Service = RunningService<RoleClient, ClientConfig>;

/// A connection; dropping it ends what was started for it.
pub(crate) struct Connection {
    name: String,
    peer: Peer<RoleClient>,
    service: Mutex<Option<Service>>,
    process: Option<Process>,
    limit: Duration,
}

/// What came of a call.
pub(crate) enum Called {
    Answered(ToolOutcome),
    /// The request never left, so it may be sent again.
    NotSent(String),
}

impl Connection {
    pub(crate) fn new(
        name: &str,
        service: Service,
        process: Option<Process>,
        limit: Duration,
    ) -> Self {
        Self {
            name: name.to_owned(),
            peer: service.peer().clone(),
            service: Mutex::new(Some(service)),
            process,
            limit,
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        let exited = self.process.as_ref().is_some_and(Process::has_exited);
        exited || self.peer.is_transport_closed()
    }

    /// All pages of its tools; none if it says that it has none.
    pub(crate) async fn tools(&self, limit: Duration, env: &Env) -> Result<Vec<Tool>, ToolsError> {
        let info = self.peer.peer_info();
        if info.is_some_and(|info| info.capabilities.tools.is_none()) {
            return Ok(Vec::new());
        }
        let why = match timeout(limit, self.peer.list_all_tools()).await {
            Ok(Ok(tools)) => return Ok(tools),
            Ok(Err(error)) => self.reason(&error, env).await,
            Err(_) => format!("no answer within {limit:?}"),
        };
        Err(ToolsError::transient(format!(
            "the MCP server {} did not list its tools: {why}",
            self.name
        )))
    }

    /// Asks once. Dropping the future tells the server that nobody waits any more.
    pub(crate) async fn call(&self, request: CallToolRequestParams, env: &Env) -> Called {
        let limit = self.limit;
        let answered = timeout(limit, self.peer.call_tool_once(request)).await;
        let failed = |text: String| Called::Answered(ToolOutcome::failed(text));
        match answered {
            Err(_) => failed(format!(
                "timed out after {limit:?}: the MCP server {} was told to stop the call",
                self.name
            )),
            Ok(Ok(CallToolResponse::Complete(result))) => Called::Answered(outcome::of(result)),
            Ok(Ok(_)) => failed(format!(
                "the MCP server {} answered with a question or a task, which this runner cannot follow",
                self.name
            )),
            Ok(Err(ServiceError::McpError(error))) => failed(format!(
                "the MCP server {} refused the call: {} ({})",
                self.name, error.message, error.code.0
            )),
            Ok(Err(error)) => {
                let why = self.reason(&error, env).await;
                if self.never_left(&error) {
                    Called::NotSent(why)
                } else {
                    failed(format!("the MCP server {} {why}", self.name))
                }
            }
        }
    }

    fn never_left(&self, error: &ServiceError) -> bool {
        let ServiceError::TransportSend(_) = error else {
            return false;
        };
        // What cannot be written to a pipe whole is not read as a message.
        self.process.is_some()
            || chain(error).any(|e| {
                e.downcast_ref::<reqwest::Error>()
                    .is_some_and(reqwest::Error::is_connect)
            })
    }

    async fn reason(&self, error: &ServiceError, env: &Env) -> String {
        let broken = matches!(
            error,
            ServiceError::TransportClosed | ServiceError::TransportSend(_)
        );
        if let (true, Some(process)) = (broken, &self.process) {
            let gone = process.soon_gone().await;
            let gone = gone.unwrap_or_else(|| "closed its stdout".to_owned());
            return format!("{gone}{}", process.stderr.told(env));
        }
        format!("did not answer: {}", explain(error))
    }

    /// Takes leave, then ends the process.
    pub(crate) async fn end(&self) {
        if let Some(mut service) = self.service.lock().await.take() {
            let _ = service.close_with_timeout(LEAVE).await; // its end comes now, whatever it says
        }
        if let Some(process) = &self.process {
            process.end().await;
        }
    }
}
