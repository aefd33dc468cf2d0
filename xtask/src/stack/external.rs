//! A stack that is there already: somebody else's by address, or the one that `up` started.

use super::bins::{Bins, swapped};
use super::file::{Bin, GatewayAt, ModelAt, StackFile, TemporalAt, ToolsAt};
use super::native::Native;
use super::parts::{Asked, Parts};
use super::services;
use crate::e2e::bring_up::Up;
use crate::e2e::live::{Live, Mode};
use crate::e2e::provision::Found;
use crate::e2e::session::Session;
use crate::exit::{Code, coded};
use crate::model::{Kind, Model};
use crate::random;
use crate::run::info::Info;
use crate::run::{runs_dir, sweep};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Finds it. With `reuse` it is the newest kept stack of this checkout.
///
/// # Errors
/// Usage errors that say what to set or to run.
pub async fn find(
    session: &Session,
    stack: &Arc<Native>,
    reuse: bool,
    mode: Mode,
) -> anyhow::Result<Up> {
    let bins = Bins::new(&session.config)?;
    let (mut file, keys) = if reuse {
        kept(session)?
    } else {
        (addresses(session, &bins)?, Keys::default())
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
        _ if mode == Mode::Replay => Live::Not("--model replay asks none".into()),
        None if reuse => Live::Not("this stack was started without one".into()),
        None => Live::Not("E2E_MODEL_NAME names none".into()),
        Some(at) => Live::There(Model {
            kind: Kind::Address,
            base_url: Some(at.base_url.clone()),
            name: at.name.clone(),
            key: keys.model.clone(),
            why: if reuse {
                "of the kept stack"
            } else {
                "of somebody else"
            }
            .into(),
        }),
    };
    file.run_id.clone_from(&session.run.id);
    file.bin = Bin {
        stigmer: bins.cli.clone(),
    };
    file.logs = stack.dir.join("logs");
    let temporal = file
        .temporal
        .as_ref()
        .map(|at| (at.address.clone(), at.cli.clone()));
    let (address, cli) = temporal.unzip();
    let asked = Asked {
        key: keys.model,
        ..Asked::of(live.model(), &session.config)
    };
    // One that nobody knows still serves instances that a test starts as a pair.
    let runner_key = match keys.runner {
        Some(key) => key,
        None => random::secret()?,
    };
    session.run.keep_secret(&runner_key);
    let parts = Parts::whole(bins, address, Some(runner_key), asked);
    parts.share(&file.server);
    if let Some(gateway) = &file.gateway {
        parts.gateway.set(gateway.base_url.clone())?;
    }
    let source = if reuse {
        "of the kept stack"
    } else {
        "somebody else's"
    };
    let found = Found {
        bin: cli.unwrap_or_default(),
        source,
        version: "of unknown version".into(),
    };
    Ok(Up {
        parts: Arc::new(parts),
        file,
        temporal: found,
        live,
        ready: Duration::ZERO,
    })
}

/// Secrets of a kept stack: they are in no file, only in the environment of its processes.
#[derive(Debug, Default)]
struct Keys {
    model: Option<String>,
    runner: Option<String>,
}

fn kept(session: &Session) -> anyhow::Result<(StackFile, Keys)> {
    let nothing = || {
        coded(
            Code::Usage,
            "--reuse needs a stack that runs: `cargo xtask up` starts one",
        )
    };
    let (dir, _) = newest_kept(&runs_dir(&session.run.root)).ok_or_else(nothing)?;
    let file = StackFile::read(&dir.join("phase2/stack.json")).map_err(|_| nothing())?;
    let mut keys = Keys::default();
    for (name, ident) in sweep::recorded(&dir) {
        match name.as_str() {
            "phase2-runner" => {
                keys.runner = environment(ident.pid, "STIGMER_RUNNER_KEY");
                keys.model = environment(ident.pid, "STIGMER_LLM_API_KEY").or(keys.model);
            }
            // Where the runner is in a container, the embedded model's own process has it.
            "phase2-model" => keys.model = keys.model.or(environment(ident.pid, "E2E_MODEL_KEY")),
            _ => {}
        }
    }
    if let Some(key) = &keys.model {
        session.run.keep_secret(key);
    }
    Ok((file, keys))
}

/// The newest run that was kept and still has processes.
pub fn newest_kept(runs: &std::path::Path) -> Option<(PathBuf, Info)> {
    sweep::runs(runs)
        .into_iter()
        .rev()
        .find(|(dir, info)| info.kept && !sweep::recorded(dir).is_empty())
}

fn environment(pid: i32, name: &str) -> Option<String> {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let start = format!("{name}=");
    environ.split(|byte| *byte == 0).find_map(|entry| {
        std::str::from_utf8(entry)
            .ok()?
            .strip_prefix(&start)
            .map(str::to_owned)
    })
}

fn addresses(session: &Session, bins: &Bins) -> anyhow::Result<StackFile> {
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
    let cli = which::which("temporal")
        .ok()
        .or_else(|| crate::tools::installed(&session.config, "temporal"));
    Ok(StackFile {
        run_id: String::new(),
        phase: "phase2".into(),
        runtime: "external".into(),
        server: if server.contains("://") {
            server
        } else {
            format!("http://{server}")
        },
        temporal: Some(TemporalAt {
            address: temporal,
            namespace: var("TEMPORAL_NAMESPACE").unwrap_or_else(|| services::NAMESPACE.into()),
            task_queue: var("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE")
                .unwrap_or_else(|| services::TASK_QUEUE.into()),
            cli: cli.unwrap_or_else(|| "temporal".into()),
        }),
        gateway: var("E2E_GATEWAY_URL").map(|base_url| GatewayAt {
            base_url,
            mode: var("GATEWAY_MODE").unwrap_or_else(|| "replay".into()),
        }),
        tools: var("E2E_TOOLS_URL").map(|http| ToolsAt {
            // As that stack's runner finds it, which may be on another machine.
            stdio: swapped("E2E_TOOLS_BIN", &session.config.services.tools.bin)
                .unwrap_or_else(|| "mcp-probe".into()),
            http,
        }),
        model: var("E2E_MODEL_NAME").map(|name| ModelAt {
            kind: "external".into(),
            base_url: var("E2E_MODEL_URL").unwrap_or_default(),
            name,
        }),
        control: None,
        bin: Bin {
            stigmer: bins.cli.clone(),
        },
        logs: PathBuf::new(),
    })
}
