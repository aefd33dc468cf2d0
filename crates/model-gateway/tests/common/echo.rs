//! A model that echoes, and the cassettes that are recorded of it.

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Response, StatusCode},
    routing::post,
};
use futures::{StreamExt, stream};
use model_gateway::config::Mode;
use serde_json::{Value, json};

use super::{At, gateway, listen};

pub(crate) fn event(content: &str) -> String {
    let delta = json!({ "content": content });
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": null });
    format!(
        "data: {}\n\n",
        json!({ "id": "chatcmpl-9", "choices": [choice] })
    )
}

pub(crate) const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\
                    \"completion_tokens\":2,\"total_tokens\":9}}\n\n";

/// A model that echoes the last message, and its own name, in three chunks of which none is an event; whole if it is
/// not to stream.
async fn model(body: Bytes) -> Response<Body> {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let messages = asked["messages"].as_array().unwrap();
    let said = messages.last().unwrap()["content"].as_str().unwrap();
    let name = asked["model"].as_str().unwrap();
    if said == "fail" {
        let mut failed = Response::new(Body::from("{\"error\":{}}"));
        *failed.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return failed;
    }
    if asked["stream"] != true {
        let message = json!({ "role": "assistant", "content": format!("{name}: {said}") });
        let whole = json!({ "choices": [{ "message": message, "finish_reason": "stop" }] });
        let response = Response::builder().header("content-type", "application/json");
        return response.body(Body::from(whole.to_string())).unwrap();
    }
    let mut text = [event(name), event(": ")].concat();
    // A key that is spelled out has no piece that looks like one.
    text += &said.split('|').map(event).collect::<String>();
    text += STOP;
    text += "data: [DONE]\n\n";
    let (a, b) = (text.len() / 3 + 1, text.len() / 2);
    let chunks = [
        text[..a].to_owned(),
        text[a..b].to_owned(),
        text[b..].to_owned(),
    ];
    let broken = said == "break";
    let chunks = chunks.into_iter().take(if broken { 2 } else { 3 });
    let chunks = chunks.map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
    let end = broken.then(|| Err(std::io::Error::other("cut")));
    let chunks = stream::iter(chunks)
        .chain(stream::iter(end))
        .then(|chunk| async {
            tokio::task::yield_now().await;
            chunk
        });
    let response = Response::builder().header("content-type", "text/event-stream; charset=utf-8");
    response.body(Body::from_stream(chunks)).unwrap()
}

pub(crate) async fn before_model(mode: Mode) -> At {
    let at = listen(Router::new().route("/v1/chat/completions", post(model))).await;
    gateway(Some(format!("http://{at}/v1")), mode, None).await
}

pub(crate) async fn said(at: &At, model: &str, stream: bool, said: &str) -> String {
    let messages = [("system", "Be short."), ("user", said)];
    let answer = at.ask(model, stream, &messages).await;
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

pub(crate) async fn file(at: &At, name: &str) -> String {
    let answer = at
        .client
        .get(format!("http://{}/cassettes/{name}", at.address));
    answer.send().await.unwrap().text().await.unwrap()
}

pub(crate) async fn load(at: &At, path: &str, file: &str) -> Value {
    at.put(path, serde_json::from_str(file).unwrap()).await
}
