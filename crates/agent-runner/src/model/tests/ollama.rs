//! A real Ollama's answers, as it gave them (testdata/ollama).

use super::*;

/// An answer as it was recorded, framed anew: the recordings have plain line ends and no chunks.
fn played(recorded: &str) -> Vec<u8> {
    let (head, body) = recorded.split_once("\n\n").unwrap();
    let line = head.lines().next().unwrap().strip_prefix("HTTP/1.1 ");
    status(line.unwrap(), body).into_bytes()
}

macro_rules! ollama {
    ($name:literal) => {
        played(include_str!(concat!(
            "../../../testdata/ollama/",
            $name,
            ".http"
        )))
    };
}

#[tokio::test]
async fn its_stream_is_read_with_reason_model_and_tokens() {
    let (url, _seen) = serve(vec![ollama!("stream")], true).await;
    let answer = whole(&model(&url)).await.unwrap();
    assert_eq!(answer.text, "I'm so glad");
    assert_eq!(
        (answer.finish_reason.as_str(), answer.model.as_str()),
        ("length", "smoltools")
    );
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output), (11, 4));
}

#[tokio::test]
async fn a_name_that_it_has_not_is_refused_in_its_words() {
    let (url, mut seen) = serve(vec![ollama!("no-such-model")], true).await;
    let error = whole(&model(&url)).await.unwrap_err();
    assert!(
        !error.retryable && error.why.contains("model 'nosuch' not found"),
        "{error}"
    );
    assert!(seen.recv().await.is_some() && seen.try_recv().is_err());
}

#[tokio::test]
async fn a_model_of_it_without_tools_is_named() {
    let (url, _seen) = serve(vec![ollama!("no-tools")], true).await;
    let spec = ToolSpec {
        name: "add".to_owned(),
        description: String::new(),
        parameters: serde_json::json!({}),
        server: None,
    };
    let hello = [ChatMessage::user("hello")];
    let asked = model(&url)
        .ask("smollm2:135m", &hello, &[&spec], 24, None)
        .await;
    let error = asked.err().unwrap();
    assert_eq!((error.kind, error.retryable), ("ModelWithoutTools", false));
    assert!(
        error.why.contains("smollm2:135m does not support tools"),
        "{error}"
    );
}

#[tokio::test]
async fn what_it_counts_of_a_question_that_it_cut_is_known() {
    let (url, _seen) = serve(vec![ollama!("truncated")], true).await;
    let answer = whole(&model(&url)).await.unwrap();
    assert_eq!(answer.usage.unwrap().input, 2050);
}

#[tokio::test]
async fn it_is_asked_for_the_context_of_the_model_that_is_loaded() {
    let replies = [ollama!("models"), ollama!("ps")];
    let (url, mut seen) = serve(replies.into(), true).await;
    assert_eq!(model(&url).context("smollm2:135m").await, Some(4096));
    for place in ["GET /v1/models ", "GET /api/ps "] {
        assert!(seen.recv().await.unwrap().starts_with(place), "{place}");
    }
    // Another one is not loaded yet, and its maker's length is not the one that it will be loaded with.
    let replies = [ollama!("models"), ollama!("ps"), ollama!("show")];
    let (url, mut seen) = serve(replies.into(), true).await;
    assert_eq!(model(&url).context("smoltools").await, None);
    for place in ["GET /v1/models ", "GET /api/ps ", "POST /api/show "] {
        assert!(seen.recv().await.unwrap().starts_with(place), "{place}");
    }
}

/// It decides when it loads the model, which is when it is asked.
#[tokio::test]
async fn it_is_asked_for_the_context_again_once_it_has_loaded_the_model() {
    let ps = include_str!("../../../testdata/ollama/ps.http");
    let loaded = played(&ps.replace("smollm2:135m", "smoltools:latest"));
    let replies = [ollama!("models"), ollama!("ps"), ollama!("show"), loaded];
    let (url, mut seen) = serve(replies.into(), true).await;
    let model = model(&url);
    assert_eq!(model.context("smoltools").await, None);
    assert_eq!(model.context_once_loaded("smoltools").await, Some(4096));
    // Once.
    assert_eq!(model.context_once_loaded("smoltools").await, Some(4096));
    assert_eq!(model.context("smoltools").await, Some(4096));
    for place in [
        "GET /v1/models ",
        "GET /api/ps ",
        "POST /api/show ",
        "GET /api/ps ",
    ] {
        assert!(seen.recv().await.unwrap().starts_with(place), "{place}");
    }
    assert!(seen.try_recv().is_err());
}

/// It may have been started anew with less than it had, or than was set.
#[tokio::test]
async fn it_is_asked_for_the_context_that_it_has_now_whatever_was_set() {
    let (url, mut seen) = serve([ollama!("models"), ollama!("ps")].into(), true).await;
    let model = told(&url, &["--llm-context-tokens", "32768"]);
    let name = "smollm2:135m";
    assert_eq!(model.context(name).await, Some(32_768));
    assert_eq!(model.context_once_loaded(name).await, Some(32_768));
    assert!(seen.try_recv().is_err());
    assert_eq!(model.context_by_server(name).await, Some(4096));
}
