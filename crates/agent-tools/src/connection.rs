//! A connection to an MCP server.

use std::time::Duration;

use rmcp::{
    Peer, RoleClient, ServiceError,
    model::{
        CallToolRequest, CallToolRequestParams, ClientRequest, ErrorCode, ListToolsRequest,
        PaginatedRequestParams,
    },
    service::RunningService,
};
use tokio::{sync::Mutex, time::timeout};

use crate::{
    causes::{answered, chain, explain},
    client::Client,
    env::Env,
    error::ToolsError,
    limits::Limits,
    listing::Listing,
    outcome,
    process::{LONGEST_END, Process},
    request::{self, Unanswered},
    toolset::ToolOutcome,
    wire::{self, UNREADABLE},
};

/// A server that does not take its leave by then is left.
const LEAVE: Duration = Duration::from_secs(1);

/// Longest time that [`crate::Tools::close_all`] gives to servers that do not want to end; what the machine itself takes
/// for it comes on top.
pub const CLOSE_GRACE: Duration = LEAVE.saturating_add(LONGEST_END);

pub(crate) type Service = RunningService<RoleClient, Client>;

/// A connection; dropping it ends what was started for it.
pub(crate) struct Connection {
    name: String,
    peer: Peer<RoleClient>,
    client: Client,
    service: Mutex<Option<Service>>,
    process: Option<Process>,
    limits: Limits,
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
        limits: Limits,
    ) -> Self {
        Self {
            name: name.to_owned(),
            peer: service.peer().clone(),
            client: service.service().clone(),
            service: Mutex::new(Some(service)),
            process,
            limits,
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        let exited = self.process.as_ref().is_some_and(Process::has_exited);
        exited || self.peer.is_transport_closed()
    }

    /// All pages of its tools; none if it knows no tools.
    pub(crate) async fn tools(&self, env: &Env) -> Result<Listing, ToolsError> {
        let limit = self.limits.start;
        let (name, late) = (&self.name, too_late("start_timeout_seconds", START));
        match timeout(limit, self.pages(env)).await {
            Ok(listed) => listed,
            Err(_) => Err(ToolsError::permanent(format!(
                "the MCP server {name} did not list its tools within {limit:?}: {late}"
            ))),
        }
    }

    async fn pages(&self, env: &Env) -> Result<Listing, ToolsError> {
        let mut listing = Listing::default();
        let mut cursor = None;
        loop {
            let params = PaginatedRequestParams::default().with_cursor(cursor);
            let asked = ListToolsRequest {
                method: Default::default(),
                params: Some(params),
                extensions: Default::default(),
            };
            // Time is bounded for all pages together.
            let asked =
                request::unbounded(&self.peer, ClientRequest::ListToolsRequest(asked)).await;
            let page = match asked {
                Ok(page) => page,
                Err(ServiceError::McpError(e)) if e.code == ErrorCode::METHOD_NOT_FOUND => {
                    return Ok(listing);
                }
                Err(error) => {
                    let why = self.reason(&error, env).await;
                    return Err(ToolsError::transient(format!(
                        "the MCP server {} did not list its tools: {why}",
                        self.name
                    )));
                }
            };
            cursor = listing.add(&page).map_err(|why| {
                let why = env.redact(&why);
                ToolsError::permanent(format!("the MCP server {} {why}", self.name))
            })?;
            if cursor.is_none() {
                return Ok(listing);
            }
        }
    }

    /// Asks once. Dropping the future tells the server that nobody waits any more.
    pub(crate) async fn call(&self, params: CallToolRequestParams, env: &Env) -> Called {
        let asked = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let Limits {
            call, whole_call, ..
        } = self.limits;
        let name = &self.name;
        let failed = |text: String| Called::Answered(ToolOutcome::failed(text));
        match request::bounded(&self.peer, &self.client, asked, call, whole_call).await {
            Ok(result) => Called::Answered(outcome::of(&result)),
            Err(Unanswered::Silent) => failed(format!(
                "timed out after {call:?} without a word: the MCP server {name} was told to stop the call; {}",
                too_late("timeout_seconds", CALL)
            )),
            Err(Unanswered::TooLong) => failed(format!(
                "timed out after {whole_call:?}: the MCP server {name} was told to stop the call; {}",
                too_late("max_call_seconds", WHOLE_CALL)
            )),
            Err(Unanswered::Failed(ServiceError::McpError(error))) if error.code == UNREADABLE => {
                Called::Answered(outcome::unreadable(&error.message))
            }
            Err(Unanswered::Failed(ServiceError::McpError(error))) => failed(format!(
                "the MCP server {name} refused the call: {}",
                wire::words(&error)
            )),
            Err(Unanswered::Failed(error)) => {
                let why = self.reason(&error, env).await;
                if self.never_left(&error) {
                    Called::NotSent(why)
                } else {
                    failed(format!("the MCP server {name} {why}"))
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
            return format!("{gone}{}", process.stderr.last_lines(env));
        }
        let words = match error {
            ServiceError::McpError(error) => wire::words(error),
            other if answered(other) => format!("answered {}", explain(other)),
            other => format!("did not answer: {}", explain(other)),
        };
        env.excerpt(&words)
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

/// The settings of the runner by which servers get more time.
pub(crate) const START: &str = "STIGMER_MCP_START_SECONDS";
const CALL: &str = "STIGMER_MCP_CALL_SECONDS";
const WHOLE_CALL: &str = "STIGMER_MCP_CALL_MAX_SECONDS";

/// How whoever wrote the definition, or runs the runner, gives a server more time.
pub(crate) fn too_late(field: &str, variable: &str) -> String {
    format!("its definition gives it more time by {field}, the runner by {variable}")
}
