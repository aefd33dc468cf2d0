//! Answers as OpenAI sends them.

use serde_json::{Value, json};

use crate::common::{HELLO, alone, events, text};

#[tokio::test]
async fn a_streamed_answer_is_openais() {
    let at = alone().await;
    let usage = json!({ "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 });
    let answer = json!({ "pieces": ["Hel", "lo"], "usage": usage });
    at.put("/scripts/k", json!({ "answers": [answer] })).await;
    let wishes = json!({ "include_usage": true });
    let body =
        json!({ "model": "script/k", "stream": true, "stream_options": wishes, "messages": [] });
    let events = events(at.send(body).await.unwrap()).await;
    let (done, events) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    for event in events {
        assert_eq!(event["object"], "chat.completion.chunk", "{event}");
        assert_eq!(event["model"], "script/k");
        assert_eq!(event["id"], "chatcmpl-k-1");
        assert!(event["created"].as_i64().unwrap() > 1_700_000_000);
    }
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(
        events[1]["choices"][0]["delta"],
        json!({ "content": "Hel" })
    );
    assert_eq!(events[2]["choices"][0]["delta"], json!({ "content": "lo" }));
    assert_eq!(events[2]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(events[3]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[3]["usage"], Value::Null);
    assert_eq!(events[4]["choices"], json!([]));
    assert_eq!(events[4]["usage"], usage);
    assert_eq!(events.len(), 5);
}

#[tokio::test]
async fn a_whole_answer_is_openais() {
    let at = alone().await;
    let usage = json!({ "total_tokens": 5 });
    let answers = json!([{ "pieces": ["Hel", "lo"], "usage": usage, "finish_reason": "length" }]);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    let answer = at.ask("script/k", false, HELLO).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["usage"], usage);
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "length");
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"], "Hello");
    assert!(choice["message"].get("tool_calls").is_none());
}

#[tokio::test]
async fn tool_calls_come_as_openai_streams_them() {
    let at = alone().await;
    let tools = json!([
        { "name": "add", "arguments": { "a": 12345, "b": 67890 } },
        { "id": "mine", "name": "echo", "arguments": "{\"garb" },
        { "name": "now" },
    ]);
    let answer = json!({ "text": "Let me see.", "tools": tools });
    at.put("/scripts/k", json!({ "answers": [answer, answer] }))
        .await;
    let events = events(at.ask("script/k", true, HELLO).await).await;
    assert_eq!(text(&events), "Let me see.");
    let deltas = events
        .iter()
        .filter_map(|e| e["choices"][0]["delta"]["tool_calls"].as_array());
    let calls: Vec<&Value> = deltas.map(|calls| &calls[0]).collect();
    let first = json!({
        "index": 0, "id": "call_1", "type": "function",
        "function": { "name": "add", "arguments": "" },
    });
    assert_eq!(calls[0], &first);
    let of = |index: u64| calls.iter().filter(move |call| call["index"] == index);
    let said = |index: u64| -> String {
        of(index)
            .map(|c| c["function"]["arguments"].as_str().unwrap())
            .collect()
    };
    assert_eq!(said(0), "{\"a\":12345,\"b\":67890}");
    assert_eq!(said(1), "{\"garb");
    assert_eq!(said(2), "{}");
    assert!(
        of(0).count() > 2 && of(1).count() > 2 && of(2).count() > 2,
        "{calls:?}"
    );
    assert!(
        of(0)
            .skip(1)
            .all(|call| call.get("id").is_none() && call["function"].get("name").is_none())
    );
    let ids: Vec<_> = calls
        .iter()
        .filter_map(|call| call["id"].as_str())
        .collect();
    assert_eq!(ids, ["call_1", "mine", "call_2"]);
    let last = &events[events.len() - 2]["choices"][0];
    assert_eq!(last["finish_reason"], "tool_calls");

    let whole: Value = at.ask("script/k", false, HELLO).await.json().await.unwrap();
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], "Let me see.");
    assert_eq!(message["tool_calls"][0]["id"], "call_3");
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{\"garb");
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
}
