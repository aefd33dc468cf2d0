//! What fewer servers send.

use super::*;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = said_otherwise();
    rows.extend(called_otherwise());
    rows.extend(failed_otherwise());
    rows
}

fn said_otherwise() -> Vec<Row> {
    let beside = r#"{"choices":[{"delta":{"role":"assistant","content":""},"message":{"content":"Hello"}}]}"#;
    let one = r#"{"choices":{"delta":{"content":"Hello"}}}"#;
    let second = r#"{"choices":[{"index":1,"delta":{"content":"Hello"}}]}"#;
    let stop_of_second = r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#;
    let fine = r#"{"choices":[{"delta":{"content":"Hello"}}],"base_resp":{"status_code":0,"status_msg":""}}"#;
    let oldest = r#"{"choices":[{"index":0,"text":"Hello"}]}"#;
    let empty_error =
        r#"{"error":{"code":0,"message":""},"choices":[{"delta":{"content":"Hello"}}]}"#;
    let no_number = r#"{"choices":[{"delta":{"content":"Hello"},"logprobs":{"content":[{"logprob":-Infinity}]}}]}"#;
    let half = r#"{"choices":[{"delta":{"content":"Hello \ud83d"}}]}"#;
    let other_half = r#"{"choices":[{"delta":{"content":"\ude00!"}}]}"#;
    let tab = "{\"choices\":[{\"delta\":{\"content\":\"Hello\tyou\"}}]}";
    let plain = events(&[HELLO, STOP, DONE]);
    vec![
        said(
            "a message beside an empty delta",
            events(&[beside, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "an answer that is not the first",
            events(&[second, stop_of_second, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "a choice that is no list",
            events(&[one, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "text, as before there were messages",
            events(&[oldest, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "MiniMax: no failure beside the answer",
            events(&[fine, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "an error in form alone",
            events(&[empty_error, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "a number that is none",
            events(&[no_number, STOP, DONE]),
            "Hello",
            "stop",
        ),
        said(
            "half a character",
            events(&[half, STOP, DONE]),
            "Hello \u{fffd}",
            "stop",
        ),
        said(
            "a character in two pieces",
            events(&[half, other_half, STOP, DONE]),
            "Hello \u{1f600}!",
            "stop",
        ),
        said(
            "a control character",
            events(&[tab, STOP, DONE]),
            "Hello\tyou",
            "stop",
        ),
        said(
            "another mark of the end",
            events(&[HELLO, STOP, "DONE"]),
            "Hello",
            "stop",
        ),
        said(
            "the mark of the end in quotes",
            events(&[HELLO, STOP, "\"[DONE]\""]),
            "Hello",
            "stop",
        ),
        said(
            "pings with a name",
            format!("event: ping\ndata: {{}}\n\n{plain}"),
            "Hello",
            "stop",
        ),
        said(
            "pings without",
            format!("data: ping\n\ndata: : keep-alive\n\ndata: 1730000000\n\n{plain}"),
            "Hello",
            "stop",
        ),
        said(
            "news beside the answer",
            format!("event: status\ndata: {{\"message\":\"You are number 3\"}}\n\n{plain}"),
            "Hello",
            "stop",
        ),
        said(
            "an answer under another name",
            format!("event: chunk\n{plain}"),
            "Hello",
            "stop",
        ),
    ]
}

fn called_otherwise() -> Vec<Row> {
    let both = r#"{"choices":[{"message":{"tool_calls":[{"id":"a","function":{"name":"add","arguments":"{}"}}],"function_call":{"name":"add","arguments":"{}"}},"finish_reason":"tool_calls"}]}"#;
    let none = r#"{"choices":[{"message":{"tool_calls":[],"function_call":{"name":"add","arguments":"{}"}},"finish_reason":"function_call"}]}"#;
    const ADD: Calls = &[("add", "{}")];
    vec![
        called(
            "llama-cpp-python: one call in both dialects",
            both,
            ADD,
            "tool_calls",
        ),
        called(
            "the older one beside an empty list",
            none,
            ADD,
            "function_call",
        ),
    ]
}

fn failed_otherwise() -> Vec<Row> {
    let ended = |reason: &str| {
        let stop = STOP.replace("\"stop\"", &format!("{reason:?}"));
        events(&[HALF, &stop, DONE])
    };
    let filtered = |reason: &str| {
        let stop = STOP.replace("\"stop\"", &format!("{reason:?}"));
        events(&[&stop, DONE])
    };
    let groq_stops = r#"{"choices":[],"x_groq":{"id":"r","error":"over capacity"}}"#;
    let groq_refuses = r#"{"error":{"message":"Failed to call a function.","type":"invalid_request_error","code":"tool_use_failed","status_code":400}}"#;
    let too_many = r#"{"error":{"message":"too many tokens processed","param":"quota","code":"token_quota_exceeded"}}"#;
    vec![
        failed(
            "MiniMax",
            r#"{"choices":null,"base_resp":{"status_code":1004,"status_msg":"login fail"}}"#,
            "ModelServerError",
        ),
        failed(
            "Baidu",
            r#"{"error_code":336003,"error_msg":"the prompt is too long"}"#,
            "ModelServerError",
        ),
        failed(
            "Zhipu",
            r#"{"code":1113,"msg":"no credit"}"#,
            "ModelServerError",
        ),
        failed(
            "Cloudflare",
            r#"{"success":false,"errors":[{"code":7003,"message":"no route"}]}"#,
            "ModelServerError",
        ),
        failed(
            "what nobody knows",
            r#"{"state":"closed for today"}"#,
            "ModelBrokeOff",
        ),
        failed("cancelled", ended("cancelled"), "ModelBrokeOff"),
        failed("timeout", ended("timeout"), "ModelBrokeOff"),
        failed(
            "Gemini",
            ended("function_call_filter: MALFORMED_FUNCTION_CALL"),
            "ModelBrokeOff",
        ),
        failed(
            "Gemini: a tool that is not there",
            ended("function_call_filter: UNEXPECTED_TOOL_CALL"),
            "ModelBrokeOff",
        ),
        failed(
            "Gemini: what it cannot read itself",
            ended("MALFORMED_RESPONSE"),
            "ModelBrokeOff",
        ),
        failed(
            "Gemini: too many calls",
            ended("too-many-tool-calls"),
            "ModelBrokeOff",
        ),
        failed("a call without one", ended("tool_calls"), "ModelBrokeOff"),
        failed(
            "the older one, without a word either",
            filtered("function_call"),
            "ModelBrokeOff",
        ),
        failed(
            "Gemini: a picture",
            filtered("IMAGE_SAFETY"),
            "ModelFiltered",
        ),
        failed("Gemini: a language", filtered("LANGUAGE"), "ModelFiltered"),
        failed(
            "Vercel's words",
            filtered("content-filter"),
            "ModelFiltered",
        ),
        failed(
            "Bedrock behind a proxy",
            filtered("guardrail_intervened"),
            "ModelFiltered",
        ),
        failed(
            "Groq: an error beside the pieces",
            events(&[HALF, groq_stops, STOP, DONE]),
            "ModelServerError",
        ),
        failed(
            "Groq: a call that its model failed to say",
            format!("{}event: error\ndata: {groq_refuses}\n\n", events(&[HALF])),
            "ModelBrokeOff",
        ),
        failed(
            "Cerebras: a quota by the minute",
            events(&[HALF, too_many]),
            "ModelRateLimited",
        ),
    ]
}

#[tokio::test]
async fn what_a_server_says_of_its_failure_is_told() {
    let said = [
        (
            r#"{"choices":null,"base_resp":{"status_code":1004,"status_msg":"login fail"}}"#,
            "login fail",
        ),
        (
            r#"{"error_code":336003,"error_msg":"the prompt is too long"}"#,
            "the prompt is too long",
        ),
        (
            r#"{"success":false,"errors":[{"code":7003,"message":"no route"}]}"#,
            "no route",
        ),
        (r#"{"state":"closed for today"}"#, "closed for today"),
    ];
    for (body, words) in said {
        let reply = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{body}"
        );
        let error = ask(&reply, true).await.unwrap_err();
        assert!(error.why.contains(words), "{error}");
    }
}

/// The connection stays open.
#[tokio::test]
async fn a_body_ends_with_its_last_bracket() {
    let body = r#"{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}"#;
    let reply = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{body}");
    assert_eq!(ask(&reply, false).await.unwrap(), "Hello");
}

#[tokio::test]
async fn a_key_that_a_server_says_again_is_not_told() {
    let key = "sk-canary-0123456789";
    let reply = status(
        "401 Unauthorized",
        &format!("{{\"error\":\"no such key: {key}\"}}"),
    );
    let (url, mut seen) = serve(vec![reply.into_bytes()], true).await;
    let error = whole(&told(&url, &["--llm-api-key", &format!("{key}\n")]))
        .await
        .unwrap_err();
    assert!(
        error.why.contains("no such key") && !error.why.contains("canary"),
        "{error}"
    );
    assert!(
        seen.recv()
            .await
            .unwrap()
            .contains(&format!("Bearer {key}\r\n"))
    );
}
