//! What the gateway adds to the time of a first token: `cargo bench -p model-gateway --bench latency`.
//!
//! Three threads of one process, each with a runtime of one thread: a model that streams at once, the gateway as its
//! binary runs it (same listener, same routes, exchanges written to a file), and a client. The client asks one after
//! the other over connections that stay open, by turns straight and through the gateway, so that whatever else the
//! machine does falls on both. The time runs from before a request is sent to its first event.

#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has failed"
)]

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::Response,
    routing::post,
};
use futures::{StreamExt, stream};
use model_gateway::{
    config::{Listen, Mode, Serve},
    connection::{Connection, Listener},
    gateway::Gateway,
    serve::router,
};
use serde_json::json;
use tokio::{net::TcpListener, runtime};

const REQUESTS: usize = 2000;
/// Connections open and caches fill with these, which are not counted.
const BEFORE: usize = 200;
/// What the design promises.
const PROMISE: Duration = Duration::from_millis(2);

/// Serves in a thread of its own.
fn listen(router: Router) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let serving = async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let service = router.into_make_service_with_connect_info::<Connection>();
            axum::serve(Listener(listener), service).await.unwrap();
        };
        own_runtime().block_on(serving);
    });
    told.recv().unwrap()
}

fn own_runtime() -> runtime::Runtime {
    let mut builder = runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

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

async fn first_token(client: &reqwest::Client, at: SocketAddr) -> Duration {
    let body = json!({
        "model": "m",
        "stream": true,
        "messages": [
            { "role": "system", "content": "You are a helpful assistant. ".repeat(20) },
            { "role": "user", "content": "Say hello." },
        ],
    });
    let request = client.post(format!("http://{at}/v1/chat/completions"));
    let request = request.bearer_auth("no-key").json(&body);
    let began = Instant::now();
    let mut chunks = request.send().await.unwrap().bytes_stream();
    let first = chunks.next().await.unwrap().unwrap();
    let took = began.elapsed();
    assert!(first.starts_with(b"data: "));
    // To its end, so that the connection can be used again.
    while let Some(chunk) = chunks.next().await {
        chunk.unwrap();
    }
    took
}

fn percentile(sorted: &[Duration], of_hundred: usize) -> Duration {
    sorted[(sorted.len() * of_hundred).div_ceil(100) - 1]
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let upstream = listen(Router::new().route("/v1/chat/completions", post(model)));
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::new(&Serve {
        listen: Listen {
            host: [127, 0, 0, 1].into(),
            port: 0,
            announce_file: None,
        },
        upstream: Some(format!("http://{upstream}/v1")),
        mode: Mode::Replay,
        exchanges: Some(folder.path().join("exchanges.jsonl")),
    });
    let gateway = listen(router(Arc::new(gateway.unwrap())));
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
    let client = client.build().unwrap();
    let (mut direct, mut through) = (Vec::new(), Vec::new());
    own_runtime().block_on(async {
        for n in 0..BEFORE + REQUESTS {
            let pair = (
                first_token(&client, upstream).await,
                first_token(&client, gateway).await,
            );
            if n >= BEFORE {
                direct.push(pair.0);
                through.push(pair.1);
            }
        }
    });
    direct.sort();
    through.sort();
    println!(
        "first token of {REQUESTS} streamed requests each, one after the other, in microseconds\n"
    );
    println!("          direct  gateway    added");
    for of_hundred in [50, 90, 99] {
        let (direct, through) = (
            percentile(&direct, of_hundred),
            percentile(&through, of_hundred),
        );
        println!(
            "p{of_hundred}    {:>9} {:>8} {:>8}",
            direct.as_micros(),
            through.as_micros(),
            through.as_micros().cast_signed() - direct.as_micros().cast_signed(),
        );
    }
    println!(
        "\nmodel, gateway and client: a thread each of one process, loopback, connections kept open, by turns"
    );
    let added = percentile(&through, 50).saturating_sub(percentile(&direct, 50));
    assert!(
        added < PROMISE,
        "the gateway adds {added:?} to the median, more than {PROMISE:?}"
    );
}
