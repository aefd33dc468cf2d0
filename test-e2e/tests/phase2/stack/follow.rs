use anyhow::Context;
use stigmer_api::{agentexecution::ExecutionPhase, resource::Resource};
use test_e2e::{Answer, NewAgent, Result, Stack, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

#[tokio::test]
async fn run_follow_shows_the_answer_as_it_comes_and_ends_with_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("follows").await?;
    script
        .answer(Answer::pieces(["Hello"]).hold().then(", world."))
        .await?;
    let agent = NewAgent::new("follows").apply(&api).await?;
    let args = [
        "run",
        agent.slug(),
        "--message",
        "Say hello.",
        "--model",
        script.model(),
    ];
    let mut child = stack.cli().spawn(args)?;
    let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?);

    let mut printed = String::new();
    while !printed.contains("IN_PROGRESS") {
        let read = stdout.read_line(&mut printed).await?;
        ensure!(read > 0, "it ended without an answer: {printed}");
    }
    let id = printed.split("Execution ID: ").nth(1);
    let id = id.and_then(|rest| rest.lines().next()).context("no id")?;
    // The first words, while the model holds the rest back. The question comes before them where
    // the command was told of it together with the phase.
    let mut rest = String::new();
    while !rest.ends_with("agent: Hello") {
        let byte = stdout.read_u8().await;
        rest.push(char::from(byte.with_context(|| rest.clone())?));
    }
    let running = api.get_execution(id).await?;
    ensure!(
        running.phase() == ExecutionPhase::ExecutionInProgress,
        "{running:?}"
    );

    script.release().await?;
    stdout.read_to_string(&mut rest).await?;
    ensure!(child.wait().await?.success(), "{rest}");
    ensure!(
        rest.contains("Hello, world.") && rest.contains("COMPLETED"),
        "{rest}"
    );
    script.finish().await?;
    Ok(())
}
