//! A model's first token, by way of the stack's gateway and without it.

use std::{convert::Infallible, net::SocketAddr, process::Stdio, time::Instant};

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    body::{Body, Bytes},
    http::Response,
    routing::post,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use test_e2e::Stack;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

use crate::{Samples, executions::since};

/// Connections open and caches fill with these, which are not counted.
const BEFORE: usize = 50;
const REQUESTS: usize = 300;

/// A model that streams eight words at once.
async fn model(body: Bytes) -> Response<Body> {
    drop(body);
    let event = |text: &str| {
        let delta = json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
        Ok::<_, Infallible>(Bytes::from(format!("data: {delta}\n\n")))
    };
    let mut events: Vec<_> = (0..8).map(|n| event(&format!("word {n} "))).collect();
    events.push(Ok(Bytes::from_static(b"data: [DONE]\n\n")));
    Response::new(Body::from_stream(stream::iter(events)))
}

async fn serve() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/v1/chat/completions", post(model));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// A gateway before that model, of the same build as the stack's, which has another model or none; it ends with its value.
async fn gateway(stack: &Stack, model: SocketAddr) -> Result<(Child, String)> {
    // The stack's binaries lie beside each other.
    let program = stack.mcp()?.stdio.with_file_name("model-gateway");
    let folder = tempfile::tempdir()?.keep();
    let mut child = Command::new(&program)
        .args(["serve", "--port", "0", "--mode", "live"])
        .args(["--upstream", &format!("http://{model}/v1")])
        .arg("--exchanges")
        .arg(folder.join("exchanges.jsonl"))
        .envs([("NO_PROXY", "*"), ("LOG_LEVEL", "info")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    let stderr = child.stderr.take().context("no standard error")?;
    let mut lines = BufReader::new(stderr).lines();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await? {
        let bound = line.split_once("bound=").map(|(_, rest)| rest.to_owned());
        if let Some(address) = bound {
            // Whoever does not read stops whoever writes.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok((child, address.trim().to_owned()));
        }
        said = line;
    }
    anyhow::bail!("the gateway ended: {said}")
}

async fn first_token(client: &reqwest::Client, base: &str, body: &Value) -> Result<f64> {
    let request = client
        .post(format!("{base}/v1/chat/completions"))
        .json(body);
    let began = Instant::now();
    let answer = request.send().await?.error_for_status()?;
    let mut chunks = answer.bytes_stream();
    let first = chunks.next().await.context("no answer")??;
    let took = since(began);
    ensure!(first.starts_with(b"data: "), "no event came: {first:?}");
    // To its end, so that the connection can be used again.
    while let Some(chunk) = chunks.next().await {
        chunk?;
    }
    Ok(took)
}

/// Milliseconds until the first token, one request after the other over connections that stay open.
pub(crate) async fn measure(stack: &Stack) -> Result<Samples> {
    let model = serve().await?;
    let (_gateway, through) = gateway(stack, model).await?;
    let (direct, through) = (format!("http://{model}"), format!("http://{through}"));
    // reqwest asks for one even where it speaks no TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .build()?;
    let body = json!({
        "model": "m",
        "stream": true,
        "messages": [
            { "role": "system", "content": "You are a helpful assistant. ".repeat(20) },
            { "role": "user", "content": "Say hello." },
        ],
    });
    let mut samples = Samples::default();
    for n in 0..BEFORE + REQUESTS {
        let limit = first_token(&client, &direct, &body).await?;
        let measured = first_token(&client, &through, &body).await?;
        if n >= BEFORE {
            samples.measured.push(measured);
            samples.limit.push(limit);
        }
    }
    Ok(samples)
}
