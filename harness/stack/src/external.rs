//! A stack of somebody else's, by its addresses.

use crate::file::{
    Bin, GatewayEndpoint, McpEndpoint, ModelEndpoint, Runtime, StackFile, TemporalEndpoint,
};
use crate::services::{NAMESPACE, TASK_QUEUE};
use harness_base::{Code, Config, Phase, coded, variable};
use harness_provision::{Binary, GatewayMode, Located, ModelKind, Program, address, programs};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;

const SERVER: &str = "E2E_SERVER_ADDR";
const TEMPORAL: &str = "E2E_TEMPORAL_ADDR";
const GATEWAY: &str = "E2E_GATEWAY_URL";
/// A stack of tests has nobody who would be shown a key.
const LEFT_OUT: &str = "leave it out";
/// For a connection to another machine, name and all.
const CONNECT: Duration = Duration::from_secs(5);

/// Looks at what the environment says of it, before anybody waits for a build to hear of it.
///
/// # Errors
/// Usage errors that say what to set.
pub fn check() -> anyhow::Result<()> {
    told().map(drop)
}

/// What the environment says of it; the run's own part is left open. Each address is looked at once: tests that cannot reach
/// it would each fail by themselves.
///
/// # Errors
/// Usage errors that say what to set; [`Code::NotReady`] where nobody answers.
pub async fn addresses(config: &Config) -> anyhow::Result<StackFile> {
    let mut file = told()?;
    if let Some(temporal) = &mut file.temporal {
        if let Located::There(found) = programs::locate(config, Program::Temporal).await {
            temporal.cli = found.bin;
        }
        answers(TEMPORAL, &temporal.address).await?;
    }
    if let (Some(mcp), Some(bin)) = (&mut file.mcp, Binary::Mcp.configured(config)) {
        mcp.stdio = bin;
    }
    answers(SERVER, &file.server).await?;
    if let Some(gateway) = &file.gateway {
        answers(GATEWAY, &gateway.base_url).await?;
    }
    Ok(file)
}

/// That somebody listens at an address, be it a whole one or `HOST:PORT`.
async fn answers(by: &str, address: &str) -> anyhow::Result<()> {
    let whole = match address.contains("://") {
        true => address.to_owned(),
        false => format!("http://{address}"),
    };
    let url = address::web(by, &whole, LEFT_OUT)?;
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or_default();
    let connected = tokio::time::timeout(CONNECT, TcpStream::connect((host, port))).await;
    let why = match connected {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(why)) => why.to_string(),
        Err(_) => format!("nothing within {} s", CONNECT.as_secs()),
    };
    Err(coded(
        Code::NotReady,
        format!("nobody answers at {by}={address}: {why}\n  mend: start it, or correct {by}"),
    ))
}

fn told() -> anyhow::Result<StackFile> {
    let need = |name: &str| {
        variable(name)?.ok_or_else(|| {
            let text = format!("--reuse=external needs {name}=HOST:PORT");
            coded(Code::Usage, text)
        })
    };
    let web = |name: &str| match variable(name)? {
        Some(text) => address::web(name, &text, LEFT_OUT).map(|_| Some(text)),
        None => Ok(None),
    };
    let server = need(SERVER)?;
    let server = match server.contains("://") {
        true => address::web(SERVER, &server, LEFT_OUT).map(|_| server)?,
        false => address::host_port(SERVER, &server).map(|()| format!("http://{server}"))?,
    };
    let temporal = need(TEMPORAL)?;
    address::host_port(TEMPORAL, &temporal)?;
    let mode = match variable("GATEWAY_MODE")?.as_deref() {
        None | Some("replay") => GatewayMode::Replay,
        Some("record") => GatewayMode::Record,
        Some("live") => GatewayMode::Live,
        Some(other) => {
            let text = format!("GATEWAY_MODE={other} is none of replay, record, live");
            return Err(coded(Code::Usage, text));
        }
    };
    let model_url = match variable("E2E_MODEL_URL")? {
        Some(url) => address::model("E2E_MODEL_URL", &url)?,
        None => String::new(),
    };
    Ok(StackFile {
        run_id: String::new(),
        phase: Phase::Two,
        runtime: Runtime::External,
        server,
        temporal: Some(TemporalEndpoint {
            address: temporal,
            namespace: variable("TEMPORAL_NAMESPACE")?.unwrap_or_else(|| NAMESPACE.into()),
            task_queue: variable("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE")?
                .unwrap_or_else(|| TASK_QUEUE.into()),
            cli: "temporal".into(), // whoever needs it says that it is not there
        }),
        gateway: web(GATEWAY)?.map(|base_url| GatewayEndpoint { base_url, mode }),
        mcp: web("E2E_MCP_URL")?.map(|http| McpEndpoint {
            // As that stack's runner finds it, which may be on another machine.
            stdio: "mcp-probe".into(),
            http,
            time: None,
        }),
        model: variable("E2E_MODEL_NAME")?.map(|name| ModelEndpoint {
            kind: ModelKind::External,
            base_url: model_url,
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
