use anyhow::{Context, ensure};
use stigmer_api::{
    agentexecution::{ExecutionPhase, MessageType},
    resource::Resource,
};
use test_e2e::{HeldModel, Result, Stack, follow, phase, unique};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

#[tokio::test]
async fn the_answer_streams_into_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("streams")).await?;
    let message = "Tell me a long story about the sea, with many sentences.";
    let id = api.new_execution(&agent, message).await?;
    let mut states = follow(&api, id.id()).await?;
    let mut growing: Vec<String> = Vec::new();
    let mut phases = Vec::new();
    while let Some(state) = states.message().await? {
        if phases.last() != Some(&phase(&state)) {
            phases.push(phase(&state));
        }
        let messages = state.status.unwrap_or_default().messages;
        if let Some(last) = messages.last()
            && last.r#type() == MessageType::MessageAi
            && growing.last() != Some(&last.content)
        {
            growing.push(last.content.clone());
        }
    }
    let expected = [
        ExecutionPhase::ExecutionPending,
        ExecutionPhase::ExecutionInProgress,
        ExecutionPhase::ExecutionCompleted,
    ];
    ensure!(phases == expected, "{phases:?}");
    ensure!(growing.len() >= 2, "it came whole: {growing:?}");
    let grew = growing.windows(2).all(|two| two[1].starts_with(&two[0]));
    ensure!(grew, "{growing:?}");
    Ok(())
}

#[tokio::test]
async fn run_follow_shows_the_answer_as_it_comes_and_ends_with_the_execution() -> Result {
    let stack = Stack::get()?;
    let held = HeldModel::start(&stack, &mut stack.control().await?).await?;
    let name = unique("follows");
    held.api.new_agent(&name).await?;
    let cli = stack.cli_at(held.server.url()?);
    let mut child = cli.spawn(["run", &name, "--message", "Say hello."])?;
    let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?);

    let mut printed = String::new();
    while !printed.contains("IN_PROGRESS") {
        let read = stdout.read_line(&mut printed).await?;
        ensure!(read > 0, "it ended without an answer: {printed}");
    }
    let id = printed.split("Execution ID: ").nth(1);
    let id = id.and_then(|rest| rest.lines().next()).context("no id")?;
    // The first words, while the model holds the rest back.
    let mut words = [0; "agent: x".len()];
    stdout.read_exact(&mut words).await?;
    let running = held.api.get_execution(id).await?;
    ensure!(
        phase(&running) == ExecutionPhase::ExecutionInProgress,
        "{running:?}"
    );

    held.release();
    let mut rest = String::from_utf8_lossy(&words).into_owned();
    stdout.read_to_string(&mut rest).await?;
    ensure!(child.wait().await?.success(), "{rest}");
    ensure!(rest.contains("COMPLETED"), "{rest}");
    let done = held.api.get_execution(id).await?;
    ensure!(phase(&done) == ExecutionPhase::ExecutionCompleted);
    let answer = done.status.unwrap_or_default().messages.pop();
    let answer = answer.context("no answer")?.content;
    for line in answer.lines() {
        ensure!(rest.contains(line.trim()), "no {line:?} in {rest:?}");
    }
    Ok(())
}
