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

use clap::ValueEnum;
use serde_json::{Value, json};

/// What is odd about it, besides its tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Oddity {
    /// Nothing.
    None,
    /// The second page of its list is followed by itself.
    SameCursor,
    /// Each page of its list is followed by another one.
    EndlessPages,
    /// Some entries of its list describe no tool.
    BadEntries,
    /// It says as little of its tools as it can.
    Bare,
    /// Its tool's arguments have names that providers of models refuse; called, it says what it got.
    OddKeys,
    /// It answers the list of its tools with something else.
    NoList,
    /// It prints a line of JSON for each line that it reads.
    LogLines,
    /// It does not say who it is.
    Nameless,
    /// Two seconds pass before it answers for the first time.
    SlowStart,
    /// It says nothing where another one of its execution has been started before.
    OnlyFirst,
    /// It complains at length, of its arguments last, and ends with code 3.
    LoudEnd,
}

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
        if oddity == Oddity::LogLines {
            server.send(&json!({"level": 30, "msg": "received a line"}));
        }
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
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

    /// Whether a request was given up.
    fn stop(&self, id: &Value) -> Arc<AtomicBool> {
        let mut all = self
            .cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.entry(id.to_string()).or_default().clone()
    }

    fn answer(&self, request: &Value) {
        let id = &request["id"];
        let result = match request["method"].as_str() {
            Some("initialize") => self.initialized(&request["params"]),
            Some("tools/list") => self.page(request["params"]["cursor"].as_str()),
            Some("tools/call") => return self.call(id, &request["params"]),
            _ => {
                let error = json!({"code": -32601, "message": "no such method"});
                return self.send(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
        };
        self.result(id, &result);
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
