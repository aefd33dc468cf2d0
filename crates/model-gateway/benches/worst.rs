//! What the worst inputs cost: `cargo bench -p model-gateway --bench worst`. Side by side with another build where
//! `GATEWAY_OLD` names its binary (`docs/contributing.md`).
//!
//! Each input goes to a gateway of its own. Printed are the answer's status, the time until it was whole, the most
//! memory that the process had (Linux alone tells it), and the slowest of the health checks that went on meanwhile, one
//! each 5 ms.

#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has failed"
)]

use std::{
    convert::Infallible,
    env, fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::mpsc::{self, RecvTimeoutError},
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
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::sleep};

/// A gateway process.
struct Gateway(Child, String);

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn gateway(binary: &Path, upstream: &str) -> Gateway {
    let folder = tempfile::tempdir().unwrap();
    let announce = folder.path().join("address");
    let started = Command::new(binary)
        .args(["serve", "--mode", "record", "--upstream", upstream])
        .args(["--log-level", "off", "--port", "0", "--announce-file"])
        .arg(&announce)
        .spawn();
    let mut gateway = Gateway(started.unwrap(), String::new());
    while gateway.1.is_empty() {
        sleep(Duration::from_millis(5)).await;
        gateway.1 = fs::read_to_string(&announce).unwrap_or_default();
    }
    gateway
}

/// A model that sends 100 MB without a line's end.
async fn model() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endless = async || {
        let chunk = Bytes::from(vec![b'x'; 16 * 1024]);
        let chunks = stream::iter(0..6400).map(move |_| Ok::<_, Infallible>(chunk.clone()));
        let response = Response::builder().header("content-type", "text/event-stream");
        response.body(Body::from_stream(chunks)).unwrap()
    };
    let router = Router::new().route("/v1/chat/completions", post(endless));
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}/v1")
}

/// The most memory that a process had, in MB.
fn peak(gateway: &Gateway) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.0.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kb: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kb / 1000)
}

/// Asks for health, in a thread of its own, until it is told to stop; how long the slowest answer took.
fn healthy(address: String, stop: mpsc::Receiver<()>) -> Duration {
    let mut slowest = Duration::ZERO;
    while stop.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
        let began = Instant::now();
        let mut stream = TcpStream::connect(&address).unwrap();
        let request = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        slowest = slowest.max(began.elapsed());
    }
    slowest
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let upstream = model().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let small = json!({ "answers": vec![json!({ "text": "a" }); 90_000] });
    let tools = json!([{ "name": "t", "arguments": "x".repeat(8_000_000) }]);
    let long = "word ".repeat(400_000);
    let conditions = json!({ "answers": vec![json!({ "when": { "last_contains": "no such" }, "text": "a" }); 500] });
    let chat = |model: &str, text: &str| json!({ "model": model, "stream": true, "messages": [{ "role": "user", "content": text }] });
    let calls = json!({ "answers": [{ "tools": tools }] });
    let [to_script, long_to_script] = ["hello", &long].map(|text| chat("script/k", text));
    let [recorded, long_recorded] = ["hello", &long].map(|text| chat("replay/c/m", text));
    let (script, ask) = ("/scripts/k", "/v1/chat/completions");
    let numbers = json!({ "model": "m", "nth": vec![1; 400_000], "fault": { "never": true } });
    let inputs: [(&str, Vec<(&str, &Value)>); 6] = [
        ("1.2 MB of small answers", vec![(script, &small)]),
        (
            "8 MB of tool arguments, streamed",
            vec![(script, &calls), (ask, &to_script)],
        ),
        (
            "500 conditions on a request of 2 MB",
            vec![(script, &conditions), (ask, &long_to_script)],
        ),
        (
            "100 MB without a line's end, recorded",
            vec![(ask, &recorded)],
        ),
        ("a request of 2 MB, recorded", vec![(ask, &long_recorded)]),
        (
            "a fault with 400,000 numbers",
            vec![("/faults/f", &numbers)],
        ),
    ];
    let own = PathBuf::from(env!("CARGO_BIN_EXE_model-gateway"));
    let old = env::var_os("GATEWAY_OLD").map(PathBuf::from);
    let builds = old.map(|old| ("old", old)).into_iter();
    let builds: Vec<_> = builds.chain([("new", own)]).collect();
    println!(
        "{:<40} {:<5} {:>6} {:>9} {:>8} {:>14}",
        "input", "build", "status", "time", "memory", "slowest health"
    );
    let all = inputs
        .iter()
        .flat_map(|input| builds.iter().map(move |build| (input, build)));
    for ((name, requests), (build, binary)) in all {
        let gateway = gateway(binary, &upstream).await;
        let (stop, stopped) = mpsc::channel();
        let address = gateway.1.clone();
        let health = thread::spawn(move || healthy(address, stopped));
        let began = Instant::now();
        let mut status = 0;
        for (path, body) in requests {
            let url = format!("http://{}{path}", gateway.1);
            let request = match *path == ask {
                true => client.post(url),
                false => client.put(url),
            };
            // A build that ends by it has no status.
            let answer = request.json(body).send().await;
            status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            let Ok(answer) = answer else { break };
            let mut chunks = answer.bytes_stream();
            while let Some(Ok(_)) = chunks.next().await {}
        }
        let took = began.elapsed();
        drop(stop);
        let slowest = health.join().unwrap();
        let memory = peak(&gateway).map_or("-".to_owned(), |mb| format!("{mb} MB"));
        println!(
            "{name:<40} {build:<5} {status:>6} {:>6} ms {memory:>8} {:>11} ms",
            took.as_millis(),
            slowest.as_millis()
        );
    }
}
