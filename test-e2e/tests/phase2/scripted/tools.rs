//! The loop of model and tools.

use serde_json::json;
use stigmer_api::agentexecution::{ExecutionPhase, MessageType, ToolCallStatus};
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, ensure, until};

#[tokio::test]
async fn a_tool_is_called_and_its_result_goes_back_to_the_model() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("adds").await?;
    script
        .answer(Answer::tool("add", json!({ "a": 2, "b": 40 })))
        .await?;
    script.answer(Answer::text("It is 42.")).await?;
    let agent = NewAgent::new("adds")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "What is 2 + 40?")
        .completed(&api)
        .await?;

    ensure!(done.answer()? == "It is 42.");
    let order = [
        MessageType::MessageHuman,
        MessageType::MessageAi,
        MessageType::MessageTool,
        MessageType::MessageAi,
    ];
    ensure!(done.speakers()? == order, "{:?}", done.speakers());
    let tool = done.tool()?;
    ensure!(tool.name == "add" && tool.result == "42", "{tool:?}");
    ensure!(
        tool.status() == ToolCallStatus::ToolCallCompleted,
        "{tool:?}"
    );
    let args = serde_json::to_value(&tool.args)?;
    ensure!(args == json!({ "a": 2.0, "b": 40.0 }), "{args}");
    ensure!(
        !tool.started_at.is_empty() && tool.started_at <= tool.completed_at,
        "{tool:?}"
    );
    let shown = &done.status()?.messages;
    ensure!(shown[1].tool_calls.len() == 1 && shown[1].tool_calls[0].id == tool.id);
    ensure!(
        shown[2].content == "42" && shown[2].tool_calls[0].id == tool.id,
        "{shown:?}"
    );

    let asked = script.finish().await?;
    ensure!(asked[0].tools().contains(&"add"), "{asked:?}");
    ensure!(asked[1].tool_results() == ["42"], "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn what_happened_is_shown_while_the_model_has_not_said_a_word() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("silent").await?;
    let silent = || Answer::pieces([""; 0]).hold();
    let adds = Answer::tool("add", json!({ "a": 2, "b": 40 }));
    script.answer(adds).await?;
    script.answer(silent().then("It is 42.")).await?;
    script.answer(silent().then("Hello.")).await?;
    let agent = NewAgent::new("silent")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let start = |message| Ask::new(&agent, script.model(), message).start(&api);

    // Each wait ends while the model holds its answer back.
    let adding = start("What is 2 + 40?").await?;
    let added = until(&api, &adding, |e| {
        let status = e.status.clone().unwrap_or_default();
        status.tool_calls.iter().any(|call| call.result == "42")
    })
    .await?;
    ensure!(added.phase() == ExecutionPhase::ExecutionInProgress);
    let shown = added.status.unwrap_or_default().messages;
    let tool = MessageType::MessageTool;
    ensure!(shown.last().map(|m| m.r#type()) == Some(tool), "{shown:?}");
    script.release().await?;
    ensure!(
        test_e2e::until_ended(&api, &adding).await?.phase() == ExecutionPhase::ExecutionCompleted
    );

    let greeting = start("Hello.").await?;
    let begun = until(&api, &greeting, |e| {
        e.phase() == ExecutionPhase::ExecutionInProgress
    })
    .await?;
    let status = begun.status.unwrap_or_default();
    ensure!(!status.started_at.is_empty(), "{status:?}");
    script.release().await?;
    let ended = test_e2e::until_ended(&api, &greeting).await?;
    ensure!(ended.phase() == ExecutionPhase::ExecutionCompleted);
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn tools_of_one_turn_run_side_by_side_and_answer_in_order() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("side").await?;
    let calls = [
        ("slow", json!({ "ms": 1200 })),
        ("slow", json!({ "ms": 600 })),
        ("echo", json!({ "text": "third" })),
    ];
    script.answer(Answer::tools(calls)).await?;
    script.answer(Answer::text("All three.")).await?;
    let agent = NewAgent::new("side")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Go.")
        .completed(&api)
        .await?;

    let tools = done.tools()?;
    ensure!(tools.len() == 3, "{tools:?}");
    // The last ends first: one after the other they would end in the order of the calls.
    let ended: Vec<&str> = tools.iter().map(|t| t.completed_at.as_str()).collect();
    ensure!(
        ended[2] < ended[1] && ended[1] < ended[0],
        "one after the other: {tools:#?}"
    );
    let asked = script.finish().await?;
    ensure!(
        asked[1].tool_results().last() == Some(&"third"),
        "{asked:?}"
    );
    ensure!(asked[1].tool_results().len() == 3, "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn five_steps_build_on_each_other() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("steps").await?;
    for n in 0..5 {
        script
            .answer(Answer::tool("add", json!({ "a": n, "b": n })))
            .await?;
    }
    script.answer(Answer::text("Done.")).await?;
    let agent = NewAgent::new("steps")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Double them.")
        .completed(&api)
        .await?;
    let results: Vec<&str> = done.tools()?.iter().map(|t| t.result.as_str()).collect();
    ensure!(results == ["0", "2", "4", "6", "8"], "{results:?}");
    let asked = script.finish().await?;
    for (n, asked) in asked.iter().enumerate() {
        ensure!(asked.tool_results() == results[..n], "turn {n}: {asked:?}");
    }
    let mut ids: Vec<&str> = done.tools()?.iter().map(|t| t.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ensure!(ids.len() == 5, "ids come twice: {:?}", done.tools());
    Ok(())
}

#[tokio::test]
async fn words_beside_a_tool_call_are_kept() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("beside").await?;
    let both = Answer::tool("echo", json!({ "text": "x" })).saying("Let me see.");
    script.answer(both).await?;
    script.answer(Answer::text("Seen.")).await?;
    let agent = NewAgent::new("beside")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Look.")
        .completed(&api)
        .await?;
    ensure!(
        done.status()?.messages[1].content == "Let me see.",
        "{done:?}"
    );
    let asked = script.finish().await?;
    ensure!(
        asked[1].messages().contains(&("assistant", "Let me see.")),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_tools_own_error_is_told_to_the_model() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("fails").await?;
    script
        .answer(Answer::tool("fail", json!({ "message": "no such city" })))
        .await?;
    script
        .answer(Answer::text("There is no such city."))
        .await?;
    let agent = NewAgent::new("fails")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Weather?")
        .completed(&api)
        .await?;
    let tool = done.tool()?;
    ensure!(tool.status() == ToolCallStatus::ToolCallFailed, "{tool:?}");
    ensure!(tool.error.contains("no such city"), "{tool:?}");
    let asked = script.finish().await?;
    ensure!(
        asked[1].tool_results()[0].contains("no such city"),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_tool_that_does_not_exist_is_told_to_the_model() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("unknown").await?;
    // Beside one that does: its result is not the other's.
    let add = json!({ "a": 1, "b": 2 });
    let both = [("teleport", json!({})), ("add", add)];
    script.answer(Answer::tools(both)).await?;
    script.answer(Answer::text("I cannot.")).await?;
    let agent = NewAgent::new("unknown")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Go there.")
        .completed(&api)
        .await?;
    let statuses: Vec<_> = done.tools()?.iter().map(|t| t.status()).collect();
    let expected = [
        ToolCallStatus::ToolCallFailed,
        ToolCallStatus::ToolCallCompleted,
    ];
    ensure!(statuses == expected, "{:?}", done.tools());
    let asked = script.finish().await?;
    let results = asked[1].tool_results();
    ensure!(
        results[0].contains("teleport") && results[1] == "3",
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn arguments_that_are_no_object_are_told_to_the_model() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("garbled").await?;
    script
        .answer(Answer::tool_raw("add", "{\"a\": 1, \"b\":"))
        .await?;
    script
        .answer(Answer::tool("add", json!({ "a": 1, "b": 1 })))
        .await?;
    script.answer(Answer::text("2.")).await?;
    let agent = NewAgent::new("garbled")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Add.")
        .completed(&api)
        .await?;
    let statuses: Vec<_> = done.tools()?.iter().map(|t| t.status()).collect();
    let expected = [
        ToolCallStatus::ToolCallFailed,
        ToolCallStatus::ToolCallCompleted,
    ];
    ensure!(statuses == expected, "{:?}", done.tools());
    let asked = script.finish().await?;
    ensure!(asked[1].tool_results()[0].contains("JSON"), "{asked:?}");
    Ok(())
}
