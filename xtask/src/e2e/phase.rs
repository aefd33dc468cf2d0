//! One phase: tests against a stack that is up, then evidence when they failed.

use super::build;
use super::nextest::{self, Counts, Runner, Tests};
use super::reuse;
use crate::evidence;
use crate::exit::{Code, coded};
use crate::process::{Output, spawn};
use crate::stack::StackFile;
use crate::stack::native::Native;
use anyhow::Context;
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

/// How the tests went.
#[derive(Debug)]
pub struct Tested {
    /// Counts, where there is a JUnit file.
    pub counts: Option<Counts>,
    /// Their time.
    pub took: Duration,
    /// Why they did not pass.
    pub trouble: Option<anyhow::Error>,
}

/// Writes `stack.json`, runs the tests, drains them at the first signal and ends them at the second.
///
/// # Errors
/// When they cannot be started; tests that fail are in the result.
pub async fn test(
    stack: &Native,
    file: &StackFile,
    runner: &Runner,
    filter: Option<&str>,
) -> anyhow::Result<Tested> {
    file.write(&stack.dir.join("stack.json"))?;
    if matches!(runner, Runner::Nextest(_)) {
        std::fs::write(
            nextest::overlay_path(&stack.dir),
            nextest::overlay(&stack.dir),
        )
        .context("write nextest's configuration")?;
    }
    let metadata = match runner {
        Runner::Nextest(bin) => {
            let built = build::artifacts(&stack.run);
            reuse::metadata(&stack.run.root, &file.phase, bin, &built).await
        }
        Runner::CargoTest | Runner::Exec(_) => None,
    };
    let command = nextest::command(
        runner,
        Tests {
            phase: &file.phase,
            filter,
            metadata,
            dir: &stack.dir,
            root: &stack.run.root,
        },
    );
    eprintln!("$ {}", command.echo());
    let began = Instant::now();
    let pid_file = stack.run.pid_file(&format!("{}-tests", file.phase));
    let process = spawn(&stack.run.own(command), &Output::Inherit, Some(&pid_file))?;
    let mut interrupted = false;
    let exit = loop {
        tokio::select! {
            exit = process.wait() => break exit,
            () = stack.interrupt.reached(1), if !interrupted => {
                interrupted = true;
                process.signal(Signal::SIGINT);
            }
            () = stack.interrupt.reached(2) => {
                build::stop(&process).await;
                break process.kill().await;
            }
            () = tokio::time::sleep(Duration::from_secs(stack.config.stop.drain_seconds)), if interrupted => {
                break process.kill().await;
            }
        }
    };
    let junit = std::fs::read_to_string(stack.dir.join("junit.xml")).unwrap_or_default();
    let counts = nextest::counts(&junit);
    let trouble = if interrupted || stack.interrupt.count() > 0 {
        Some(coded(
            Code::Interrupted,
            "interrupted; the tests that ran were given time to end",
        ))
    } else if exit.code == Some(0) {
        dead_member(stack)
    } else if exit.code == Some(101) || exit.code == Some(104) && counts.is_none() {
        Some(coded(
            Code::Fault,
            format!("the tests could not be built or listed ({exit})"),
        ))
    } else {
        Some(coded(Code::TestsFailed, format!("tests failed ({exit})")))
    };
    Ok(Tested {
        counts,
        took: began.elapsed(),
        trouble,
    })
}

/// A shared service that died under the tests is a failure, even when no test noticed.
fn dead_member(stack: &Native) -> Option<anyhow::Error> {
    stack
        .members()
        .into_iter()
        .filter(|(name, _)| !name.contains('-'))
        .find_map(|(name, life)| {
            let exit = life.end()?;
            let tail =
                crate::stack::ready::log_tail(&stack.log(&name), stack.config.evidence.tail_lines);
            Some(coded(
                Code::TestsFailed,
                format!("{name} died during the tests with {exit}\n{tail}"),
            ))
        })
}

/// Service states, log tails and Temporal's histories, while the stack still answers.
pub async fn collect(stack: &Native, file: Option<&StackFile>) {
    let states: serde_json::Map<String, serde_json::Value> = stack
        .members()
        .into_iter()
        .map(|(name, life)| (name, life.describe()))
        .collect();
    // Evidence is collected as far as it goes: what cannot be written must not hide why it was wanted.
    let _ = std::fs::write(
        stack.dir.join("services.json"),
        serde_json::Value::from(states.clone()).to_string(),
    );
    for (name, life) in stack.members() {
        let state = life.end().unwrap_or_else(|| "running".to_owned());
        let tail = evidence::tail(&stack.log(&name), 5).join("\n    ");
        eprintln!(
            "{name}: {state}, {}\n    {}",
            stack.log(&name).display(),
            stack.run.redact(&tail)
        );
    }
    if let Some(temporal) = file.and_then(|file| file.temporal.as_ref()) {
        let into = stack.dir.join("histories");
        let count = evidence::histories(
            &temporal.cli,
            &temporal.address,
            &temporal.namespace,
            &into,
            stack.config.evidence.histories,
        )
        .await;
        if count > 0 {
            eprintln!(
                "{count} histories of executions that did not complete: {}",
                into.display()
            );
        }
    }
}
