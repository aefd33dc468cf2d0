//! Whole agents: CLI, server, Temporal, agent-runner, model. The first word of a test's name is
//! its lane: what answers in the model's place.

mod live;
mod original;
mod replayed;
mod scripted;
mod stack;
mod volume;

/// No test: how the harness asks for the evidence of those that failed, while the stack still answers.
#[tokio::test]
#[ignore = "the harness runs it after failed tests"]
async fn evidence() -> test_e2e::Result {
    Ok(test_e2e::evidence::collect().await?)
}
