//! A server by standard streams that does what others do wrong: raw messages, since no library would write them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::oddity::Oddity;

/// The version of the protocol that a server knows which knows one; neither the newest nor the oldest.
const ONE_VERSION: &str = "2025-03-26";

/// The server's state.
struct Server {
    oddity: Oddity,
    args: Vec<String>,
    lines: AtomicU32,
    out: Mutex<io::Stdout>,
    cancelled: Mutex<BTreeMap<String, Arc<AtomicBool>>>,
}

/// Serves until stdin ends.
///
/// # Errors
/// When stdin cannot be read.
pub fn serve(oddity: Oddity, args: Vec<String>) -> io::Result<()> {
    if oddity == Oddity::LoudEnd {
        for n in 0..200 {
            eprintln!("{n} {}", "x".repeat(190));
        }
        eprintln!("{}", args.join(" "));
        std::process::exit(3);
    }
    // Each agent of an execution has a folder of its own in the execution's, which goes with it.
    if oddity == Oddity::OnlyFirst && File::create_new("../first").is_err() {
        return io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop);
    }
    let server = Arc::new(Server {
        oddity,
        args,
        lines: AtomicU32::default(),
        out: Mutex::new(io::stdout()),
        cancelled: Mutex::default(),
    });
    for line in io::stdin().lock().lines() {
        let line = line?;
        server.lines.fetch_add(1, Ordering::SeqCst);
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        if oddity == Oddity::LogLines {
            server.log(&message);
        }
        if message["method"] == "notifications/cancelled" {
            server
                .stop(&message["params"]["requestId"])
                .store(true, Ordering::SeqCst);
        } else if message.get("id").is_some() && message.get("method").is_some() {
            let server = server.clone();
            thread::spawn(move || server.answer(&message));
        }
    }
    Ok(())
}

impl Server {
    fn write(&self, line: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A client that is gone reads nothing.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    fn send(&self, message: &Value) {
        self.write(&message.to_string());
    }

    /// What others print beside their answers: none of it is one, and none may be answered.
    fn log(&self, received: &Value) {
        let (id, method) = (&received["id"], &received["method"]);
        self.send(&json!({"level": 30, "msg": "received a line"}));
        self.send(&json!({"level": "warn", "error": "ECONNREFUSED"}));
        self.send(&json!({"level": "debug", "method": method, "id": id}));
        self.send(received);
        let result = json!({"jsonrpc": "2.0", "id": id, "result": {}});
        self.write(&format!("[DEBUG] sending {result}"));
    }

    /// Whether a request was given up.
    fn stop(&self, id: &Value) -> Arc<AtomicBool> {
        let mut all = self
            .cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.entry(id.to_string()).or_default().clone()
    }

    fn answer(&self, request: &Value) {
        let (id, params) = (&request["id"], &request["params"]);
        // Whoever began with a handshake goes on so.
        if !params["_meta"]["io.modelcontextprotocol/protocolVersion"].is_null() {
            let error = json!({"code": -32600, "message": "this has begun with a handshake"});
            return self.refuse(id, &error);
        }
        let result = match request["method"].as_str() {
            Some("initialize") if self.refuses(params) => {
                let data = json!({"supported": ["2026-07-28", ONE_VERSION]});
                let words = "Unsupported protocol version";
                let error = json!({"code": -32602, "message": words, "data": data});
                self.refuse(id, &error);
                std::process::exit(1); // it takes one handshake
            }
            Some("initialize") => self.initialized(params),
            Some("tools/list") => self.page(params["cursor"].as_str()),
            Some("tools/call") => return self.call(id, params),
            _ => {
                let error = json!({"code": -32601, "message": "no such method"});
                return self.refuse(id, &error);
            }
        };
        self.result(id, &result);
    }

    fn refuse(&self, id: &Value, error: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
    }

    /// Whether it knows another version of the protocol.
    fn refuses(&self, params: &Value) -> bool {
        self.oddity == Oddity::OneVersion && params["protocolVersion"] != ONE_VERSION
    }

    fn result(&self, id: &Value, result: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    fn initialized(&self, params: &Value) -> Value {
        if self.oddity == Oddity::SlowStart {
            thread::sleep(Duration::from_secs(2));
        }
        let version = &params["protocolVersion"];
        if self.oddity == Oddity::Nameless {
            return json!({"protocolVersion": version, "capabilities": {"tools": null}});
        }
        let who = json!({"name": "odd", "version": "1"});
        json!({"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": who})
    }

    fn page(&self, cursor: Option<&str>) -> Value {
        let tools = |names: &[&str]| names.iter().map(|name| tool(name)).collect::<Vec<_>>();
        let all = tools(TOOLS);
        match self.oddity {
            Oddity::SameCursor => json!({"tools": tools(&["good"]), "nextCursor": "page-2"}),
            Oddity::EndlessPages => {
                let page = cursor.and_then(|page| page.parse().ok()).unwrap_or(0_u64) + 1;
                json!({"tools": [], "nextCursor": page.to_string()})
            }
            Oddity::BadEntries => {
                let bad = json!({"name": "bad", "description": "Has no schema."});
                json!({"tools": [tool("good"), bad, tool("odd"), null, {"inputSchema": {}}]})
            }
            Oddity::Bare => {
                let bare = |name| json!({"name": name, "description": "", "inputSchema": {"type": "object"}});
                json!({"tools": [bare("good"), {"name": "odd", "inputSchema": {"type": "object", "additionalProperties": false}}]})
            }
            Oddity::OddKeys => {
                let text = json!({"type": "string"});
                let filter = json!({"type": "object", "properties": {"rule[]": text}});
                let properties = json!({"Time<": text, "Time>": text, "filter": filter});
                let schema =
                    json!({"type": "object", "properties": properties, "required": ["Time<"]});
                json!({"tools": [{"name": "said", "description": "", "inputSchema": schema}]})
            }
            Oddity::NoList => json!({"items": all}),
            _ => json!({"tools": all, "nextCursor": ""}),
        }
    }

    fn call(&self, id: &Value, params: &Value) {
        let text = |text: String| json!({"content": [{"type": "text", "text": text}]});
        let result = match params["name"].as_str() {
            Some("said") => text(params["arguments"].to_string()),
            Some("args") => text(self.args.join("\n")),
            Some("lines") => text(self.lines.load(Ordering::SeqCst).to_string()),
            Some("odd") => {
                let film = json!({"type": "film", "data": "AAAA"});
                json!({"content": [{"type": "text", "text": "done"}, film], "isError": null})
            }
            Some("plain") => json!("done"),
            Some("batch") => {
                let result = text("done".to_owned());
                return self.send(&json!([{"id": id.to_string(), "result": result}]));
            }
            Some("nan") => {
                let result = r#"{"content":[],"structuredContent":{"x":NaN,"y":"\ud800"}}"#;
                return self.write(&format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
                ));
            }
            Some("deep") => {
                let deep = "[".repeat(1000) + &"]".repeat(1000);
                return self.write(&format!(r#"{{"result":{{"content":{deep}}},"id":{id}}}"#));
            }
            Some("huge") => text("x".repeat(17 << 20)),
            Some("work") => {
                self.work(id, params);
                text("done".to_owned())
            }
            Some("silent") => return,
            _ => text("ok".to_owned()),
        };
        self.result(id, &result);
    }

    /// Reports progress every `ms`, `steps` times, until nobody waits for it.
    fn work(&self, id: &Value, params: &Value) {
        let number = |name: &str| params["arguments"][name].as_u64().unwrap_or(0);
        let stopped = self.stop(id);
        for _ in 0..number("steps") {
            thread::sleep(Duration::from_millis(number("ms")));
            if stopped.load(Ordering::SeqCst) {
                return;
            }
            // The figure itself is left out: not everybody has one.
            let params = json!({"progressToken": params["_meta"]["progressToken"]});
            self.send(
                &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}),
            );
        }
    }
}

const TOOLS: &[&str] = &[
    "good", "args", "lines", "odd", "plain", "batch", "nan", "deep", "huge", "work", "silent",
];

fn tool(name: &str) -> Value {
    let schema = json!({"type": "object", "properties": {}});
    json!({"name": name, "description": format!("Does {name}."), "inputSchema": schema})
}
