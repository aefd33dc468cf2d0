//! A stack that is there already: somebody else's by address, or the one that `up` started.

use crate::bring_up::Up;
use crate::file::{
    Bin, GatewayEndpoint, McpEndpoint, ModelEndpoint, Runtime, StackFile, TemporalEndpoint,
};
use crate::kept::{self, Keys};
use crate::services::{NAMESPACE, TASK_QUEUE};
use crate::stack::Stack;
use crate::wiring::{RunnerModel, Wiring};
use harness_base::{Code, Phase, coded, random, runs_dir};
use harness_provision::{
    Binary, Found, GatewayMode, LiveModel, Located, Mode, Model, ModelKind, Program, Source,
    programs,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Finds it. With `reuse` it is the newest kept stack of this checkout.
///
/// # Errors
/// Usage errors that say what to set or to run; a CLI that was not built.
pub async fn find(stack: &Stack, reuse: bool, mode: Mode) -> anyhow::Result<Up> {
    let context = &stack.context;
    let (mut file, keys) = if reuse {
        kept_stack(stack)?
    } else {
        (addresses(stack).await?, Keys::default())
    };
    let source = if reuse {
        "of the kept stack"
    } else {
        "somebody else's"
    };
    if let Some(gateway) = &file.gateway
        && mode != Mode::Replay
        && mode != Mode::Auto
        && gateway.mode != mode.gateway()
    {
        return Err(coded(
            Code::Usage,
            format!(
                "this stack's gateway is in mode {}, not {}: end the stack and start another",
                gateway.mode,
                mode.gateway()
            ),
        ));
    }
    let live = match &file.model {
        _ if mode == Mode::Replay => LiveModel::Unavailable("--model replay asks none".into()),
        None if reuse => LiveModel::Unavailable("this stack was started without one".into()),
        None => LiveModel::Unavailable("E2E_MODEL_NAME names none".into()),
        Some(at) => LiveModel::Available(Model {
            kind: at.kind,
            base_url: Some(at.base_url.clone()),
            name: at.name.clone(),
            key: keys.model.clone(),
            why: source.into(),
            tools: at.tools,
            unlisted: None,
        }),
    };
    // The CLI under test is of this checkout.
    let artifacts = context.wait_built().await?;
    file.run_id.clone_from(&context.run.id);
    file.bin = Bin {
        stigmer: Binary::Cli.path(&context.config, &artifacts)?,
    };
    file.logs = stack.dir.join("logs");
    let runner_model = RunnerModel {
        key: keys.model,
        ..RunnerModel::of(live.model(), &context.config)
    };
    // One that nobody knows still serves instances that a test starts as a pair.
    let runner_key = match keys.runner {
        Some(key) => key,
        None => random::secret()?,
    };
    context.run.keep_secret(&runner_key);
    let gateway_mode = file.gateway.as_ref().map(|gateway| gateway.mode);
    let wiring = Wiring::whole(
        runner_key,
        runner_model,
        gateway_mode.unwrap_or(GatewayMode::Replay),
        context.config.model.max_tokens,
    );
    wiring.set_server(&file.server);
    if let Some(temporal) = &file.temporal {
        wiring.set_temporal(&temporal.address);
    }
    if let Some(gateway) = &file.gateway {
        wiring.set_gateway(&gateway.base_url);
    }
    let cli = file.temporal.as_ref().map(|at| at.cli.clone());
    Ok(Up {
        wiring: Arc::new(wiring),
        file,
        temporal: Found {
            bin: cli.unwrap_or_default(),
            source: Source::Stack(source),
            version: "of unknown version".into(),
        },
        live,
        ready: Duration::ZERO,
    })
}

fn kept_stack(stack: &Stack) -> anyhow::Result<(StackFile, Keys)> {
    let run = &stack.context.run;
    let nothing = || {
        coded(
            Code::Usage,
            "--reuse needs a stack that runs: `cargo xtask up` starts one",
        )
    };
    let (dir, _) = kept::newest(&runs_dir(&run.root)).ok_or_else(nothing)?;
    let file = kept::stack_file(&dir).map_err(|_| nothing())?;
    let keys = Keys::read(&dir.join(Phase::Two.name()));
    if let Some(key) = &keys.model {
        run.keep_secret(key);
    }
    Ok((file, keys))
}

async fn addresses(stack: &Stack) -> anyhow::Result<StackFile> {
    let config = &stack.context.config;
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let need = |name: &str| {
        var(name).ok_or_else(|| {
            coded(
                Code::Usage,
                format!("--runtime external needs {name}=HOST:PORT"),
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
    })
}
