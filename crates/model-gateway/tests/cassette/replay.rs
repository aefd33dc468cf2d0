//! What is given again, and what is missed.

use std::time::{Duration, Instant};

use model_gateway::config::Mode;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{
    HELLO, LONG, alone,
    echo::{before_model, file, load, said},
};

#[tokio::test]
async fn a_miss_is_no_servers_error_and_shows_the_nearest() {
    let at = before_model(Mode::Record).await;
    for word in ["My name is Ada. Greet me.", "Something else"] {
        said(&at, "replay/c/m", true, word).await;
    }
    let file = file(&at, "c").await;
    let at = alone().await;
    load(&at, "/cassettes/greeting-01jd2x3y4z5a6b7c8d9e0f1g2h", &file).await;
    let messages = [
        ("system", "Be short."),
        ("user", "My name is Bob. Greet me."),
    ];
    let missed = at
        .ask(
            "replay/greeting-01jd2x3y4z5a6b7c8d9e0f1g2h/m",
            true,
            &messages,
        )
        .await;
    assert_eq!(missed.status(), 422);
    let body = missed.text().await.unwrap();
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["error"]["type"], "cassette_miss");
    let message = error["error"]["message"].as_str().unwrap();
    let near = serde_json::from_str::<Value>(&file).unwrap()["entries"][0]["key"].clone();
    // Runners cut errors: the first 300 characters of the body have it all.
    let words = [
        "greeting-",
        near.as_str().unwrap(),
        "Ada",
        "Bob",
        "cargo xtask e2e phase2 --model record",
    ];
    for word in words {
        assert!(body[..300].contains(word), "{word}: {body}");
    }
    assert!(
        message.contains("\n-      \"content\": \"My name is Ada."),
        "{message}"
    );
    assert!(
        message.contains("\n+      \"content\": \"My name is Bob."),
        "{message}"
    );
    let report = at
        .get("/cassettes/greeting-01jd2x3y4z5a6b7c8d9e0f1g2h/report")
        .await;
    assert_eq!(report["misses"][0]["message"], message);
    assert_eq!(report["misses"][0]["nearest"], near);
    assert_eq!(report["unused"].as_array().unwrap().len(), 2);
    assert_eq!(report["unused"][1]["said"]["text"], "m: Something else");

    let unknown = at.ask("replay/nobody/m", true, &messages).await;
    assert_eq!(unknown.status(), 422);
    assert!(
        unknown
            .text()
            .await
            .unwrap()
            .contains("`nobody` is not loaded")
    );
}

#[test]
fn a_miss_holds_nobody_up() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let at = before_model(Mode::Record).await;
        said(&at, "replay/c/m", true, "Hello").await;
        let file = file(&at, "c").await;
        let at = alone().await;
        load(&at, "/cassettes/c", &file).await;
        // Whoever computes aside now waits for the test.
        let (free, freed) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || freed.recv());
        let missed = at.ask("replay/c/m", true, HELLO);
        tokio::pin!(missed);
        for _ in 0..20 {
            tokio::select! {
                biased;
                _ = &mut missed => panic!("it was compared where all are answered"),
                _ = at.get("/cassettes/c/report") => {}
            }
        }
        drop(free);
        assert_eq!(timeout(LONG, missed).await.unwrap().status(), 422);
    });
}

#[tokio::test]
async fn the_same_question_gets_its_answers_in_order_and_then_none() {
    let at = before_model(Mode::Record).await;
    said(&at, "replay/c/m", true, "Hello").await;
    said(&at, "replay/c/m", true, "Hello").await;
    let mut file: Value = serde_json::from_str(&file(&at, "c").await).unwrap();
    for (entry, word) in [(0, "first"), (1, "second")] {
        file["entries"][entry]["chunks"] = json!([{ "ms": 0, "text": word }]);
    }
    let at = alone().await;
    load(&at, "/cassettes/c", &file.to_string()).await;
    assert_eq!(said(&at, "replay/c/m", true, "Hello").await, "first");
    assert_eq!(said(&at, "replay/c/m", true, "Hello").await, "second");
    let missed = at
        .ask(
            "replay/c/m",
            true,
            &[("system", "Be short."), ("user", "Hello")],
        )
        .await;
    assert_eq!(missed.status(), 422);
    assert!(
        missed
            .text()
            .await
            .unwrap()
            .contains("its 2 for this request are used")
    );
}

#[tokio::test]
async fn chunks_keep_their_times_where_that_is_wanted() {
    let at = before_model(Mode::Record).await;
    said(&at, "replay/c/m", true, "Hello").await;
    let mut file: Value = serde_json::from_str(&file(&at, "c").await).unwrap();
    let at = alone().await;
    let mut load = async |path: &str, ms: u64| {
        file["entries"][0]["chunks"] = json!([{ "ms": 0, "text": "a" }, { "ms": ms, "text": "b" }]);
        load(&at, path, &file.to_string()).await
    };
    load("/cassettes/quick", 600_000).await;
    load("/cassettes/timed?timed=true", 250).await;
    let quick = said(&at, "replay/quick/m", true, "Hello");
    assert_eq!(timeout(LONG, quick).await.unwrap(), "ab");
    let began = Instant::now();
    assert_eq!(said(&at, "replay/timed/m", true, "Hello").await, "ab");
    assert!(began.elapsed() >= Duration::from_millis(250));
}

#[tokio::test]
async fn cassettes_that_are_none_are_refused() {
    let at = before_model(Mode::Record).await;
    said(&at, "replay/c/m", true, "Hello").await;
    let file: Value = serde_json::from_str(&file(&at, "c").await).unwrap();
    let with = |place: &str, value: Value| {
        let mut file = file.clone();
        *file.pointer_mut(place).unwrap() = value;
        file
    };
    let at = alone().await;
    at.put("/cassettes/there", file.clone()).await;
    for (name, body, status, why) in [
        ("there", file.clone(), 409, "already"),
        ("x", json!({ "format": 1 }), 400, "no cassette"),
        ("x", with("/format", json!(2)), 400, "format 2"),
        (
            "x",
            with("/entries/0/request/messages/1/content", json!("Hullo")),
            400,
            "entry 0",
        ),
        ("a%20b", file.clone(), 400, "no name"),
    ] {
        let (said, error) = at
            .call(Method::PUT, &format!("/cassettes/{name}"), body)
            .await;
        assert_eq!(said, status, "{error}");
        assert!(
            error["error"]["message"].as_str().unwrap().contains(why),
            "{error}"
        );
    }
    let (status, _) = at
        .call(Method::DELETE, "/cassettes/there", Value::Null)
        .await;
    assert_eq!(status, 204);
}
