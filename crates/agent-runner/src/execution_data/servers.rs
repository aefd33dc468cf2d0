//! Which MCP servers a sub-agent has.

use stigmer_api::agent::{McpServerDefinition, SubAgent};
use temporalio_sdk::activities::ActivityError;

use crate::failure::permanent;

/// Those of `servers`, the agent's, that a sub-agent names. One that is named twice is there once, else each of its tools
/// would have two names.
///
/// # Errors
/// For good where a name leads nowhere, also that of a selection: a slip there must not give the sub-agent all tools of a
/// server. Our server refuses both; what it stored before, and the original's, is refused here.
pub(super) fn of_sub_agent(
    servers: &[McpServerDefinition],
    sub: &SubAgent,
) -> Result<Vec<McpServerDefinition>, ActivityError> {
    let mut found: Vec<McpServerDefinition> = Vec::new();
    for name in &sub.mcp_servers {
        let Some(server) = servers.iter().find(|s| s.name == *name) else {
            return Err(missing(format!(
                "sub-agent {} names the MCP server {name}, which is not among the agent's mcp_servers",
                sub.name
            )));
        };
        if found.iter().all(|s| s.name != *name) {
            found.push(server.clone());
        }
    }
    let mut selected = sub.mcp_tool_selections.keys();
    match selected.find(|name| found.iter().all(|s| s.name != **name)) {
        None => Ok(found),
        Some(name) => Err(missing(format!(
            "sub-agent {} selects tools of the MCP server {name}, which is not among its mcp_servers",
            sub.name
        ))),
    }
}

fn missing(why: String) -> ActivityError {
    permanent("McpServerMissing", why)
}
