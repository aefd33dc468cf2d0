//! Shared services that die under the tests.

use harness_base::{Code, coded, docker};
use harness_stack::Stack;
use harness_stack::ready::log_tail;
use std::time::Duration;

/// For tests on their way when a shared service dies: those that ask it fail within a second or wait in vain.
pub const AFTER_DEATH: Duration = Duration::from_secs(10);

/// Resolves to how a shared service dies; without it every test that is still to come would wait in vain.
pub fn deaths(stack: &Stack) -> tokio::task::JoinSet<String> {
    let mut deaths = tokio::task::JoinSet::new();
    for (name, life, _) in stack.shared() {
        deaths.spawn(async move {
            let exit = life.wait().await;
            if life.is_lost() {
                return "the Docker daemon stopped answering".into();
            }
            let end = life.end().unwrap_or_else(|| exit.to_string());
            format!("{name} died with {end}")
        });
    }
    deaths
}

/// A shared service that died under the tests is a failure, even when no test noticed.
pub fn dead_member(stack: &Stack) -> Option<anyhow::Error> {
    let shared = stack.shared();
    if shared.iter().any(|(_, life, _)| life.is_lost()) {
        return Some(docker::gone("during the tests"));
    }
    shared.into_iter().find_map(|(name, life, log)| {
        let exit = life.end()?;
        let tail = log_tail(&log, stack.context.config.evidence.tail_lines);
        Some(coded(
            Code::TestsFailed,
            format!("{name} died during the tests with {exit}\n{tail}"),
        ))
    })
}
