//! The gateway as a process: announces itself, says that it serves, ends when told to.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod tls;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command},
    sync::mpsc,
    time::{Duration, Instant},
};

struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(args: &[&str], dir: &Path) -> (Guard, String) {
    start_with(args, &[], dir)
}

fn start_with(args: &[&str], env: &[(&str, &str)], dir: &Path) -> (Guard, String) {
    let announce = dir.join("address");
    let child = Command::new(env!("CARGO_BIN_EXE_model-gateway"))
        .args(args)
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .envs(env.iter().copied())
        .args(["--port", "0", "--announce-file"])
        .arg(&announce)
        .spawn()
        .unwrap();
    let guard = Guard(child);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Ok(address) = std::fs::read_to_string(&announce) {
            return (guard, address);
        }
        assert!(Instant::now() < deadline, "it never announced itself");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Asks the gateway for its model's list of models: the whole answer.
fn models(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /v1/models HTTP/1.0\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

fn terminate(mut guard: Guard) -> Option<i32> {
    let pid = guard.0.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    guard.0.wait().unwrap().code()
}

#[test]
fn serve_says_that_it_serves_and_ends_when_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["serve", "--upstream", "http://127.0.0.1:1/v1"];
    let (gateway, address) = start(&args, dir.path());
    let healthcheck = || {
        let mut asking = Command::new(env!("CARGO_BIN_EXE_model-gateway"));
        asking.args(["healthcheck", "--address", &address]);
        asking.status().unwrap()
    };
    assert!(healthcheck().success());
    assert_eq!(terminate(gateway), Some(0));
    assert_eq!(healthcheck().code(), Some(1));
}

#[test]
fn serve_needs_no_model_and_ends_in_the_middle_of_a_hold() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, address) = start(&["serve"], dir.path());
    let call = |head: &str, body: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let length = body.len();
        let request =
            format!("{head} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        let mut first = [0; 4096];
        let n = stream.read(&mut first).unwrap();
        (stream, String::from_utf8_lossy(&first[..n]).into_owned())
    };
    let answers = r#"{"answers":[{"pieces":["a",{"hold":true}]}]}"#;
    let (_script, said) = call("PUT /scripts/k", answers);
    assert!(said.starts_with("HTTP/1.1 201"), "{said}");
    let asked = r#"{"model":"script/k","stream":true}"#;
    let (mut held, said) = call("POST /v1/chat/completions", asked);
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let before = Instant::now();
    assert_eq!(terminate(gateway), Some(0));
    assert!(
        before.elapsed() < Duration::from_secs(4),
        "it waited for nobody: {:?}",
        before.elapsed()
    );
    // The client can tell that this was no end.
    let mut rest = Vec::new();
    let ended = held.read_to_end(&mut rest);
    assert!(ended.is_err() || !rest.ends_with(b"0\r\n\r\n"), "{rest:?}");
}

#[test]
fn a_word_that_is_no_level_is_refused_and_an_empty_variable_is_none() {
    let dir = tempfile::tempdir().unwrap();
    // It ends in any case: the port is taken.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut refused = Command::new(env!("CARGO_BIN_EXE_model-gateway"));
    refused
        .args(["serve", "--port", &port])
        .env("LOG_LEVEL", "inof");
    let refused = refused.output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("`inof` is no level"), "{said}");
    let empty = [
        "LOG_LEVEL",
        "GATEWAY_HOST",
        "GATEWAY_MODE",
        "GATEWAY_EXCHANGES",
    ];
    let empty = empty.map(|name| (name, ""));
    let (gateway, _) = start_with(&["serve"], &empty, dir.path());
    assert_eq!(terminate(gateway), Some(0));
}

/// Answers every request with an empty list, and tells its first line.
fn answering() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut first = String::new();
            BufReader::new(&stream).read_line(&mut first).unwrap();
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
            if tell.send(first).is_err() {
                return;
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, told)
}

#[test]
fn a_model_of_this_machine_is_asked_without_a_proxy() {
    let (model, asked) = answering();
    let (proxy, passed) = answering();
    let proxy = format!("http://{proxy}");
    for upstream in [&model, "far.invalid"] {
        let dir = tempfile::tempdir().unwrap();
        let upstream = format!("http://{upstream}/v1");
        let args = ["serve", "--upstream", &upstream];
        let env = [("http_proxy", proxy.as_str()), ("all_proxy", &proxy)];
        let (_gateway, address) = start_with(&args, &env, dir.path());
        let said = models(&address);
        assert!(said.ends_with("[]"), "{said}");
    }
    let near: Vec<_> = asked.try_iter().collect();
    let far: Vec<_> = passed.try_iter().collect();
    assert_eq!(near, ["GET /v1/models HTTP/1.1\r\n"]);
    assert_eq!(far, ["GET http://far.invalid/v1/models HTTP/1.1\r\n"]);
}
