//! A key is in no cassette.

use model_gateway::config::Mode;
use serde_json::{Value, json};

use crate::{
    common::{
        At, alone,
        echo::{STOP, before_model, file, load, said},
    },
    recording::recording,
};

#[tokio::test]
async fn no_key_is_recorded() {
    let at = before_model(Mode::Record).await;
    let asked = "my-very-secret-key and sk-0123456789abcdef";
    let heard = said(&at, "replay/c/m", true, asked).await;
    assert!(
        heard.contains("my-very-secret-key"),
        "the client's own answer is changed: {heard}"
    );
    let whole = said(&at, "replay/c/m", false, asked).await;
    assert!(whole.contains("my-very-secret-key"), "{whole}");
    let recorded = file(&at, "c").await;
    for secret in ["secret-key", "sk-0123"] {
        assert!(!recorded.contains(secret), "{recorded}");
    }
    assert!(recorded.contains("[REDACTED] and [REDACTED]"), "{recorded}");
    // Spelled out piece by piece, it is in no piece: such an answer is not kept at all.
    said(&at, "replay/c/m", true, "my-very|-secret-key").await;
    let recorded: Value = serde_json::from_str(&file(&at, "c").await).unwrap();
    assert_eq!(recorded["entries"].as_array().unwrap().len(), 2);
    let report = at.get("/cassettes/c/report").await;
    assert!(
        report["refused"][0]
            .as_str()
            .unwrap()
            .contains("spells out a key"),
        "{report}"
    );

    // It is found again with another key, and with none.
    let at = alone().await;
    load(&at, "/cassettes/c", &recorded.to_string()).await;
    let body = json!({ "model": "replay/c/m", "stream": true, "messages": [
        { "role": "system", "content": "Be short." },
        { "role": "user", "content": "[REDACTED] and sk-another-key-of-mine" },
    ]});
    let answer = at
        .client
        .post(format!("http://{}/v1/chat/completions", at.address))
        .json(&body);
    assert_eq!(answer.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_key_that_is_spelled_out_is_found_wherever_it_is_said() {
    let delta = |delta: Value| format!("data: {}\n\n", json!({ "choices": [{ "delta": delta }] }));
    let said = |of: &dyn Fn(&str) -> Value| {
        let pieces = [
            delta(of("my-very")),
            delta(of("-secret-key")),
            STOP.to_owned(),
        ];
        json!({ "headers": { "content-type": "text/event-stream" }, "pieces": pieces })
    };
    let ways = [
        said(&|part| json!({ "content": part })),
        said(&|part| json!({ "reasoning_content": part })),
        said(&|part| json!({ "refusal": part })),
        said(&|part| json!({ "tool_calls": [{ "index": 0, "function": { "arguments": part } }] })),
        said(&|part| json!({ "content": [{ "type": "text", "text": part }] })),
    ];
    let (_upstream, records) = recording(&ways).await;
    for _ in &ways {
        let answer = records.ask("replay/c/script/k", true, &[("user", "Hello")]);
        answer.await.text().await.unwrap();
    }
    let report = records.get("/cassettes/c/report").await;
    let refused = report["refused"].as_array().unwrap();
    let spelled = |why: &&Value| why.as_str().unwrap().contains("spells out a key");
    assert_eq!(
        refused.iter().filter(spelled).count(),
        ways.len(),
        "{report}"
    );
}

#[tokio::test]
async fn what_cannot_be_compared_is_not_recorded_and_gets_nobodys_answer() {
    let at = before_model(Mode::Record).await;
    said(&at, "replay/c/m", true, "Hello").await;
    let ask = async |at: &At, content: &str| {
        let messages = format!(r#"[{{"role":"user","content":{content}}}]"#);
        let body = format!(r#"{{"model":"replay/c/m","messages":{messages}}}"#);
        let url = format!("http://{}/v1/chat/completions", at.address);
        at.client.post(url).body(body).send().await.unwrap()
    };
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let odd = [r#""half \ud83d""#, r#"[1e999]"#, &nested];
    for content in odd {
        ask(&at, content).await;
    }
    let recorded = file(&at, "c").await;
    let entries = &serde_json::from_str::<Value>(&recorded).unwrap()["entries"];
    assert_eq!(entries.as_array().unwrap().len(), 1, "{entries}");
    let report = at.get("/cassettes/c/report").await;
    let why = report["refused"][0].as_str().unwrap();
    assert!(why.contains("cannot be compared with others"), "{why}");

    let at = alone().await;
    load(&at, "/cassettes/c", &recorded).await;
    for content in odd {
        let refused = ask(&at, content).await;
        assert_eq!(refused.status(), 400, "{content}");
        let text = refused.text().await.unwrap();
        assert!(text.contains("cannot be compared with others"), "{text}");
    }
}
