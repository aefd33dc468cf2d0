//! The servers of an agent: connected when they are needed, listed, asked.

use std::sync::Arc;

use futures::future::try_join_all;
use rmcp::model::CallToolRequestParams;
use stigmer_api::agent::{McpServerDefinition, mcp_server_definition::ServerType};

use crate::{
    catalog::{self, Catalog},
    clients::Clients,
    connection::{Called, Connection},
    error::ToolsError,
    execution::{Execution, Scope},
    http,
    limits::Limits,
    listing::Listing,
    stdio,
    toolset::{ToolOutcome, Toolset},
};

const CLOSED: &str = "the execution's tools were closed while a server was starting";

/// How servers are reached.
pub(super) struct Servers {
    http: Clients,
    limits: Limits,
}

impl Servers {
    /// Reaches none yet.
    pub(super) fn new(limits: Limits) -> Result<Self, ToolsError> {
        let http = Clients::new(limits.start)?;
        Ok(Self { http, limits })
    }

    /// Which tools the agent has, by its servers' own word.
    pub(super) async fn catalog(
        &self,
        execution: &Execution,
        scope: &Scope,
        toolset: &Toolset,
    ) -> Result<Arc<Catalog>, ToolsError> {
        let servers = try_join_all(toolset.servers.iter().map(|server| async {
            let listing = self.tools_of(execution, scope, toolset, server).await?;
            let warning = listing.left_out().map(|what| {
                let warning = format!(
                    "tools of the MCP server {} are left out: {what}",
                    server.name
                );
                toolset.env.redact(&warning)
            });
            if let Some(warning) = &warning {
                tracing::warn!(execution = toolset.execution(), "{warning}");
            }
            let enabled = catalog::enabled(server, toolset.selections.get(&server.name), listing)?;
            Ok::<_, ToolsError>(((server.name.clone(), enabled), warning))
        }));
        let (servers, warnings): (Vec<_>, Vec<_>) = servers.await?.into_iter().unzip();
        let (files, env) = (!toolset.skills.is_empty(), toolset.env.clone());
        // Megabytes of schemas are fitted and redacted: that takes its time.
        let named = tokio::task::spawn_blocking(move || Catalog::new(servers, files, &env)).await;
        // What a panic says may hold anything; the log has it without secrets.
        let unnamed = |_| ToolsError::transient("the runner failed while it named the tools");
        let mut catalog = named.map_err(unnamed)?;
        catalog.warnings = warnings.into_iter().flatten().collect();
        let catalog = Arc::new(catalog);
        scope.keep(catalog.clone());
        Ok(catalog)
    }

    async fn tools_of(
        &self,
        execution: &Execution,
        scope: &Scope,
        toolset: &Toolset,
        server: &McpServerDefinition,
    ) -> Result<Listing, ToolsError> {
        let (connection, new) = self.connection(execution, scope, toolset, server).await?;
        match connection.tools(&toolset.env).await {
            // An old connection may have been lost unseen, as to a server that was started anew.
            Err(_) if !new => {
                self.forget(scope, server, &connection).await;
                let (connection, _) = self.connection(execution, scope, toolset, server).await?;
                connection.tools(&toolset.env).await
            }
            listed => listed,
        }
    }

    /// Asks a server; once more where the first request never left.
    pub(super) async fn ask(
        &self,
        execution: &Execution,
        scope: &Scope,
        toolset: &Toolset,
        name: &str,
        request: CallToolRequestParams,
    ) -> Result<ToolOutcome, ToolsError> {
        let Some(server) = toolset.servers.iter().find(|server| server.name == name) else {
            return Ok(ToolOutcome::failed(format!(
                "the agent has no MCP server {name}"
            )));
        };
        let (connection, _) = self.connection(execution, scope, toolset, server).await?;
        let Called::NotSent(_) = (match connection.call(request.clone(), &toolset.env).await {
            Called::Answered(outcome) => return Ok(outcome),
            not_sent => not_sent,
        }) else {
            return Ok(ToolOutcome::failed("the call was not sent"));
        };
        self.forget(scope, server, &connection).await;
        let (connection, _) = self.connection(execution, scope, toolset, server).await?;
        Ok(match connection.call(request, &toolset.env).await {
            Called::Answered(outcome) => outcome,
            Called::NotSent(why) => ToolOutcome::failed(format!("the MCP server {name} {why}")),
        })
    }

    /// The connection to a server, and whether it is new.
    async fn connection(
        &self,
        execution: &Execution,
        scope: &Scope,
        toolset: &Toolset,
        server: &McpServerDefinition,
    ) -> Result<(Arc<Connection>, bool), ToolsError> {
        let slot = scope.slot(&server.name);
        let mut slot = slot.lock().await;
        if let Some(connection) = slot.as_ref() {
            if !connection.is_dead() {
                return Ok((connection.clone(), false));
            }
            tracing::info!(
                server = server.name,
                "an MCP server is gone; it is connected again"
            );
            *slot = None;
        }
        let connected = tokio::select! {
            // First: after the end nothing is started.
            biased;
            () = execution.closed.cancelled() => Err(ToolsError::transient(CLOSED)),
            connected = self.connect(execution, scope, toolset, server) => connected,
        };
        let connection = Arc::new(connected?);
        *slot = Some(connection.clone());
        Ok((connection, true))
    }

    /// Lets go of a connection that serves no more; somebody may have put a new one in its place.
    async fn forget(&self, scope: &Scope, server: &McpServerDefinition, old: &Arc<Connection>) {
        let slot = scope.slot(&server.name);
        let mut slot = slot.lock().await;
        if slot.as_ref().is_some_and(|now| Arc::ptr_eq(now, old)) {
            *slot = None;
        }
    }

    async fn connect(
        &self,
        execution: &Execution,
        scope: &Scope,
        toolset: &Toolset,
        server: &McpServerDefinition,
    ) -> Result<Connection, ToolsError> {
        let name = &server.name;
        let limits = self.limits.of(server);
        match &server.server_type {
            Some(ServerType::Stdio(stdio)) => {
                let start = stdio::Start {
                    name,
                    env: &toolset.env,
                    folder: &scope.folder,
                    limits,
                    ends: &execution.ends,
                };
                start.connect(stdio).await
            }
            Some(ServerType::Http(server)) => {
                let start = http::Start {
                    name,
                    env: &toolset.env,
                    http: &self.http,
                    limits,
                };
                start.connect(server).await
            }
            Some(ServerType::Docker(_)) => Err(ToolsError::permanent(format!(
                "the agent's MCP server {name} is a docker server; this runner has no Docker: use stdio or http"
            ))),
            None => Err(ToolsError::permanent(format!(
                "the agent's MCP server {name} has no type: give it stdio or http"
            ))),
        }
    }
}
