//! A model's server that plays recorded answers.

use super::World;
use super::services::phase2;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};

/// Its version.
pub const VERSION: &str = include_str!("../testdata/ollama/version.http");
/// Its two models, of which one takes tools.
pub const TAGS: &str = include_str!("../testdata/ollama/tags.http");
const LOADED: &str = r#"{"model":"m","response":"","done":true,"done_reason":"load"}"#;

/// The server. It ends with the test's process.
pub struct Played {
    /// `127.0.0.1:PORT`.
    pub address: String,
    shared: Arc<Shared>,
}

struct Shared {
    answers: Vec<(String, String)>,
    asked: Mutex<Vec<String>>,
    held: Mutex<Option<&'static str>>,
    released: Condvar,
}

impl Played {
    /// Each answer goes to requests, `METHOD PATH BODY AUTHORIZATION`, that have all words of its name; the first one that
    /// fits.
    pub fn new<'a>(answers: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let answers = answers.into_iter();
        let shared = Arc::new(Shared {
            answers: answers
                .map(|(words, text)| (words.to_owned(), text))
                .collect(),
            asked: Mutex::default(),
            held: Mutex::default(),
            released: Condvar::new(),
        });
        let address = listener.local_addr().unwrap().to_string();
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = serving.clone();
                std::thread::spawn(move || shared.serve(stream.unwrap()));
            }
        });
        Self { address, shared }
    }

    /// Holds answers to requests that have this in them, until [`Self::release`].
    pub fn hold(&self, what: &'static str) {
        *self.shared.held.lock().unwrap() = Some(what);
    }

    /// Lets them go.
    pub fn release(&self) {
        *self.shared.held.lock().unwrap() = None;
        self.shared.released.notify_all();
    }

    /// How many requests had this in them.
    pub fn asked(&self, what: &str) -> usize {
        let asked = self.shared.asked.lock().unwrap();
        asked
            .iter()
            .filter(|request| request.contains(what))
            .count()
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut first, mut length, mut shown) = (String::new(), 0, String::new());
        reader.read_line(&mut first).unwrap();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some((name, n)) if name.eq_ignore_ascii_case("content-length") => {
                    length = n.trim().parse().unwrap();
                }
                Some((name, key)) if name.eq_ignore_ascii_case("authorization") => {
                    key.trim().clone_into(&mut shown);
                }
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let line = first.split(" HTTP").next().unwrap();
        let request = format!("{line} {} {shown}", String::from_utf8_lossy(&body));
        self.asked.lock().unwrap().push(request.clone());
        let mut held = self.held.lock().unwrap();
        while held.is_some_and(|what| request.contains(what)) {
            held = self.released.wait(held).unwrap();
        }
        let fits = |words: &str| words.split_whitespace().all(|word| request.contains(word));
        let answer = self.answers.iter().find(|(words, _)| fits(words));
        let missing = || status("404 Not Found", "404 page not found");
        let answer = answer.map_or_else(missing, |(_, text)| text.clone());
        let (head, body) = answer.split_once("\n\n").unwrap();
        // Who asked may have gone in the meantime.
        let _ = write!(
            stream,
            "{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            head.lines().next().unwrap(),
            body.len()
        );
    }
}

/// An answer as the recorded ones are.
pub fn status(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\n\n{body}")
}

/// What Ollama says of its models: name, bytes, what it can do where it says so.
pub fn tags(models: &[(&str, u64, Option<&str>)]) -> String {
    let models = models.iter().map(|(name, size, can)| {
        let mut model = serde_json::json!({"name": name, "model": name, "size": size});
        if let Some(can) = can {
            model["capabilities"] = can.split(' ').collect();
        }
        if name.ends_with("cloud") {
            model["remote_host"] = "https://ollama.com:443".into();
        }
        model
    });
    let models = serde_json::Value::from_iter(models);
    status(
        "200 OK",
        &serde_json::json!({ "models": models }).to_string(),
    )
}

/// An Ollama with these models, which loads each.
pub fn ollama(tags: String) -> Played {
    let (version, load) = (VERSION.to_owned(), status("200 OK", LOADED));
    Played::new([
        ("GET /api/version", version),
        ("GET /api/tags", tags),
        ("POST /api/generate smol", load),
    ])
}

/// A model at some address, which asks for a key and then always says hello.
pub fn behind_a_key(key: &str) -> Played {
    let list = r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#;
    let hello = r#"{"choices":[{"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]}"#;
    let refused = r#"{"error":{"message":"which key?","code":401}}"#;
    let [models, chat] = ["/v1/models", "/v1/chat/completions"].map(|path| format!("{path} {key}"));
    Played::new([
        (models.as_str(), status("200 OK", list)),
        (chat.as_str(), status("200 OK", hello)),
        ("/v1/", status("401 Unauthorized", refused)),
    ])
}

/// Phase 2 on a machine that has it.
pub fn on_ollama(world: &World, played: &Played, args: &[&str]) -> Command {
    let mut command = phase2(world, args);
    command.env("OLLAMA_HOST", &played.address);
    command
}
