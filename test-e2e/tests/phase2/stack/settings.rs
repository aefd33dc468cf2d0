//! Runners with other settings than the shared one.

use serde_json::json;
use test_e2e::{Answer, Api, Ask, NewAgent, Result, Stack, ensure, own_pair, unique};

/// What a runner asks before it gives up.
const ATTEMPTS: usize = 5;

#[tokio::test]
async fn a_model_that_never_answers_is_given_up() -> Result {
    let stack = Stack::get()?;
    let script = stack.script("silent").await?;
    for _ in 0..ATTEMPTS {
        script.answer(Answer::never()).await?;
    }
    let mut control = stack.control().await?;
    let env = [("STIGMER_LLM_TIMEOUT_SECONDS", "1")];
    let (server, _runner) = own_pair(&mut control, &unique("queue"), &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("silent").apply(&api).await?;
    let error = Ask::new(&agent, script.model(), "Hello?")
        .failed(&api)
        .await?;
    ensure!(error.contains("said nothing for 1s"), "{error}");
    ensure!(script.finish().await?.len() == ATTEMPTS);
    Ok(())
}

#[tokio::test]
async fn a_long_conversation_goes_on_in_a_new_history() -> Result {
    let stack = Stack::get()?;
    let script = stack.script("long").await?;
    for n in 0..7 {
        script
            .answer(Answer::tool("add", json!({ "a": n, "b": 1 })))
            .await?;
    }
    script.answer(Answer::text("Seven.")).await?;
    let mut control = stack.control().await?;
    let env = [
        ("STIGMER_TURNS_PER_RUN", "2"),
        ("STIGMER_LLM_MODEL", script.model()),
    ];
    let (server, _runner) = own_pair(&mut control, &unique("queue"), &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("long")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let no_model = "";
    let done = Ask::new(&agent, no_model, "Count to seven.")
        .completed(&api)
        .await?;

    let results: Vec<&str> = done.tools()?.iter().map(|t| t.result.as_str()).collect();
    ensure!(
        results == ["1", "2", "3", "4", "5", "6", "7"],
        "{results:?}"
    );
    ensure!(done.status()?.messages.len() == 2 + 2 * 7, "{done:?}");
    let asked = script.finish().await?;
    ensure!(
        asked.len() == 8 && asked[7].tool_results() == results,
        "{asked:?}"
    );
    let runs = stack.temporal()?.runs(done.id()).await?;
    ensure!(runs >= 4, "{runs} runs for 8 turns of at most 2");
    Ok(())
}

#[tokio::test]
async fn what_was_used_before_counts_in_the_new_history_too() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let env = [("STIGMER_TURNS_PER_RUN", "2")];
    let (server, _runner) = own_pair(&mut control, &unique("queue"), &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("limited").stdio(&stack, &[])?.sub_agent(
        "clerk",
        "You count on.",
        &["probe"],
        &[],
        &[],
    );
    let agent = agent.apply(&api).await?;
    let add = |n| Answer::tool("add", json!({ "a": n, "b": 2 }));

    let calls = stack.script("calls").await?;
    for n in 0..3 {
        calls.answer(add(n)).await?;
    }
    let calls_limited =
        Ask::new(&agent, calls.model(), "Count on.").limits(|l| l.max_model_calls = 3);
    // A sub-agent's own, over its own histories.
    let of_clerk = stack.script("of-clerk").await?;
    let task = json!({ "input": "Count on." });
    of_clerk.answer(Answer::tool("agent_clerk", task)).await?;
    for n in 0..3 {
        of_clerk.answer(add(n)).await?;
    }
    of_clerk.answer(Answer::text("Counted.")).await?;
    let clerk_limited =
        Ask::new(&agent, of_clerk.model(), "Count on.").limits(|l| l.max_model_calls = 5);
    // No history alone takes as long as the limit.
    let time = stack.script("time").await?;
    for n in 0..8 {
        let slow = json!({ "ms": 300 + n });
        time.answer(Answer::tool("slow", slow)).await?;
    }
    let time_limited = Ask::new(&agent, time.model(), "Count on.").limits(|l| l.max_seconds = 1);

    let (calls_limited, clerk_limited, time_limited) = tokio::try_join!(
        calls_limited.failed(&api),
        clerk_limited.failed(&api),
        time_limited.failed(&api)
    )?;
    ensure!(calls_limited.contains("its limit of 3 model calls"));
    ensure!(calls.finish().await?.len() == 3);
    ensure!(clerk_limited.contains("its limit of 5 model calls"));
    ensure!(of_clerk.finish().await?.len() == 5);
    ensure!(time_limited.contains("its limit of 1 seconds"));
    Ok(())
}

#[tokio::test]
async fn what_does_not_fit_the_models_context_is_left_out_and_the_status_says_so() -> Result {
    let stack = Stack::get()?;
    let script = stack.script("small").await?;
    let long = "word ".repeat(1500);
    script
        .answer(Answer::tool("echo", json!({ "text": long })))
        .await?;
    script
        .answer(Answer::tool("echo", json!({ "text": "short" })))
        .await?;
    script.answer(Answer::text("Done.")).await?;
    let mut control = stack.control().await?;
    let env = [("STIGMER_LLM_CONTEXT_TOKENS", "4096")];
    let (server, _runner) = own_pair(&mut control, &unique("queue"), &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("small")
        .instructions("You are the one who echoes.")
        .stdio(&stack, &[])?
        .only(&["echo"])
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Say much.")
        .completed(&api)
        .await?;

    // The execution shows all of it.
    ensure!(done.tools()?[0].result == long, "{done:?}");
    let warnings = &done.status()?.warnings;
    ensure!(
        warnings.len() == 1 && warnings[0].contains("4096 tokens"),
        "{warnings:?}"
    );
    let asked = script.finish().await?;
    let last = &asked[2];
    ensure!(
        last.messages()[0] == ("system", "You are the one who echoes."),
        "{last:?}"
    );
    ensure!(last.tool_results()[1] == "short", "{last:?}");
    ensure!(last.body.to_string().len() < 4096 * 3, "{last:?}");
    Ok(())
}

#[tokio::test]
async fn what_was_left_out_of_a_sub_agents_question_is_told_by_the_execution() -> Result {
    const CLERK: &str = "You are the clerk who echoes.";
    let stack = Stack::get()?;
    let script = stack.script("small-clerk").await?;
    let task = json!({ "input": "Say much." });
    script.answer(Answer::tool("agent_clerk", task)).await?;
    let echo = Answer::tool("echo", json!({ "text": "word ".repeat(1500) }));
    script.answer(echo.when_system(CLERK)).await?;
    let said = Answer::text("Said.").when_system(CLERK);
    script.answer(said).await?;
    script.answer(Answer::text("Done.")).await?;
    let mut control = stack.control().await?;
    let env = [("STIGMER_LLM_CONTEXT_TOKENS", "4096")];
    let (server, _runner) = own_pair(&mut control, &unique("queue"), &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("small-clerk")
        .stdio(&stack, &[])?
        .only(&["echo"])
        .sub_agent("clerk", CLERK, &["probe"], &["echo"], &[])
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Have much said.")
        .completed(&api)
        .await?;
    let warnings = &done.status()?.warnings;
    ensure!(
        warnings.len() == 1 && warnings[0].contains("4096 tokens"),
        "{warnings:?}"
    );
    script.finish().await?;
    Ok(())
}
