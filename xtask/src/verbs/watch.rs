//! `cargo xtask e2e --watch`: a round after each edit.

use super::up;
use crate::e2e::{self, Args, Reuse};
use crate::phase_choice::PhaseChoice;
use anyhow::Context;
use harness_base::{
    Artifacts, Code, Command, Config, Interrupt, Output, Process, query, runs_dir, spawn,
};
use harness_provision::build::{self, Targets};
use harness_selection::Unfinished;
use harness_stack::kept::KeptStack;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// The first build of the watcher compiles a dozen small crates.
const BUILD: Duration = Duration::from_secs(300);
/// What tests and what they test are made of. The harness is not watched: this very program is it.
const SOURCES: [&str; 2] = ["crates", "test-e2e"];

/// Tests after each edit until a signal comes. An edit in the middle of a round ends it.
///
/// # Errors
/// When files cannot be watched, or no stack comes up; a round that fails waits for the next edit.
pub async fn run(root: &Path, config: Config, args: Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let (watcher, mut edits) = watcher(root).await?;
    let result = rounds(root, config, args, &interrupt, &mut edits).await;
    watcher.kill().await;
    result
}

async fn rounds(
    root: &Path,
    config: Config,
    mut args: Args,
    interrupt: &Interrupt,
    edits: &mut mpsc::UnboundedReceiver<String>,
) -> anyhow::Result<Code> {
    if args.phase != PhaseChoice::Phase1 {
        if args.reuse.is_none() && KeptStack::find(root, &config, interrupt).await?.is_none() {
            let up = up::Args {
                runtime: args.runtime.for_edits(),
                model: args.model.clone(),
                mine: None,
                parts: args.parts.clone(),
                port_server: None,
                port_temporal: None,
            };
            up::bring_up(root, config.clone(), up, interrupt.clone()).await?;
        }
        args.reuse.get_or_insert(Reuse::Fresh);
    }
    loop {
        let (part, stop) = interrupt.or_stopped();
        let round = e2e::once(root, config.clone(), args.clone(), part);
        tokio::pin!(round);
        let mut edited = None;
        let done = loop {
            tokio::select! {
                done = &mut round => break done,
                edit = edits.recv(), if edited.is_none() => {
                    edited = Some(edit.context("the watcher of files has ended")?);
                    stop.now();
                }
            }
        };
        match done {
            Ok(Code::Passed | Code::TestsFailed) if edited.is_none() => {
                // What failed now is what is looked at first.
                let latest = Unfinished::newest(&runs_dir(root));
                args.first = latest.map(|it| it.failed).unwrap_or_default();
            }
            Ok(_) => {}
            Err(error) => eprintln!("error: {error:#}"),
        }
        if interrupt.count() > 0 {
            return Ok(Code::Interrupted);
        }
        if edited.is_none() {
            eprintln!("\nwaiting for an edit below {}", SOURCES.join(", "));
            tokio::select! {
                edit = edits.recv() => edited = Some(edit.context("the watcher of files has ended")?),
                () = interrupt.reached(1) => return Ok(Code::Interrupted),
            }
        }
        while let Ok(edit) = edits.try_recv() {
            edited = Some(edit);
        }
        let edited = edited.unwrap_or_default().replace('\t', ", ");
        eprintln!(
            "\nchanged: {}",
            edited.replace(&format!("{}/", root.display()), "")
        );
    }
}

/// Starts the watcher; it watches once this returns.
async fn watcher(root: &Path) -> anyhow::Result<(Process, mpsc::UnboundedReceiver<String>)> {
    let given = std::env::var_os("E2E_WATCH_BIN").filter(|given| !given.is_empty());
    let program = match given {
        Some(given) => PathBuf::from(given),
        None => build_watcher(root).await?,
    };
    let folders = SOURCES.map(|folder| root.join(folder).to_string_lossy().into_owned());
    let (sender, mut lines) = mpsc::unbounded_channel();
    let command = Command::new(program).args(folders);
    let process = spawn(&command, &Output::Lines(sender), None)?;
    let first = lines.recv().await;
    first.context("the watcher of files ended at once")?;
    Ok((process, lines))
}

/// Builds it, a package of its own.
async fn build_watcher(root: &Path) -> anyhow::Result<PathBuf> {
    let targets = Targets {
        bins: vec!["harness-watch"],
        ..Targets::default()
    };
    let build = build::command(root, &targets).context("nothing to build")?;
    let said = query(build.args(["--package", "harness-watch"]), BUILD).await;
    let said = said.map_err(anyhow::Error::msg)?;
    anyhow::ensure!(
        said.ok,
        "the watcher of files does not compile: {}",
        said.stderr
    );
    let artifacts = Artifacts::of(&said.stdout);
    let program = artifacts.binary("harness-watch");
    Ok(program
        .context("the watcher of files was not built")?
        .to_owned())
}
