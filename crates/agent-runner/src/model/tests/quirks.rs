//! What is said differently to a model that refused, what is waited for, and what an end tells.

use super::*;

fn refusal(status: &str, body: &str) -> Vec<u8> {
    self::status(status, body).into_bytes()
}

fn hello() -> Vec<u8> {
    stream(&[HEL, LO, STOP, "[DONE]"]).into_bytes()
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn a_parameter_that_is_refused_is_not_sent_again() {
    let azure = r#"{"error":{"message":"'max_tokens' is not taken by this model; send 'max_completion_tokens'","code":"unsupported_parameter"}}"#;
    let mistral = r#"{"message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options","include_usage"]}]}}"#;
    let replies = vec![
        refusal("400 Bad Request", azure),
        refusal("422 Unprocessable Entity", mistral),
        hello(),
        hello(),
    ];
    let (url, mut seen) = serve(replies, true).await;
    let model = model(&url);
    for _ in 0..2 {
        assert_eq!(whole(&model).await.unwrap().text, "Hello");
    }
    let mut sent = Vec::new();
    for _ in 0..4 {
        let body = body(&seen.recv().await.unwrap());
        let usage = body["stream_options"]["include_usage"].as_bool();
        sent.push((
            body["max_tokens"].as_u64(),
            body["max_completion_tokens"].as_u64(),
            usage,
        ));
    }
    let (old, new) = (Some(24), Some(24));
    assert_eq!(
        sent,
        [
            (old, None, Some(true)),
            (None, new, Some(true)),
            (None, new, None),
            (None, new, None)
        ]
    );
}

#[tokio::test]
async fn calls_go_back_with_thoughts_to_a_model_that_misses_them() {
    let missing = r#"{"error":{"message":"thinking is enabled but reasoning_content is missing in assistant tool call message at index 1","type":"invalid_request_error"}}"#;
    let replies = vec![refusal("400 Bad Request", missing), hello(), hello()];
    let (url, mut seen) = serve(replies, true).await;
    let model = model(&url);
    let messages = [
        ChatMessage::user("hello"),
        ChatMessage::assistant("", vec![FunctionCall::new("a", "add", "{}".to_owned())]),
        ChatMessage::tool("a", "2"),
    ];
    for _ in 0..2 {
        let asked = model.ask("m", &messages, &[], 24, None).await;
        let mut answer = asked.unwrap();
        while answer.grow().await.unwrap() {}
    }
    let mut sent = Vec::new();
    for _ in 0..3 {
        let body = body(&seen.recv().await.unwrap());
        let messages = &body["messages"];
        sent.push([0_usize, 1, 2].map(|i| messages[i].get("reasoning_content").cloned()));
    }
    let with = [None, Some(Value::from(" ")), None];
    assert_eq!(sent, [[None, None, None], with.clone(), with]);
}

#[tokio::test]
async fn a_refusal_that_teaches_nothing_is_told_at_once() {
    let same = "max_completion_tokens is too large: 24";
    let (url, mut seen) = serve(vec![refusal("400 No", same), refusal("400 No", same)], true).await;
    let error = whole(&model(&url)).await.unwrap_err();
    assert_eq!((error.kind, error.retryable), ("ModelRefused", false));
    assert!(seen.recv().await.is_some() && seen.recv().await.is_some());
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn a_model_without_tools_is_named_with_what_to_do() {
    // The last one tells it as an error of its own.
    for (status, words) in [
        (
            "400 Bad Request",
            r#"{"error":{"message":"smollm2:135m does not support tools"}}"#,
        ),
        (
            "500 Oops",
            r#"{"error":{"message":"tools param requires --jinja flag"}}"#,
        ),
    ] {
        let (url, _seen) = serve(vec![refusal(status, words)], true).await;
        let spec = ToolSpec {
            name: "add".to_owned(),
            description: String::new(),
            parameters: serde_json::json!({}),
            server: None,
        };
        let asked = model(&url)
            .ask("m", &[ChatMessage::user("hello")], &[&spec], 24, None)
            .await;
        let error = asked.err().unwrap();
        assert_eq!((error.kind, error.retryable), ("ModelWithoutTools", false));
        assert!(error.why.contains("docs/models.md"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_has_ended_is_not_waited_for() {
    let replies = vec![stream(&[HEL, LO, STOP]).into_bytes()];
    let (url, _seen) = serve(replies, false).await;
    let began = Instant::now();
    assert_eq!(whole(&model(&url)).await.unwrap().text, "Hello");
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
}

/// Sends a comment every 300 ms, `times` times, then the answer.
async fn murmuring(times: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read(&mut stream).await;
        let head = self::stream(&[]);
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..times {
            tokio::time::sleep(Duration::from_millis(300)).await;
            if stream.write_all(b": waiting\n\n").await.is_err() {
                return;
            }
        }
        let _ = stream
            .write_all(format!("data: {HEL}\n\ndata: {STOP}\n\n").as_bytes())
            .await;
    });
    url
}

#[tokio::test]
async fn any_byte_is_life_until_the_whole_answer_takes_too_long() {
    // In all longer than its silence may be, and that longer than the machine stands still.
    let url = murmuring(20).await;
    let patient = told(&url, &["--llm-timeout", "5"]);
    assert_eq!(whole(&patient).await.unwrap().text, "Hel");
    let url = murmuring(20).await;
    let error = whole(&told(&url, &["--llm-timeout", "60", "--llm-answer", "2"]))
        .await
        .unwrap_err();
    assert_eq!((error.kind, error.retryable), ("ModelTooSlow", false));
    assert!(error.why.contains("STIGMER_LLM_ANSWER_SECONDS"), "{error}");
}

/// Sends a part of an answer, and the rest after a pause that is longer than what is waited for after an end.
async fn pausing(first: String, rest: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read(&mut stream).await;
        stream.write_all(first.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let _ = stream.write_all(rest.as_bytes()).await;
    });
    url
}

#[tokio::test]
async fn a_message_beside_an_empty_piece_is_no_end() {
    let hel = r#"{"choices":[{"delta":{"content":"Hel"},"message":{"content":"Hel"}}]}"#;
    let empty = r#"{"choices":[{"delta":{"content":""},"message":{"content":"Hel"}}]}"#;
    let rest = format!("data: {LO}\n\ndata: {STOP}\n\n");
    let url = pausing(stream(&[hel, empty]), rest).await;
    assert_eq!(whole(&model(&url)).await.unwrap().text, "Hello");
}

#[tokio::test]
async fn an_end_tells_reason_model_and_usage() {
    let named = r#"{"model":"smoltools","choices":[{"delta":{"content":"Hi"},"finish_reason":"length"}],"usage":null}"#;
    let usage = r#"{"model":"smoltools","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":4,"total_tokens":15}}"#;
    let (url, _seen) = serve(vec![stream(&[named, usage, "[DONE]"]).into_bytes()], true).await;
    let answer = whole(&model(&url)).await.unwrap();
    let usage = answer.usage.unwrap();
    assert_eq!(
        (answer.finish_reason.as_str(), answer.model.as_str()),
        ("length", "smoltools")
    );
    assert_eq!((usage.input, usage.output), (11, 4));
}

#[tokio::test]
async fn an_answer_of_thoughts_alone_names_what_was_used_up_and_the_setting() {
    let thought =
        r#"{"choices":[{"delta":{"reasoning_content":"First I think"},"finish_reason":"length"}]}"#;
    let (url, _seen) = serve(vec![stream(&[thought, "[DONE]"]).into_bytes()], true).await;
    let error = whole(&model(&url)).await.unwrap_err();
    assert_eq!(error.kind, "ModelSpentItself");
    assert!(
        error.why.contains("used up its 24 tokens on thoughts"),
        "{error}"
    );
    assert!(error.why.contains("STIGMER_LLM_MAX_TOKENS"), "{error}");
}

#[tokio::test]
async fn thoughts_that_no_word_follows_are_told_as_that() {
    let thought = r#"{"choices":[{"delta":{"reasoning_content":"First I think"}}]}"#;
    let reply = stream(&[thought, STOP, "[DONE]"]);
    let error = ask(&reply, true).await.unwrap_err();
    assert_eq!((error.kind, error.retryable), ("ModelSaidNothing", true));
    assert!(error.why.contains("thoughts only"), "{error}");
}

#[tokio::test]
async fn an_error_page_without_an_end_is_read_so_far_and_no_further() {
    let page = "x".repeat(MOST_OF_A_REFUSAL + 1);
    let reply = format!("HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n{page}");
    let (url, _seen) = serve(vec![reply.into_bytes()], false).await;
    let error = whole(&model(&url)).await.unwrap_err();
    assert_eq!(error.kind, "ModelServerError", "{error}");
}

/// By a header, in the body, or in a stream that has begun.
#[tokio::test]
async fn a_busy_model_is_asked_again_when_it_says() {
    let retry_info = r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7.5s"}]}}]"#;
    let in_stream =
        r#"{"error":{"code":429,"message":"Rate limit reached. Please try again in 7.5s."}}"#;
    for reply in [
        refusal("429 Too Many Requests\r\nllm_provider-retry-after: 7.5", ""),
        refusal("503 Service Unavailable\r\nretry-after: 7.5", ""),
        refusal("429 Too Many Requests", retry_info),
        stream(&[in_stream]).into_bytes(),
    ] {
        let (url, _seen) = serve(vec![reply.clone()], true).await;
        let error = whole(&model(&url)).await.unwrap_err();
        let after = error.retry_after.map(|it| it.as_secs_f64());
        assert_eq!(
            (error.retryable, after),
            (true, Some(7.5)),
            "{}",
            String::from_utf8_lossy(&reply)
        );
    }
}

/// It is no matter of waiting; a quota by the minute is.
#[tokio::test]
async fn who_has_no_credit_left_is_not_asked_again() {
    let spent = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let often = r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;
    let cerebras = r#"{"message":"Tokens per minute limit exceeded - too many tokens processed.","type":"too_many_tokens_error","param":"quota","code":"token_quota_exceeded"}"#;
    let qwen = r#"{"error":{"message":"Allocated quota exceeded, please increase your quota limit.","type":"Throttling.AllocationQuota","code":"Throttling.AllocationQuota"}}"#;
    let (gone, passes) = (("ModelRefused", false), ("ModelRateLimited", true));
    for (more, body, expected) in [
        ("", spent, gone),
        ("", often, passes),
        ("", cerebras, passes),
        ("", qwen, passes),
        // Who says when has not gone.
        ("\r\nretry-after: 20", spent, passes),
    ] {
        let status = format!("429 Too Many Requests{more}");
        let (url, _seen) = serve(vec![refusal(&status, body)], true).await;
        let error = whole(&model(&url)).await.unwrap_err();
        assert_eq!((error.kind, error.retryable), expected, "{error}");
    }
}

/// Groq refuses with 400 what its own model wrote.
#[tokio::test]
async fn a_call_that_a_model_failed_to_say_is_asked_for_again() {
    let failed = r#"{"error":{"message":"Failed to call a function. See 'failed_generation'.","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<function=add>"}}"#;
    let (url, mut seen) = serve(vec![refusal("400 Bad Request", failed)], true).await;
    let error = whole(&model(&url)).await.unwrap_err();
    assert_eq!((error.kind, error.retryable), ("ModelBrokeOff", true));
    assert!(error.why.contains("Failed to call a function"), "{error}");
    assert!(seen.recv().await.is_some() && seen.try_recv().is_err());
}
