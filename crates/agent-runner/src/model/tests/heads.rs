//! What the head of a response has to say.

use super::*;

/// What servers name there that is no compression.
#[tokio::test]
async fn an_encoding_that_changes_no_byte_is_passed_over() {
    for encoding in ["none", "utf-8", "identity", "UTF-8, identity", ""] {
        let reply = stream(&[HEL, LO, STOP, "[DONE]"]);
        let named = format!("\r\ncontent-encoding: {encoding}\r\nconnection:");
        let reply = reply.replace("\r\nconnection:", &named);
        assert_eq!(ask(&reply, true).await.unwrap(), "Hello", "{encoding}");
    }
}

#[tokio::test]
async fn an_answer_that_is_compressed_unasked_is_told_as_that() {
    let reply =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n\x1f\x8b\x08\x00";
    let (url, _seen) = serve(vec![reply.to_vec()], true).await;
    let error = whole(&model(&url)).await.unwrap_err();
    assert!(
        error.why.contains("content-encoding gzip") && !error.retryable,
        "{error}"
    );
}

/// Led away so, it would be asked for by GET: without a word.
#[tokio::test]
async fn a_question_that_would_be_lost_on_the_way_says_where_it_was_led() {
    for line in ["301 Moved Permanently", "302 Found", "303 See Other"] {
        let to = "http://user:hush@127.0.0.1:1/other/v1/chat/completions?key=hush";
        let reply = status(&format!("{line}\r\nlocation: {to}"), "");
        let (url, mut seen) = serve(vec![reply.into_bytes()], true).await;
        let error = whole(&model(&url)).await.unwrap_err();
        assert_eq!((error.kind, error.retryable), ("ModelMoved", false));
        let told = "moved to http://127.0.0.1:1/other/v1; set STIGMER_LLM_BASE_URL";
        assert!(error.why.contains(told), "{error}");
        assert!(!error.why.contains("hush"), "{error}");
        assert!(seen.recv().await.is_some() && seen.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_question_that_keeps_its_words_is_followed() {
    for line in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let led = status(&format!("{line}\r\nlocation: /v2/chat/completions"), "");
        let there = stream(&[HEL, LO, STOP, "[DONE]"]);
        let replies = vec![led.into_bytes(), there.into_bytes()];
        let (url, mut seen) = serve(replies, true).await;
        assert_eq!(whole(&model(&url)).await.unwrap().text, "Hello");
        seen.recv().await.unwrap();
        let asked = seen.recv().await.unwrap();
        assert!(asked.starts_with("POST /v2/chat/completions "), "{asked}");
        assert!(asked.contains("\"hello\""), "{asked}");
    }
}

/// It has no words to lose.
#[tokio::test]
async fn the_list_of_models_is_asked_for_wherever_it_is_led() {
    let led = status("301 Moved Permanently\r\nlocation: /v1/models/", "");
    let replies = vec![led.into_bytes(), status("200 OK", "{}").into_bytes()];
    let (url, mut seen) = serve(replies, true).await;
    assert!(model(&url).probe().await.is_ok());
    seen.recv().await.unwrap();
    let asked = seen.recv().await.unwrap();
    assert!(asked.starts_with("GET /v1/models/ "), "{asked}");
}
