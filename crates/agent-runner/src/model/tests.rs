//! What the client makes of answers that no real model gives on demand.

use clap::Parser;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::{answer_stream::Answer, *};

mod dialects;
mod heads;
mod ollama;
mod quirks;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    llm: ModelArgs,
}

/// One whose silence is waited for longer than any test takes.
fn model(url: &str) -> Model {
    told(url, &["--llm-timeout", "60"])
}

/// One that is given up after a second without a byte.
fn impatient(url: &str) -> Model {
    told(url, &["--llm-timeout", "1"])
}

/// A model with these settings.
fn told(url: &str, more: &[&str]) -> Model {
    let args = ["x", "--llm-base-url", url];
    Model::new(&Cli::parse_from(args.iter().chain(more)).llm).unwrap()
}

/// A server that gives the n-th request the n-th reply, and hangs up after it if `close`; what it is
/// asked is sent on.
async fn serve(replies: Vec<Vec<u8>>, close: bool) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (asked, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut open = Vec::new();
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read(&mut stream).await;
            let _ = asked.send(request);
            let _ = stream.write_all(&reply).await;
            if !close {
                open.push(stream);
            }
        }
        std::future::pending::<()>().await;
    });
    (url, seen)
}

/// A request: its head, and as much of a body as that says.
async fn read(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).await.unwrap();
        request.extend_from_slice(&piece[..n]);
        assert!(n > 0, "the client left");
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length = length
                .split_once("content-length: ")
                .map_or("0", |(_, rest)| rest);
            let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
            if body.len() >= length {
                return text;
            }
        }
    }
}

async fn whole(model: &Model) -> Result<Answer, ModelError> {
    let mut answer = model
        .ask("m", &[ChatMessage::user("hello")], &[], 24, None)
        .await?;
    while answer.grow().await? {}
    Ok(answer.take())
}

/// Asks an address that answers every request with `reply` and then, if `close`, hangs up.
async fn ask(reply: &str, close: bool) -> Result<String, ModelError> {
    let (url, mut seen) = serve(vec![reply.as_bytes().to_vec()], close).await;
    let answered = whole(&model(&url)).await;
    assert!(
        seen.recv()
            .await
            .unwrap()
            .starts_with("POST /v1/chat/completions ")
    );
    answered.map(|answer| answer.text)
}

fn stream(events: &[&str]) -> String {
    let body: String = events.iter().map(|e| format!("data: {e}\n\n")).collect();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{body}")
}

fn status(line: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {line}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

const HEL: &str = r#"{"choices":[{"delta":{"content":"Hel"},"finish_reason":null}]}"#;
const LO: &str = r#"{"choices":[{"delta":{"content":"lo"},"finish_reason":null}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn pieces_make_the_answer() {
    let whole = ask(&stream(&[HEL, LO, STOP, "[DONE]"]), false).await;
    assert_eq!(whole.unwrap(), "Hello");
    // Some servers end without the mark; a finish reason is an end too.
    assert_eq!(ask(&stream(&[HEL, LO, STOP]), true).await.unwrap(), "Hello");
}

#[tokio::test]
async fn silence_is_given_up() {
    let (url, _seen) = serve(vec![stream(&[HEL]).into_bytes()], false).await;
    let error = whole(&impatient(&url)).await.unwrap_err();
    assert_eq!((error.kind, error.retryable), ("ModelSilent", true));
    let words = "said nothing for 1s (STIGMER_LLM_TIMEOUT_SECONDS";
    assert!(error.why.contains(words), "{error:?}");
}

#[tokio::test]
async fn trouble_is_told_apart() {
    let cases = [
        (
            stream(&[HEL]),
            true,
            "ModelBrokeOff",
            true,
            "after 3 characters",
        ),
        (
            stream(&["[DONE]"]),
            true,
            "ModelSaidNothing",
            true,
            "empty answer",
        ),
        (stream(&["<html>"]), true, "ModelGarbage", true, "<html>"),
        (
            stream(&[HEL, r#"{"error":{"message":"out of memory"}}"#]),
            true,
            "ModelServerError",
            true,
            "out of memory",
        ),
        (
            status("500 Oops", "it broke"),
            true,
            "ModelServerError",
            true,
            "it broke",
        ),
        (
            status("429 Slow Down", ""),
            true,
            "ModelRateLimited",
            true,
            "429",
        ),
        (
            status("401 No", "bad key"),
            true,
            "ModelRefused",
            false,
            "bad key",
        ),
        (
            status("404 No", "no such model"),
            true,
            "ModelRefused",
            false,
            "no such model",
        ),
        (
            String::new(),
            true,
            "ModelUnreachable",
            true,
            "cannot be reached",
        ),
    ];
    for (reply, close, kind, retryable, words) in cases {
        let error = ask(&reply, close).await.unwrap_err();
        assert_eq!(
            (error.kind, error.retryable),
            (kind, retryable),
            "{error:?}"
        );
        assert!(error.why.contains(words), "{error:?}");
        assert!(
            error.why.starts_with("the model at http://127.0.0.1:"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn an_address_without_a_list_of_models_answers_all_the_same() {
    for (line, answers) in [
        ("200 OK", true),
        ("404 Not Found", true),
        ("405 Method Not Allowed", true),
        ("401 No", false),
        ("503 Busy", false),
    ] {
        let (url, _seen) = serve(vec![status(line, "{}").into_bytes()], true).await;
        assert_eq!(model(&url).probe().await.is_ok(), answers, "{line}");
    }
}

#[tokio::test]
async fn a_password_in_the_address_is_not_told() {
    let error = model("http://user:hush@127.0.0.1:1/v1?key=hush")
        .probe()
        .await
        .unwrap_err();
    assert!(error.why.contains("http://127.0.0.1:1/v1"), "{error:?}");
    assert!(!error.why.contains("hush"), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_given_up() {
    let word = "x".repeat(64 * 1024);
    let piece = format!(r#"{{"choices":[{{"delta":{{"content":"{word}"}}}}]}}"#);
    let reply = stream(&vec![piece.as_str(); 13]);
    let error = ask(&reply, true).await.unwrap_err();
    assert_eq!(
        (error.kind, error.retryable),
        ("ModelAnswerTooLarge", false)
    );
    assert!(error.why.contains("STIGMER_LLM_MAX_TOKENS"), "{error}");
}
