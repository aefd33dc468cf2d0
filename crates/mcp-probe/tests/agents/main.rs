//! The tools of agents against a real MCP server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod calls;
mod ends;
mod http;
mod http_legacy;
mod http_oddities;
mod http_refusals;
mod http_sessions;
mod http_stub;
mod oddities;
mod secrets;
mod starts;
mod strays;
mod together;
mod versions;
mod with_skills;

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use agent_tools::{Env, EnvVar, IDEMPOTENCY_KEY, Limits, ToolOutcome, Tools, Toolset};
use serde_json::{Value, json};
use stigmer_api::agent::{
    HttpServer, McpServerDefinition, StdioServer, mcp_server_definition::ServerType,
};

const PROBE: &str = env!("CARGO_BIN_EXE_mcp-probe");
const KEY: [(&str, &str); 1] = [(IDEMPOTENCY_KEY, "a-key")];

fn definition(name: &str, kind: ServerType) -> McpServerDefinition {
    McpServerDefinition {
        name: name.to_owned(),
        server_type: Some(kind),
        ..McpServerDefinition::default()
    }
}

fn command(command: &str, args: &[&str], env: &[(&str, &str)]) -> StdioServer {
    StdioServer {
        command: command.to_owned(),
        args: args.iter().map(ToString::to_string).collect(),
        env_placeholders: env
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect(),
        ..StdioServer::default()
    }
}

fn probe(name: &str) -> McpServerDefinition {
    definition(name, ServerType::Stdio(command(PROBE, &[], &[])))
}

/// A shell that gets the probe's path as `$0`.
fn shell(name: &str, script: &str) -> McpServerDefinition {
    definition(
        name,
        ServerType::Stdio(command("sh", &["-c", script, PROBE], &[])),
    )
}

fn over_http(url: &str, headers: &[(&str, &str)]) -> HttpServer {
    HttpServer {
        url: url.to_owned(),
        headers: headers
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect(),
        query_params: BTreeMap::new(),
        timeout_seconds: 0,
    }
}

fn toolset(scope: &str, servers: Vec<McpServerDefinition>) -> Toolset {
    Toolset {
        scope: scope.to_owned(),
        servers,
        selections: BTreeMap::new(),
        env: env(&[]),
        skills: Vec::new(),
    }
}

/// `TOKEN`, a secret, and what else is wanted.
fn env(more: &[(&str, &str)]) -> Env {
    let var = |value: &str, is_secret| EnvVar {
        value: value.to_owned(),
        is_secret,
    };
    let more = more
        .iter()
        .map(|(name, value)| (name.to_string(), var(value, false)));
    more.chain([("TOKEN".to_owned(), var(SECRET, true))])
        .collect()
}

const SECRET: &str = "s3cret/w+rd";

fn tools(limits: Limits) -> (Tools, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let tools = Tools::with_limits(Some(dir.path().to_owned()), limits).unwrap();
    (tools, dir)
}

async fn call(tools: &Tools, toolset: &Toolset, name: &str, args: Value) -> ToolOutcome {
    let args = args.as_object().unwrap().clone();
    tools.call(toolset, name, args, &KEY).await.unwrap()
}

/// The text of a call that succeeded.
async fn said(tools: &Tools, toolset: &Toolset, name: &str, args: Value) -> String {
    let outcome = call(tools, toolset, name, args).await;
    assert!(!outcome.failed, "{}", outcome.text);
    outcome.text
}

async fn pid(tools: &Tools, toolset: &Toolset) -> u32 {
    said(tools, toolset, "pid", json!({}))
        .await
        .parse()
        .unwrap()
}

async fn names(tools: &Tools, toolset: &Toolset) -> Vec<String> {
    let specs = tools.list(toolset).await.unwrap().tools;
    specs.into_iter().map(|spec| spec.name).collect()
}

/// Whether a process is there and not a zombie that its new parent left.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| {
        !stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .starts_with('Z')
    })
}

/// Asks again and again, half a minute at most: what is waited for takes milliseconds, and machines are busy.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_gone(pid: u32) {
    until("the end of the process", async || {
        (!lives(pid)).then_some(())
    })
    .await;
}

/// Waits until a call of `slow` is under way.
async fn until_begun(tools: &Tools, toolset: &Toolset) {
    until_counted(
        tools,
        toolset,
        json!({"begun": 1, "ended": 0, "cancelled": 0}),
    )
    .await;
}

async fn until_cancelled(tools: &Tools, toolset: &Toolset) {
    until_counted(
        tools,
        toolset,
        json!({"begun": 1, "ended": 0, "cancelled": 1}),
    )
    .await;
}

async fn until_counted(tools: &Tools, toolset: &Toolset, counted: Value) {
    until(&counted.to_string(), async || {
        // Where calls have short limits this one may be too late too.
        let outcome = call(tools, toolset, "slow_calls", json!({})).await;
        let counts: Value = serde_json::from_str(&outcome.text).ok()?;
        (counts == counted).then_some(())
    })
    .await;
}

/// `mcp-probe http`.
struct Http {
    child: Child,
    address: String,
}

impl Drop for Http {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Http {
    async fn start(dir: &Path, port: &str) -> Self {
        let announce = dir.join("address");
        let _ = std::fs::remove_file(&announce);
        let child = Command::new(PROBE)
            .arg("http")
            .env("MCP_PROBE_HOST", "127.0.0.1")
            .env("MCP_PROBE_PORT", port)
            .env("STIGMER_ANNOUNCE_FILE", &announce)
            .spawn()
            .unwrap();
        let address = String::new();
        let mut http = Self { child, address };
        http.address = until("the announced address", async || {
            std::fs::read_to_string(&announce).ok()
        })
        .await;
        http
    }

    fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    fn server(&self, name: &str) -> McpServerDefinition {
        definition(name, ServerType::Http(over_http(&self.url(), &[])))
    }
}
