use anyhow::{Context, ensure};
use stigmer_api::{
    agentexecution::{ExecutionPhase, MessageType},
    resource::Resource,
};
use test_e2e::{Result, Stack, follow, phase, unique};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

/// Makes even a small model talk for a while.
const LONG: &str = "Tell me a long story about the sea, with many sentences.";

#[tokio::test]
async fn the_answer_streams_into_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("streams")).await?;
    let id = api.new_execution(&agent, LONG).await?.id().to_owned();
    let mut states = follow(&api, &id).await?;
    let mut growing: Vec<String> = Vec::new();
    let mut phases = Vec::new();
    while let Some(state) = states.message().await? {
        if phases.last() != Some(&phase(&state)) {
            phases.push(phase(&state));
        }
        let messages = state.status.unwrap_or_default().messages;
        if let Some(last) = messages
            .last()
            .filter(|m| m.r#type() == MessageType::MessageAi)
            && growing.last() != Some(&last.content)
        {
            growing.push(last.content.clone());
        }
    }
    ensure!(
        phases
            == [
                ExecutionPhase::ExecutionPending,
                ExecutionPhase::ExecutionInProgress,
                ExecutionPhase::ExecutionCompleted
            ],
        "{phases:?}"
    );
    ensure!(
        growing.len() >= 3,
        "it came in {} pieces: {growing:?}",
        growing.len()
    );
    ensure!(
        growing.windows(2).all(|two| two[1].starts_with(&two[0])),
        "{growing:?}"
    );
    Ok(())
}

#[tokio::test]
async fn run_follow_shows_the_answer_as_it_comes_and_ends_with_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("follows");
    api.new_agent(&name).await?;
    let mut child = stack.cli().spawn(["run", &name, "--message", LONG])?;
    let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    let mut id = None;
    // Up to the agent's first words, which are read while the execution still runs.
    let seen_running = loop {
        let line = lines
            .next_line()
            .await?
            .context("it ended without an answer")?;
        id = id.or(line.strip_prefix("Execution ID: ").map(str::to_owned));
        if line.contains("IN_PROGRESS") {
            let mut rest = lines.into_inner();
            let mut some = [0; 12];
            rest.read_exact(&mut some).await?;
            let running = api.get_execution(id.as_deref().context("no id")?).await?;
            let running = phase(&running) == ExecutionPhase::ExecutionInProgress;
            lines = rest.lines();
            break running;
        }
    };
    ensure!(
        seen_running,
        "the answer was shown only when the execution had ended"
    );
    let mut printed = String::new();
    while let Some(line) = lines.next_line().await? {
        printed.push_str(&line);
        printed.push('\n');
    }
    ensure!(child.wait().await?.success());
    ensure!(printed.contains("COMPLETED"), "{printed}");
    let done = api.get_execution(&id.context("no id")?).await?;
    ensure!(phase(&done) == ExecutionPhase::ExecutionCompleted);
    let answer = done
        .status
        .unwrap_or_default()
        .messages
        .pop()
        .context("no answer")?
        .content;
    let last_line = answer
        .lines()
        .rfind(|l| !l.trim().is_empty())
        .unwrap_or_default();
    let end: String = last_line
        .chars()
        .rev()
        .take(12)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    ensure!(
        printed.contains(end.trim()),
        "not the whole answer: {printed:?} {answer:?}"
    );
    Ok(())
}
