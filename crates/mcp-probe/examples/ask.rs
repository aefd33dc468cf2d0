//! Asks any MCP server by the runner's own client: how servers are seen that are not ours.
//!
//! `cargo run -p mcp-probe --example ask -- COMMAND|URL [ARG..] [--call TOOL JSON]..`

use std::{collections::BTreeMap, error::Error};

use agent_tools::{Env, Tools, Toolset};
use stigmer_api::agent::{
    HttpServer, McpServerDefinition, StdioServer, mcp_server_definition::ServerType,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let all: Vec<String> = std::env::args().skip(1).collect();
    let mut parts = all.split(|arg| arg == "--call");
    let [command, args @ ..] = parts.next().unwrap_or_default() else {
        return Err("name a command or a URL".into());
    };
    let server = if command.contains("://") {
        ServerType::Http(HttpServer {
            url: command.clone(),
            ..Default::default()
        })
    } else {
        ServerType::Stdio(StdioServer {
            command: command.clone(),
            args: args.to_vec(),
            ..Default::default()
        })
    };
    let toolset = Toolset {
        scope: "ask".to_owned(),
        servers: vec![McpServerDefinition {
            name: "asked".to_owned(),
            server_type: Some(server),
            ..Default::default()
        }],
        selections: BTreeMap::new(),
        env: Env::default(),
        skills: Vec::new(),
    };
    let tools = Tools::new(None)?;
    let list = tools.list(&toolset).await?;
    for tool in &list.tools {
        let does = tool.description.lines().next().unwrap_or_default();
        println!("{}: {does}\n  {}", tool.name, tool.parameters);
    }
    for warning in &list.warnings {
        println!("warning: {warning}");
    }
    for call in parts {
        let [name, args] = call else {
            return Err("--call needs a tool and its arguments as JSON".into());
        };
        let args = serde_json::from_str(args)?;
        let outcome = tools.call(&toolset, name, args, &[]).await?;
        let how = if outcome.failed { "failed" } else { "answered" };
        println!("{name} {how}: {}", outcome.text);
    }
    tools.close_all().await;
    Ok(())
}
