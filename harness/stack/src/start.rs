//! Starting an instance of a service, where its stack runs.

use crate::compose::{rewrite_env, test_instance};
use crate::lease;
use crate::member::{Launch, Owner};
use crate::outside;
use crate::ready::Ready;
use crate::service::{Health, Place, ServiceSpec};
use crate::services::{gateway, guest, mcp, model, runner, server, temporal};
use crate::stack::Stack;
use crate::wiring::Wiring;
use anyhow::{Context, bail};
use harness_base::{Code, Command, Guest, Part, coded};
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
    let wanted = match (binary, owner) {
        (Binary::Server, Owner::Shared) => wiring.ports.server,
        _ => None,
    };
    let place = match stack.containers() {
        Some(_) => Place::Container,
        None => Place::Process {
            dir: &dir,
            // One that is started again shall be where it was.
            port: match (wanted, stack.stay()) {
                (Some(port), _) => port,
                (None, Some(_)) if binary != Binary::Runner => stack.port()?,
                _ => 0,
            },
        },
    };
    let env = match stack.containers() {
        Some(containers) => rewrite_env::rewritten(containers, own.env).await?,
        None => own.env.to_vec(),
    };
    let mut spec = match binary.guest(&stack.context.config) {
        Some(guest) => theirs(stack, wiring, guest, place, wanted, &env)?,
        None => spec(stack, wiring, binary, place)?.with_env(&env),
    };
    if let Some(containers) = stack.containers() {
        spec.container.small_disk = own.small_disk;
        let who = (instance, owner);
        return test_instance::start(stack, containers, wiring, binary, who, spec).await;
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    if spec.described.is_some() {
        let program = spec.command.program.clone();
        return process(stack, wiring, instance, owner, &program, spec).await;
    }
    wanted.map_or(Ok(()), |port| lease::check_free(port, "the server"))?;
    let program = stack.binary(binary)?;
    process(stack, wiring, instance, owner, &program, spec).await
}

/// Whether a part is somebody else's and Temporal must be there before it starts.
pub fn needs_temporal(stack: &Stack, binary: Binary) -> bool {
    let guest = binary.guest(&stack.context.config);
    guest.is_some_and(|(_, guest)| guest.needs_temporal(stack.phase))
}

/// A part of somebody else's build, which takes the port that it says, or that is wanted, or any.
fn theirs(
    stack: &Stack,
    wiring: &Wiring,
    (part, guest): (Part, &Guest),
    place: Place<'_>,
    wanted: Option<u16>,
    env: &[(String, String)],
) -> anyhow::Result<ServiceSpec> {
    let port = match (guest.fixed_port(), wanted, place) {
        (Some((port, at)), Some(wanted), Place::Process { .. }) if port != wanted => {
            let text = format!("{at}: the {part} takes port {port} alone, not {wanted}");
            return Err(coded(Code::Usage, text));
        }
        (Some((port, _)), ..) | (None, Some(port), Place::Process { .. }) => port,
        (None, None, Place::Process { .. }) if guest.listens() => stack.port()?,
        (None, ..) => guest::inside(part, guest),
    };
    let services = &stack.context.config.services;
    let limit = match part {
        Part::Server => services.server.ready_limit(),
        Part::Runner => services.runner.ready_limit(),
        Part::Gateway => services.gateway.ready_limit(),
    };
    let at = guest::At {
        place,
        port,
        root: &stack.context.run.root,
        logs: &stack.dir.join("logs"),
        limit,
    };
    let mut spec = guest::spec((part, guest), wiring, at, env)?;
    spec.container.published_at = wanted;
    Ok(spec)
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
    wiring: &Wiring,
    bin: &Path,
    port: u16,
    web: Option<u16>,
) -> anyhow::Result<String> {
    let dir = stack.dir.join("data/temporal");
    std::fs::create_dir_all(&dir).context("make Temporal's folder")?;
    lease::check_free(port, "temporal")?;
    let limit = stack.context.config.services.temporal.ready_limit();
    let spec = temporal::spec(Place::Process { dir: &dir, port }, web, limit);
    wiring.set_asks_temporal(bin, &format!("127.0.0.1:{port}"));
    process(stack, wiring, "temporal", Owner::Shared, bin, spec).await?;
    Ok(format!("127.0.0.1:{port}"))
}

/// The embedded model; its key is in `model` already.
///
/// # Errors
/// As [`Stack::start`].
pub async fn model(
    stack: &Stack,
    wiring: &Wiring,
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
    let started = process(stack, wiring, "model", Owner::Shared, &files.python, spec).await;
    started.map(drop)
}

/// Starts a process of this host.
async fn process(
    stack: &Stack,
    wiring: &Wiring,
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
        seen => {
            let port = spec.described.as_ref().and_then(|it| it.port);
            let address = port.map(|port| format!("127.0.0.1:{port}"));
            outside::ready(stack, wiring, &seen, address.as_deref())?
        }
    };
    let launch = Launch {
        command,
        ready,
        limit: spec.limit,
        described: spec.described,
    };
    stack.start(instance, owner, launch).await
}
