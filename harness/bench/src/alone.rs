//! Temporal by itself, started and asked as a stack does it.

use anyhow::Context;
use harness_base::{Config, Interrupt, Output, spawn};
use harness_provision::{Program, programs};
use harness_stack::handle::Handle;
use harness_stack::lease::lease;
use harness_stack::ready::{self, Ready, Waited};
use harness_stack::service::{Health, Place};
use harness_stack::services::temporal;
use std::path::Path;
use std::time::{Duration, Instant};

/// Nothing is asked of it, so it has nothing to wait for.
const END: Duration = Duration::from_secs(10);

/// Milliseconds from its start until it is ready.
///
/// # Errors
/// When it cannot be had, or does not become ready.
pub async fn temporal(
    config: &Config,
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<f64> {
    let bin = programs::obtain(config, Program::Temporal).await?.bin;
    let port = lease()?;
    let place = Place::Process {
        dir: folder,
        port: port.port,
    };
    let spec = temporal::spec(place, None, config.services.temporal.ready_limit());
    let mut command = spec.command;
    command.program.clone_from(&bin);
    let Health::Asked(args) = spec.health else {
        anyhow::bail!("Temporal is not asked by its own command any more");
    };
    let mut health = command.clone();
    health.args = args;
    let (log, said) = (
        folder.join("temporal.log"),
        folder.join("temporal-health.log"),
    );
    let began = Instant::now();
    let process = spawn(&command, &Output::Log(log.clone()), None)?;
    let waited = Waited {
        name: "temporal",
        handle: &Handle::Process(process.clone()),
        log: &log,
        said: &said,
        described: None,
        limit: spec.limit,
        lines: 8,
    };
    let ready = ready::wait(waited, &Ready::Asked(health), interrupt).await;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    process.stop(END).await;
    ready.context("Temporal alone")?;
    Ok(took)
}
