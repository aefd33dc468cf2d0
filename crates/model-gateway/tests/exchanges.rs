//! The lines of exchanges.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use axum::{Router, http::StatusCode, routing::post};
use common::{HELLO, begun, gateway, lines, listen};
use model_gateway::config::Mode;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[tokio::test]
async fn every_exchange_is_a_line_without_a_word_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exchanges.jsonl");
    let at = gateway(None, Mode::Replay, Some(&file)).await;
    let usage = json!({ "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 });
    let answers = json!([
        { "text": "an answer", "usage": usage },
        { "text": "an answer", "cut_after_pieces": 1 },
    ]);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    let fault = json!({ "model": "slow", "nth": "every", "fault": { "status": 500 } });
    at.put("/faults/rule-1", fault).await;
    let words = [("user", "a question")];
    at.ask("script/k", false, &words)
        .await
        .text()
        .await
        .unwrap();
    at.ask("script/k", true, &words)
        .await
        .text()
        .await
        .unwrap_err();
    for model in ["slow", "script/k", "replay/c/m"] {
        at.ask(model, true, &words).await.text().await.unwrap();
    }
    let text = std::fs::read_to_string(&file).unwrap();
    for word in ["secret", "answer", "question"] {
        assert!(!text.contains(word), "{text}");
    }
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told =
        |place: &str| -> Vec<Value> { lines.iter().map(|line| line[place].clone()).collect() };
    assert_eq!(
        told("lane"),
        ["script", "script", "live", "script", "replay"]
    );
    assert_eq!(told("status"), [200, 200, 500, 422, 422]);
    assert_eq!(
        told("outcome"),
        ["complete", "cut", "complete", "refused", "refused"]
    );
    assert_eq!(
        told("fault"),
        [
            json!(null),
            json!("script"),
            json!("rule-1"),
            json!(null),
            json!(null)
        ]
    );
    assert_eq!(lines[0]["script"], "k");
    assert_eq!(lines[4]["cassette"], "c");
    assert_eq!(
        lines[0]["tokens"],
        json!({ "prompt": 3, "completion": 2, "total": 5 })
    );
}

/// Whatever it is that an answer does not do as a model does.
#[tokio::test]
async fn each_fault_of_a_script_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exchanges.jsonl");
    let at = gateway(None, Mode::Replay, Some(&file)).await;
    let answers = json!([
        { "text": "a", "garbage": true },
        { "status": 503 },
        { "text": "a", "delay_ms": 1 },
        { "text": "a", "cut_after_pieces": 0 },
        { "raw": { "pieces": ["ab"], "end": "cut" } },
        { "text": "a" },
    ]);
    let count = answers.as_array().unwrap().len();
    at.put("/scripts/k", json!({ "answers": answers })).await;
    for _ in 0..count {
        let _ = at.ask("script/k", true, HELLO).await.bytes().await; // some break off
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let faults: Vec<Value> = lines.map(|line| line["fault"].clone()).collect();
    let mut expected = vec![json!("script"); count];
    expected[count - 1] = Value::Null;
    assert_eq!(faults, expected);
}

#[tokio::test]
async fn requests_that_are_not_read_have_lines_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exchanges.jsonl");
    let at = gateway(None, Mode::Replay, Some(&file)).await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 40000000";
    let said = begun(at.address, head, b"").await;
    assert!(
        said.starts_with("HTTP/1.1 413 ") && said.contains("larger than 33554432 bytes"),
        "{said}"
    );
    let line = lines(&file, 1).await.remove(0);
    assert_eq!(
        (&line["status"], &line["outcome"]),
        (&json!(413), &json!("refused"))
    );
    assert_eq!(
        (&line["lane"], &line["model"]),
        (&Value::Null, &Value::Null)
    );

    let mut stream = TcpStream::connect(at.address).await.unwrap();
    let request = format!("{head}\r\nhost: x\r\n\r\n{{\"model\":").replace("40000000", "100");
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(stream);
    let line = lines(&file, 2).await.remove(1);
    assert_eq!(line["outcome"], "client_gone", "{line}");
}

#[tokio::test]
async fn an_answer_that_has_no_body_is_whole_with_its_headers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exchanges.jsonl");
    for (count, status) in [204_u16, 304, 205, 200].into_iter().enumerate() {
        let status = StatusCode::from_u16(status).unwrap();
        let route = post(move || async move { status });
        let upstream = listen(Router::new().route("/v1/chat/completions", route)).await;
        let upstream = Some(format!("http://{upstream}/v1"));
        let at = gateway(upstream, Mode::Replay, Some(&file)).await;
        let answer = at.ask("m", false, HELLO).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.text().await.unwrap(), "");
        let line = lines(&file, count + 1).await.remove(count);
        assert_eq!(
            (&line["status"], &line["outcome"]),
            (&json!(status.as_u16()), &json!("complete"))
        );
    }
}
