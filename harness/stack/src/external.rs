//! A stack of somebody else's, by its addresses.

use crate::file::{
    Bin, GatewayEndpoint, McpEndpoint, ModelEndpoint, Runtime, StackFile, TemporalEndpoint,
};
use crate::services::{NAMESPACE, TASK_QUEUE};
use harness_base::{Code, Config, Phase, coded};
use harness_provision::{Binary, GatewayMode, Located, ModelKind, Program, programs};
use std::path::PathBuf;

/// What the environment says of it; the run's own part is left open.
///
/// # Errors
/// Usage errors that say what to set.
pub async fn addresses(config: &Config) -> anyhow::Result<StackFile> {
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let need = |name: &str| {
        var(name).ok_or_else(|| {
            coded(
                Code::Usage,
                format!("--reuse=external needs {name}=HOST:PORT"),
            )
        })
    };
    let server = need("E2E_SERVER_ADDR")?;
    let temporal = need("E2E_TEMPORAL_ADDR")?;
    let mode = match var("GATEWAY_MODE").as_deref() {
        None | Some("replay") => GatewayMode::Replay,
        Some("record") => GatewayMode::Record,
        Some("live") => GatewayMode::Live,
        Some(other) => {
            return Err(coded(
                Code::Usage,
                format!("GATEWAY_MODE={other} is none of replay, record, live"),
            ));
        }
    };
    let cli = match programs::locate(config, Program::Temporal).await {
        Located::There(found) => found.bin,
        _ => "temporal".into(), // whoever needs it says that it is not there
    };
    Ok(StackFile {
        run_id: String::new(),
        phase: Phase::Two,
        runtime: Runtime::External,
        server: if server.contains("://") {
            server
        } else {
            format!("http://{server}")
        },
        temporal: Some(TemporalEndpoint {
            address: temporal,
            namespace: var("TEMPORAL_NAMESPACE").unwrap_or_else(|| NAMESPACE.into()),
            task_queue: var("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE")
                .unwrap_or_else(|| TASK_QUEUE.into()),
            cli,
        }),
        gateway: var("E2E_GATEWAY_URL").map(|base_url| GatewayEndpoint { base_url, mode }),
        mcp: var("E2E_MCP_URL").map(|http| McpEndpoint {
            // As that stack's runner finds it, which may be on another machine.
            stdio: Binary::Mcp
                .configured(config)
                .unwrap_or_else(|| "mcp-probe".into()),
            http,
            time: None,
        }),
        model: var("E2E_MODEL_NAME").map(|name| ModelEndpoint {
            kind: ModelKind::External,
            base_url: var("E2E_MODEL_URL").unwrap_or_default(),
            name,
            tools: None,
        }),
        control: None,
        bin: Bin {
            stigmer: PathBuf::new(),
        },
        logs: PathBuf::new(),
        shared_logs: None,
    })
}
