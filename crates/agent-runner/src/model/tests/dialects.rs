//! What servers send, and what comes of it. The sources are in docs/models.md.

mod messages;
mod rare;

use super::*;

/// A row: where it is seen, its body, and the answer or the kind of error.
struct Row {
    what: &'static str,
    body: String,
    expected: Result<Said, &'static str>,
}

/// Text, names and arguments of calls, finish reason.
type Said = (&'static str, Calls, &'static str);
type Calls = &'static [(&'static str, &'static str)];

fn said(
    what: &'static str,
    body: impl Into<String>,
    text: &'static str,
    reason: &'static str,
) -> Row {
    Row {
        what,
        body: body.into(),
        expected: Ok((text, &[], reason)),
    }
}

fn called(what: &'static str, body: impl Into<String>, calls: Calls, reason: &'static str) -> Row {
    Row {
        what,
        body: body.into(),
        expected: Ok(("", calls, reason)),
    }
}

fn failed(what: &'static str, body: impl Into<String>, kind: &'static str) -> Row {
    Row {
        what,
        body: body.into(),
        expected: Err(kind),
    }
}

fn events(events: &[&str]) -> String {
    events.iter().map(|e| format!("data: {e}\n\n")).collect()
}

const DONE: &str = "[DONE]";
const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}"#;
const HALF: &str =
    r#"{"choices":[{"index":0,"delta":{"content":"The answer is not "},"finish_reason":""}]}"#;

fn rows() -> Vec<Row> {
    let mut rows = text();
    rows.extend(ends());
    rows.extend(calls());
    rows.extend(errors());
    rows.extend(rare::rows());
    rows.extend(messages::rows());
    rows
}

fn text() -> Vec<Row> {
    let null_delta = r#"{"choices":[{"index":0,"delta":null,"finish_reason":"stop"}]}"#;
    let null_choices = r#"{"choices":null,"usage":{"total_tokens":3}}"#;
    let filtered = r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#;
    let thinking = r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]}}]}"#;
    let part = r#"{"choices":[{"delta":{"content":[{"type":"text","text":"Hello"},{"type":"reference","reference_ids":[1]}]}}]}"#;
    let there = r#"{"choices":[{"delta":{"content":" there"}}]}"#;
    let reasoned =
        r#"{"choices":[{"delta":{"content":"","reasoning":"Hm.","reasoning_content":null}}]}"#;
    let refusal = r#"{"choices":[{"delta":{"content":null,"refusal":"I cannot."}}]}"#;
    let other = r#"{"choices":[{"index":1,"delta":{"content":"Another"}}]}"#;
    let whole = r#"{"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}"#;
    let cumulative = r#"{"choices":[{"delta":{"content":"lo"},"message":{"content":"Hello"},"finish_reason":null}]}"#;
    let hel = r#"{"choices":[{"delta":{"content":"Hel"},"message":{"content":"Hel"}}]}"#;
    vec![
        said("plain", events(&[HELLO, STOP, DONE]), "Hello", "stop"),
        said(
            "null-delta: cline#8527",
            events(&[HELLO, null_delta, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "null-choices: autogen#7711",
            events(&[HELLO, STOP, null_choices, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "Azure: a piece without choices",
            events(&[filtered, HELLO, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "list-content: vercel/ai#8072",
            events(&[thinking, part, there, STOP, DONE]),
            "Hello there",
            "stop",
        ),
        said(
            "thoughts beside the answer",
            events(&[reasoned, HELLO, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "OpenAI: a refusal is what it says",
            events(&[refusal, STOP, DONE]),
            "I cannot.",
            "stop",
        ),
        said(
            "another answer beside the first",
            events(&[HELLO, other, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "bom: eventsource-stream#10",
            format!("\u{feff}{}", events(&[HELLO, STOP, DONE])),
            "Hello",
            "stop",
        ),
        said(
            "comments: Floway#498",
            format!(": waiting\n\n{}", events(&[HELLO, STOP, DONE])),
            "Hello",
            "stop",
        ),
        said(
            "no blank line between",
            format!("data: {HELLO}\ndata: {STOP}\n\n"),
            "Hello",
            "stop",
        ),
        said(
            "no blank line at the end",
            format!("data: {HELLO}\n\ndata: {STOP}"),
            "Hello",
            "stop",
        ),
        said("json-whole: a2a-rs#134", whole, "Hello", "stop"),
        said(
            "the whole in one event",
            events(&[whole, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "pieces, and all of it beside each",
            events(&[hel, cumulative, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "all of it once more at the end",
            events(&[HELLO, whole, DONE]),
            "Hello",
            "stop",
        ),
    ]
}

fn ends() -> Vec<Row> {
    let end =
        |reason: &str| format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
    let with = |reason: &str| {
        format!(r#"{{"choices":[{{"delta":{{"content":"Hello"}},"finish_reason":"{reason}"}}]}}"#)
    };
    let thought = r#"{"choices":[{"index":0,"delta":{"reasoning_content":"First I think"},"finish_reason":null}]}"#;
    vec![
        said(
            "empty-finish-good",
            events(&[&HELLO.replace("null}", "\"\"}"), STOP, DONE]),
            "Hello",
            "stop",
        ),
        failed(
            "empty-finish: ollama#4357, sglang#3912",
            events(&[HALF]),
            "ModelBrokeOff",
        ),
        said(
            "the reason beside the last words: vllm#35705",
            events(&[&with("stop"), DONE]),
            "Hello",
            "stop",
        ),
        said(
            "no mark of the end",
            events(&[HELLO, STOP]),
            "Hello",
            "stop",
        ),
        said(
            "the mark alone: Gemini through proxies",
            events(&[HELLO, DONE]),
            "Hello",
            "",
        ),
        said(
            "cut-by-length",
            events(&[HELLO, &end("length"), DONE]),
            "Hello",
            "length",
        ),
        said(
            "content_filter",
            events(&[HELLO, &end("content_filter"), DONE]),
            "Hello",
            "content_filter",
        ),
        said(
            "words after a reason: open-webui#16377",
            events(&[&end("stop"), HELLO, &end("stop"), DONE]),
            "Hello",
            "stop",
        ),
        failed(
            "reasoning-only: nest-server#607",
            events(&[thought, &end("length"), DONE]),
            "ModelSpentItself",
        ),
        failed(
            "filtered whole",
            events(&[&end("content_filter"), DONE]),
            "ModelFiltered",
        ),
        failed("empty", events(&[&end("stop"), DONE]), "ModelSaidNothing"),
        failed(
            "DeepSeek: out of resources",
            events(&[HELLO, &end("insufficient_system_resource"), DONE]),
            "ModelBrokeOff",
        ),
        failed(
            "OpenRouter: an error as reason",
            events(&[HELLO, &end("error"), DONE]),
            "ModelBrokeOff",
        ),
        failed("nothing at all", "", "ModelBrokeOff"),
        failed(
            "a page",
            "<html>\n<body>502 Bad Gateway</body>\n",
            "ModelBrokeOff",
        ),
        failed(
            "half an object",
            format!("data: {}", &HELLO[..40]),
            "ModelGarbage",
        ),
        failed(
            "words in an unknown shape",
            events(&[r#"{"choices":[{"delta":{"content":7}}]}"#, STOP, DONE]),
            "ModelGarbage",
        ),
        failed(
            "a part that is no text",
            events(&[
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":7}]}}]}"#,
                STOP,
            ]),
            "ModelGarbage",
        ),
    ]
}

fn calls() -> Vec<Row> {
    let call = |index: &str, id: &str, name: &str| {
        format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{{index}"id":{id},"function":{{"name":"{name}","arguments":"{{}}"}}}}]}}}}]}}"#
        )
    };
    let (good, bad) = (
        call(r#""index":0,"#, r#""""#, "good"),
        call(r#""index":0,"#, r#""""#, "bad"),
    );
    let (a, b) = (call("", r#""a""#, "good"), call("", r#""b""#, "good"));
    let end = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#;
    let odd = call(r#""index":0,"#, r#""a""#, "good<|channel|>json");
    let old = r#"{"choices":[{"delta":{"function_call":{"name":"good","arguments":"{}"}}}]}"#;
    let object = r#"{"choices":[{"delta":{"tool_calls":{"id":"a","function":{"name":"good","arguments":{"x":1}}}}}]}"#;
    let null = r#"{"choices":[{"delta":{"content":null,"tool_calls":null}}]}"#;
    let whole = r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"good","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
    vec![
        called(
            "calls-one-index: lens#49, phoenix#11376",
            events(&[&good, &bad, STOP, DONE]),
            &[("good", "{}"), ("bad", "{}")],
            "stop",
        ),
        called(
            "Gemini: no index",
            events(&[&a, &b, STOP, DONE]),
            &[("good", "{}"), ("good", "{}")],
            "stop",
        ),
        called(
            "odd-name: vercel/ai#9173",
            events(&[&odd, end, DONE]),
            &[("good<|channel|>json", "{}")],
            "tool_calls",
        ),
        called(
            "the old function_call",
            events(&[old, end, DONE]),
            &[("good", "{}")],
            "tool_calls",
        ),
        called(
            "one call, not in a list; an object, not a text",
            events(&[object, null, end, DONE]),
            &[("good", r#"{"x":1}"#)],
            "tool_calls",
        ),
        called(
            "a whole answer that calls",
            whole,
            &[("good", "{}")],
            "tool_calls",
        ),
    ]
}

fn errors() -> Vec<Row> {
    let of = |code: &str| {
        format!(r#"{{"error":{{"code":{code},"message":"prompt has 9000 tokens"}},"choices":[]}}"#)
    };
    let beside = r#"{"choices":[{"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"gone"}}]}"#;
    vec![
        failed(
            "err400: jp#978, hermes-agent#65631",
            events(&[&of("400")]),
            "ModelRefused",
        ),
        failed(
            "429 in a stream",
            events(&[HELLO, &of("429")]),
            "ModelRateLimited",
        ),
        failed(
            "503 as a text",
            events(&[&of("\"503\"")]),
            "ModelServerError",
        ),
        failed("no number", events(&[&of("null")]), "ModelServerError"),
        failed(
            "OpenRouter: in a choice",
            events(&[HELLO, beside]),
            "ModelServerError",
        ),
        failed(
            "json-error: deep-chat#361",
            r#"{"error": {"code": 401, "message": "this key has expired"}}"#,
            "ModelRefused",
        ),
        failed(
            "Gemini: in a list",
            r#"[{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}]"#,
            "ModelRefused",
        ),
        failed(
            "error-field: llama.cpp#16109",
            "error: {\"code\":400,\"message\":\"too long\",\"type\":\"invalid_request_error\"}\n\n",
            "ModelRefused",
        ),
        failed(
            "an event named error",
            "event: error\ndata: {\"code\":400,\"message\":\"too long\"}\n\n",
            "ModelRefused",
        ),
        failed(
            "vLLM: an object that is an error",
            events(&[
                r#"{"object":"error","message":"too long","type":"BadRequestError","code":400}"#,
            ]),
            "ModelRefused",
        ),
    ]
}

#[tokio::test]
async fn every_dialect_is_understood() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    for Row {
        what,
        body,
        expected,
    } in rows()
    {
        let (url, _seen) = serve(vec![format!("{head}{body}").into_bytes()], true).await;
        let came = whole(&model(&url)).await;
        let calls = |answer: &Answer| -> Vec<(String, String)> {
            let calls = answer.calls.iter();
            calls
                .map(|c| (c.name.clone(), c.arguments.clone()))
                .collect()
        };
        match (came, expected) {
            (Ok(answer), Ok((text, expected, reason))) => {
                let expected: Vec<_> = expected
                    .iter()
                    .map(|(n, a)| ((*n).to_owned(), (*a).to_owned()))
                    .collect();
                assert_eq!(
                    (answer.text.as_str(), answer.finish_reason.as_str()),
                    (text, reason),
                    "{what}"
                );
                assert_eq!(calls(&answer), expected, "{what}");
            }
            (Err(error), Err(kind)) => {
                let retryable = [
                    "ModelBrokeOff",
                    "ModelGarbage",
                    "ModelSaidNothing",
                    "ModelServerError",
                    "ModelRateLimited",
                ];
                assert_eq!(
                    (error.kind, error.retryable),
                    (kind, retryable.contains(&kind)),
                    "{what}: {error}"
                );
            }
            (came, expected) => panic!("{what}: {came:?}, expected {expected:?}"),
        }
    }
}
