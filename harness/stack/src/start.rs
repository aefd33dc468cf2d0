//! Starting an instance of a service, where its stack runs.

use crate::compose::test_instance;
use crate::ready::Ready;
use crate::service::{Health, Place, ServiceSpec};
use crate::services::{gateway, mcp, model, runner, server, temporal};
use crate::stack::{Owner, Stack};
use crate::wiring::Wiring;
use anyhow::{Context, bail};
use harness_base::Command;
use harness_provision::{Binary, Model, ModelFiles};
use std::path::Path;

/// What an instance has beyond what all of its kind have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own<'a> {
    /// Variables.
    pub env: &'a [(String, String)],
    /// Its data is on a disk that can be filled.
    pub small_disk: bool,
}

/// Starts an instance of one of our services, shared (`server`) or of a test's own (`server-2`), and waits until it is
/// ready; where this host reaches it, `HOST:PORT`.
///
/// # Errors
/// As [`Stack::start`]; also when something that it needs is not there.
pub async fn service(
    stack: &Stack,
    wiring: &Wiring,
    binary: Binary,
    instance: &str,
    owner: Owner,
    own: Own<'_>,
) -> anyhow::Result<Option<String>> {
    let dir = stack.dir.join("data").join(instance);
    let place = match stack.containers() {
        Some(_) => Place::Container,
        None => Place::Process {
            dir: &dir,
            // One that is started again shall be where it was.
            port: match stack.stay() {
                Some(_) if binary != Binary::Runner => stack.port()?,
                _ => 0,
            },
        },
    };
    let mut spec = spec(stack, wiring, binary, place)?;
    if let Some(containers) = stack.containers() {
        spec.container.small_disk = own.small_disk;
        return test_instance::start(stack, containers, binary, instance, spec, own.env).await;
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    let program = stack.binary(binary)?;
    process(stack, instance, owner, &program, spec.with_env(own.env)).await
}

/// Our services by their names in `compose.yaml`.
pub const OURS: [(&str, Binary); 4] = [
    ("server", Binary::Server),
    ("gateway", Binary::Gateway),
    ("mcp", Binary::Mcp),
    ("runner", Binary::Runner),
];

/// One of our own services by its name.
pub fn ours(service: &str) -> Option<Binary> {
    let found = OURS.iter().find(|(name, _)| *name == service);
    found.map(|(_, binary)| *binary)
}

/// What one of our services is told at a place.
///
/// # Errors
/// When something that it needs is not there.
pub fn spec(
    stack: &Stack,
    wiring: &Wiring,
    binary: Binary,
    place: Place<'_>,
) -> anyhow::Result<ServiceSpec> {
    let limits = &stack.context.config.services;
    Ok(match binary {
        Binary::Server => server::spec(wiring, place, limits.server.ready_limit()),
        Binary::Runner => runner::spec(wiring, place, limits.runner.ready_limit())?,
        Binary::Gateway => {
            let logs = stack.dir.join("logs");
            gateway::spec(wiring, place, &logs, limits.gateway.ready_limit())
        }
        Binary::Mcp => mcp::spec(place, limits.mcp.ready_limit()),
        Binary::Cli => bail!("the CLI is no service"),
    })
}

/// Temporal's dev server as a process, at a leased port; `HOST:PORT`.
///
/// # Errors
/// As [`Stack::start`].
pub async fn temporal(
    stack: &Stack,
    bin: &Path,
    port: u16,
    web: Option<u16>,
) -> anyhow::Result<String> {
    let dir = stack.dir.join("data/temporal");
    std::fs::create_dir_all(&dir).context("make Temporal's folder")?;
    let limit = stack.context.config.services.temporal.ready_limit();
    let spec = temporal::spec(Place::Process { dir: &dir, port }, web, limit);
    process(stack, "temporal", Owner::Shared, bin, spec).await?;
    Ok(format!("127.0.0.1:{port}"))
}

/// The embedded model; its key is in `model` already.
///
/// # Errors
/// As [`Stack::start`].
pub async fn model(
    stack: &Stack,
    files: &ModelFiles,
    model: &Model,
    port: u16,
) -> anyhow::Result<()> {
    let script = stack.dir.join("data/embedded_model.py");
    std::fs::write(&script, model::SCRIPT).context("write the model's script")?;
    let config = &stack.context.config;
    let at = (
        model.name.as_str(),
        port,
        model.key.as_deref().unwrap_or_default(),
    );
    let limit = config.services.model.ready_limit();
    let spec = model::spec(files, &script, &config.model, at, limit);
    let started = process(stack, "model", Owner::Shared, &files.python, spec).await;
    started.map(drop)
}

/// Starts a process of this host.
async fn process(
    stack: &Stack,
    instance: &str,
    owner: Owner,
    program: &Path,
    spec: ServiceSpec,
) -> anyhow::Result<Option<String>> {
    let command = Command {
        program: program.to_owned(),
        ..spec.command
    };
    let ready = match spec.health {
        Health::Announced { file, .. } => Ready::Announced {
            file,
            bin: program.to_owned(),
        },
        Health::Asked(args) => Ready::Asked(Command {
            args,
            ..command.clone()
        }),
        Health::Http { url, key } => Ready::Http { url, key },
    };
    stack
        .start(instance, owner, command, ready, spec.limit)
        .await
}
