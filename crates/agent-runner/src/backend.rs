//! The server, as the runner uses it: executions. [`read`] has what they need to run.

#[cfg(test)]
#[expect(clippy::unwrap_used)]
pub(crate) mod fake;
mod read;
#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;

use std::time::Duration;

use anyhow::Context;
use stigmer_api::{
    MAX_MESSAGE,
    agentexecution::{
        AgentExecution, AgentExecutionId, AgentExecutionStatus, AgentExecutionUpdateStatusInput,
        ExecutionPhase, ListAgentExecutionsBySessionRequest,
        agent_execution_command_controller_client::AgentExecutionCommandControllerClient,
        agent_execution_query_controller_client::AgentExecutionQueryControllerClient,
    },
};
use temporalio_sdk::activities::ActivityError;
use tonic::{
    Code, Status,
    metadata::AsciiMetadataValue,
    transport::{Channel, ClientTlsConfig, Endpoint, Uri},
};

use crate::failure::{GONE, permanent, transient};

/// One call to the server; it answers in milliseconds when it answers at all.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection to the server, made with the first call; cheap to clone.
#[derive(Clone)]
pub(crate) struct Backend {
    channel: Channel,
    address: String,
    /// What shows that we may be told secrets.
    authorization: Option<AsciiMetadataValue>,
}

/// Whether the port can be called, where there is one. What is no number stands in the authority alone.
fn is_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    match uri.port_u16() {
        Some(port) => port != 0,
        None => Some(authority) == uri.host(),
    }
}

impl Backend {
    pub(crate) fn new(address: &str, key: Option<&str>) -> anyhow::Result<Self> {
        // Not repeated: a password may stand in it.
        anyhow::ensure!(
            !address.contains(['@', '?', '#']),
            "STIGMER_BACKEND_ENDPOINT has a user or a query in it, which no server has use for: it takes http://HOST:PORT"
        );
        let wrong = || {
            format!(
                "STIGMER_BACKEND_ENDPOINT `{address}` is no URL of a server: it takes http://HOST:PORT"
            )
        };
        let url = match address.contains("://") {
            true => address.to_owned(),
            false => format!("http://{address}"),
        };
        let mut endpoint = Endpoint::from_shared(url.clone()).with_context(wrong)?;
        let is_one = matches!(endpoint.uri().scheme_str(), Some("http" | "https"))
            && endpoint.uri().host().is_some_and(|host| !host.is_empty())
            && is_port(endpoint.uri());
        anyhow::ensure!(is_one, wrong());
        if url.starts_with("https://") {
            let tls = ClientTlsConfig::new().with_native_roots();
            endpoint = endpoint.tls_config(tls).with_context(wrong)?;
        }
        let authorization = key.filter(|k| !k.is_empty()).map(|key| {
            let mut value = AsciiMetadataValue::try_from(format!("Bearer {key}"))
                .ok()
                .context("STIGMER_RUNNER_KEY has characters that no header can carry")?;
            value.set_sensitive(true);
            anyhow::Ok(value)
        });
        let channel = endpoint
            .connect_timeout(CALL_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .connect_lazy();
        Ok(Self {
            channel,
            address: address.to_owned(),
            authorization: authorization.transpose()?,
        })
    }

    fn commands(&self) -> AgentExecutionCommandControllerClient<Channel> {
        AgentExecutionCommandControllerClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE)
    }

    fn queries(&self) -> AgentExecutionQueryControllerClient<Channel> {
        AgentExecutionQueryControllerClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE)
    }

    pub(crate) async fn execution(&self, id: &str) -> Result<AgentExecution, ActivityError> {
        let value = id.to_owned();
        let execution = self.queries().get(AgentExecutionId { value }).await;
        Ok(execution.map_err(|s| self.gone(&s))?.into_inner())
    }

    /// A page of a session's executions, the newest first, and the token of the next page, which is
    /// empty on the last one.
    pub(crate) async fn session_page(
        &self,
        session: &str,
        page_token: String,
    ) -> Result<(Vec<AgentExecution>, String), ActivityError> {
        let request = ListAgentExecutionsBySessionRequest {
            session_id: session.to_owned(),
            page_size: 0,
            page_token,
        };
        let page = match self.queries().list_by_session(request).await {
            // A server that lists nothing has nothing to be reminded of.
            Err(status) if status.code() == Code::Unimplemented => return Ok(Default::default()),
            page => page,
        };
        let missing = |s| self.missing(&s, "SessionMissing", "session", session);
        let page = page.map_err(missing)?.into_inner();
        Ok((page.entries, page.next_page_token))
    }

    /// Merges `status` into the execution's. An end by cancellation is not told of one that has
    /// ended: that may be why it was cancelled, and not every server keeps the first end.
    pub(crate) async fn report(
        &self,
        execution_id: &str,
        status: AgentExecutionStatus,
    ) -> Result<(), ActivityError> {
        let cancelled = status.phase() == ExecutionPhase::ExecutionCancelled;
        if cancelled && self.ended(execution_id).await? {
            return Err(permanent(GONE, "it has ended"));
        }
        let input = AgentExecutionUpdateStatusInput {
            execution_id: execution_id.to_owned(),
            status: Some(status),
        };
        let mut request = tonic::Request::new(input);
        // A server with a key takes no other's report.
        if let Some(authorization) = &self.authorization {
            let name = "authorization";
            request.metadata_mut().insert(name, authorization.clone());
        }
        let reported = self.commands().update_status(request).await;
        reported.map(drop).map_err(|s| self.gone(&s))
    }

    /// Whether nothing more is done for an execution.
    pub(crate) async fn ended(&self, id: &str) -> Result<bool, ActivityError> {
        let value = id.to_owned();
        match self.queries().get(AgentExecutionId { value }).await {
            Ok(execution) => {
                let status = execution.into_inner().status.unwrap_or_default();
                Ok(status.phase().is_terminal())
            }
            Err(status) if status.code() == Code::NotFound => Ok(true),
            Err(status) => Err(self.gone(&status)),
        }
    }

    /// A failure of what was asked of the execution itself.
    fn gone(&self, status: &Status) -> ActivityError {
        match status.code() {
            Code::NotFound | Code::FailedPrecondition => permanent(GONE, status.message()),
            code => self.trouble(code, status.message()),
        }
    }

    /// A failure of what was asked of something that the execution needs.
    fn missing(&self, status: &Status, kind: &str, what: &str, id: &str) -> ActivityError {
        match status.code() {
            Code::NotFound => {
                let why = format!("the execution's {what} {id} is not on the server any more");
                permanent(kind, why)
            }
            code => self.trouble(code, status.message()),
        }
    }

    /// A failure that says nothing about the execution's end.
    fn trouble(&self, code: Code, message: &str) -> ActivityError {
        match code {
            Code::NotFound
            | Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented
            | Code::OutOfRange => {
                permanent("ServerRefused", format!("the server refused: {message}"))
            }
            code => transient(
                "ServerUnavailable",
                format!(
                    "the server at {} failed ({code:?}): {message}",
                    self.address
                ),
            ),
        }
    }
}
