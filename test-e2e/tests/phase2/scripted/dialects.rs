//! Models of other dialects, through the gateway to the status and the CLI. All of the dialects are in
//! the runner's own tests; here is one row for each thing that comes of them.

use anyhow::Context;
use serde_json::json;
use stigmer_api::{agentexecution::TokenUsage, resource::Resource};
use test_e2e::{Answer, Ask, NewAgent, Result, Script, Stack, ensure};

const HALF: &str =
    r#"{"choices":[{"index":0,"delta":{"content":"The answer is not "},"finish_reason":""}]}"#;
const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}"#;
const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const LENGTH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#;
const THOUGHT: &str = r#"{"choices":[{"index":0,"delta":{"reasoning_content":"First I think"}}]}"#;

/// A script of these answers.
async fn script(stack: &Stack, answers: impl IntoIterator<Item = Answer>) -> Result<Script> {
    let script = stack.script("dialect").await?;
    for answer in answers {
        script.answer(answer).await?;
    }
    Ok(script)
}

/// Asks once: what is answered in the end, and how often the model was asked for it.
async fn answered(answers: impl IntoIterator<Item = Answer>) -> Result<(String, usize)> {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = script(&stack, answers).await?;
    let agent = NewAgent::new("dialect").apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Hello.")
        .completed(&api)
        .await?;
    Ok((done.answer()?.to_owned(), script.finish().await?.len()))
}

/// Asks once: why it failed. The model is asked for it once.
async fn refused(answer: Answer) -> Result<String> {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = script(&stack, [answer]).await?;
    let agent = NewAgent::new("dialect")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let error = Ask::new(&agent, script.model(), "Hello.")
        .failed(&api)
        .await?;
    let asked = script.finish().await?;
    ensure!(asked.len() == 1, "asked {} times: {error}", asked.len());
    Ok(error)
}

#[tokio::test]
async fn answers_of_other_dialects_are_answers() -> Result {
    let whole = r#"{"choices":[{"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}"#;
    let null = r#"{"choices":null,"usage":{"total_tokens":3}}"#;
    let parts = r#"{"choices":[{"delta":{"content":[{"type":"text","text":"Hello"}]}}]}"#;
    let stream = |bytes: String| Answer::raw([bytes]).header("content-type", "text/event-stream");
    for (what, answer) in [
        (
            "whole",
            Answer::raw([whole]).header("content-type", "application/json"),
        ),
        ("null", Answer::raw_events([HELLO, STOP, null])),
        ("parts", Answer::raw_events([parts, STOP, "[DONE]"])),
        (
            "mark",
            stream(format!("\u{feff}: hi\n\ndata: {HELLO}\n\ndata: {STOP}\n\n")),
        ),
        ("open", Answer::raw_events([HELLO, STOP]).open()),
    ] {
        let (text, asked) = answered([answer]).await.map_err(|why| why.within(what))?;
        ensure!(
            (text.as_str(), asked) == ("Hello", 1),
            "{what}: {text}, {asked}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn half_an_answer_without_a_reason_is_asked_for_again() -> Result {
    let good = Answer::raw_events([HELLO, STOP, "[DONE]"]);
    let (text, asked) = answered([Answer::raw_events([HALF]), good]).await?;
    ensure!((text.as_str(), asked) == ("Hello", 2), "{text}, {asked}");
    Ok(())
}

#[tokio::test]
async fn another_name_of_a_parameter_is_learned() -> Result {
    let error = "'max_tokens' is not taken by this model; send 'max_completion_tokens'";
    let error = json!({ "error": { "message": error, "code": "unsupported_parameter" } });
    let refusal = Answer::raw([error.to_string()]).raw_status(400);
    let good = Answer::raw_events([HELLO, STOP, "[DONE]"]);
    let (text, asked) = answered([refusal, good]).await?;
    ensure!((text.as_str(), asked) == ("Hello", 2), "{text}, {asked}");
    Ok(())
}

#[tokio::test]
async fn refusals_are_told_once_in_the_providers_words() -> Result {
    let in_stream = r#"{"error":{"code":400,"message":"prompt has 9000 tokens"},"choices":[]}"#;
    let no_tools = r#"{"error":{"message":"smollm2:135m does not support tools"}}"#;
    for (answer, words) in [
        (Answer::raw_events([in_stream]), "prompt has 9000 tokens"),
        (
            Answer::raw(["error: {\"code\":400,\"message\":\"too long\"}\n\n"]),
            "too long",
        ),
        (
            Answer::raw([r#"{"error": {"code": 401, "message": "this key has expired"}}"#]),
            "this key has expired",
        ),
        (Answer::raw([no_tools]).raw_status(400), "takes no tools"),
        (
            Answer::raw_events([THOUGHT, LENGTH, "[DONE]"]),
            "raise STIGMER_LLM_MAX_TOKENS",
        ),
    ] {
        let error = refused(answer).await?;
        ensure!(error.contains(words), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_was_cut_says_so_and_why() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = script(&stack, [Answer::raw_events([HELLO, LENGTH, "[DONE]"])]).await?;
    let agent = NewAgent::new("cut").apply(&api).await?;
    let args = [
        "run",
        agent.slug(),
        "--message",
        "Hi.",
        "--model",
        script.model(),
    ];
    let output = stack.cli().run(args).await?.ok()?;
    let cut = "Cut: the answer of the agent is not whole (length)";
    ensure!(output.stdout.contains(cut), "{output:#?}");
    ensure!(
        output.stdout.contains("STIGMER_LLM_MAX_TOKENS"),
        "{output:#?}"
    );
    script.finish().await?;
    Ok(())
}

/// It would be made without arguments, or be written once more in the same length.
#[tokio::test]
async fn a_call_that_was_cut_with_its_answer_is_not_made() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    for arguments in ["", "{\"input\":\"Say he"] {
        let call = json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "agent_clerk", "arguments": arguments}}]}}]});
        let call = call.to_string();
        let cut = Answer::raw_events([call.as_str(), LENGTH, "[DONE]"]);
        let good = Answer::raw_events([HELLO, STOP, "[DONE]"]);
        let script = script(&stack, [cut, good]).await?;
        let agent = NewAgent::new("cut-call")
            .sub_agent("clerk", "Say what you are told.", &[], &[], &[])
            .apply(&api)
            .await?;
        let done = Ask::new(&agent, script.model(), "Hello.")
            .completed(&api)
            .await?;
        let error = &done.tool()?.error;
        ensure!(error.contains("longest length"), "{arguments}: {error}");
        let status = done.status()?;
        ensure!(status.sub_agent_executions.is_empty(), "{status:?}");
        let warnings = &status.warnings;
        ensure!(
            warnings.len() == 1 && warnings[0].contains("STIGMER_LLM_MAX_TOKENS"),
            "{arguments}: {warnings:?}"
        );
        let asked = script.finish().await?;
        ensure!(asked[1].tool_results() == [error.as_str()], "{asked:?}");
    }
    Ok(())
}

#[tokio::test]
async fn reason_model_and_tokens_are_kept_and_summed_with_sub_agents() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let usage = |input: u32, output: u32| {
        json!({"choices": [], "model": "named", "usage": {"prompt_tokens": input, "completion_tokens": output}}).to_string()
    };
    let call = json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "agent_clerk", "arguments": "{\"input\":\"Say hello.\"}"}}]}, "finish_reason": "tool_calls"}]});
    let script = script(
        &stack,
        [
            Answer::raw_events([call.to_string(), usage(10, 1)]),
            Answer::raw_events([HELLO.to_owned(), STOP.to_owned(), usage(20, 2)]),
            Answer::raw_events([HELLO.to_owned(), STOP.to_owned(), usage(30, 3)]),
        ],
    )
    .await?;
    let agent = NewAgent::new("counted")
        .sub_agent("clerk", "Say what you are told.", &[], &[], &[])
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Hello.")
        .completed(&api)
        .await?;
    let tokens = |input_tokens, output_tokens| {
        Some(TokenUsage {
            input_tokens,
            output_tokens,
        })
    };
    let status = done.status()?;
    ensure!(status.usage == tokens(60, 6), "{status:?}");
    ensure!(
        status.sub_agent_executions[0].usage == tokens(20, 2),
        "{status:?}"
    );
    let last = status.messages.last().context("no message")?;
    ensure!(
        (last.finish_reason.as_str(), last.model_name.as_str()) == ("stop", "named"),
        "{last:?}"
    );
    ensure!(last.usage == tokens(30, 3), "{last:?}");
    let logs = stack.cli().run(["logs", done.id()]).await?.ok()?;
    ensure!(logs.stdout.contains("tokens: 60 in, 6 out"), "{logs:#?}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_name_that_the_model_made_up_goes_back_as_providers_take_it() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = "good<|channel|>json";
    let script = script(&stack, [Answer::tool(name, json!({})), Answer::text("No.")]).await?;
    let agent = NewAgent::new("named").apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Hello.")
        .completed(&api)
        .await?;
    ensure!(done.tool()?.name == name, "{done:?}");
    let asked = script.finish().await?;
    let sent = &asked[1].body["messages"][2]["tool_calls"][0]["function"]["name"];
    ensure!(sent == "good__channel__json", "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn an_answer_to_a_question_that_was_cut_is_not_taken() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 2050, "completion_tokens": 4}});
    let answer = Answer::raw_events([HELLO, STOP, &usage.to_string()]);
    let script = script(&stack, [answer]).await?;
    let agent = NewAgent::new("cut-question").apply(&api).await?;
    let error = Ask::new(&agent, script.model(), &"word ".repeat(8000))
        .failed(&api)
        .await?;
    for words in ["2050 tokens", "bytes", "OLLAMA_CONTEXT_LENGTH"] {
        ensure!(error.contains(words), "{error}");
    }
    script.finish().await?;
    Ok(())
}
