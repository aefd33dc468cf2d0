//! What the tools do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
        Implementation, JsonObject, ListToolsResult, PaginatedRequestParams,
        ProgressNotificationParam, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::{notes::Notes, specs};

/// The `_meta` key under which a call's idempotency key comes.
pub const IDEMPOTENCY_KEY: &str = "stigmer.ai/idempotency-key";

/// More would only test the machine's memory.
const BIGGEST: u64 = 16 << 20;

const PAGE: usize = 5; // small, so that every client has to turn pages

/// The server; its clones share what was noted and counted.
#[derive(Clone, Debug)]
pub struct Probe(Arc<State>);

#[derive(Debug)]
struct State {
    notes: Notes,
    begun: AtomicU32,
    ended: AtomicU32,
    cancelled: AtomicU32,
}

impl Probe {
    /// A server that keeps its notes there.
    #[must_use]
    pub fn new(notes: Notes) -> Self {
        Self(Arc::new(State {
            notes,
            begun: AtomicU32::default(),
            ended: AtomicU32::default(),
            cancelled: AtomicU32::default(),
        }))
    }

    async fn run(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let args = request.arguments.unwrap_or_default();
        let shown = |value: Value| Ok(text(value.to_string()));
        match request.name.as_ref() {
            "add" => Ok(text(
                (number(&args, "a")? + number(&args, "b")?).to_string(),
            )),
            "echo" => Ok(text(string(&args, "text")?)),
            "env" => match args.get("name").and_then(Value::as_str) {
                Some(name) => Ok(text(
                    std::env::var(name).unwrap_or_else(|_| format!("{name} is not set")),
                )),
                None => {
                    let names =
                        std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
                    let mut names: Vec<String> = names.collect();
                    names.sort();
                    Ok(text(names.join("\n")))
                }
            },
            "headers" => Ok(text(headers(&context))),
            "fail" => Ok(CallToolResult::error(vec![ContentBlock::text(string(
                &args, "message",
            )?)])),
            "slow" => {
                let ms = count(&args, "ms")?;
                let step = args.get("step").map_or(Ok(ms), |_| count(&args, "step"))?;
                Ok(self.slow(ms, step, &context).await)
            }
            "slow_calls" => shown(json!({
                "begun": self.0.begun.load(Ordering::SeqCst),
                "ended": self.0.ended.load(Ordering::SeqCst),
                "cancelled": self.0.cancelled.load(Ordering::SeqCst),
            })),
            "big" => {
                let bytes = count(&args, "bytes")?.min(BIGGEST);
                Ok(text("x".repeat(usize::try_from(bytes).unwrap_or_default())))
            }
            "crash" => crash(&args),
            "note" => {
                // The library takes `_meta` out of the parameters into the context.
                let meta = |name| context.meta.get(name).and_then(Value::as_str);
                let key = meta(IDEMPOTENCY_KEY).unwrap_or_default();
                let trace = meta("traceparent").unwrap_or_default();
                let ms = args.get("ms").map_or(Ok(0), |_| count(&args, "ms"))?;
                let text = string(&args, "text")?;
                let note = self.0.notes.add(run(&args), key, trace, &text);
                let note = note.map_err(internal)?;
                // Who asks again finds it done.
                let left = if note.repeats == 0 { ms } else { 0 };
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(left)) => {}
                    () = context.ct.cancelled() => {}
                }
                shown(json!(note))
            }
            "notes" => shown(json!(self.0.notes.of(run(&args)).map_err(internal)?)),
            "pid" => Ok(text(std::process::id().to_string())),
            "cwd" => Ok(text(
                std::env::current_dir()
                    .map_err(internal)?
                    .display()
                    .to_string(),
            )),
            other => Err(ErrorData::new(
                ErrorCode::INVALID_PARAMS,
                format!("there is no tool {other}"),
                None,
            )),
        }
    }

    async fn slow(
        &self,
        ms: u64,
        step: u64,
        context: &RequestContext<RoleServer>,
    ) -> CallToolResult {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        tokio::select! {
            () = steps(ms, step.max(1), context) => {
                self.0.ended.fetch_add(1, Ordering::SeqCst);
                text(format!("waited {ms} ms"))
            }
            () = context.ct.cancelled() => {
                self.0.cancelled.fetch_add(1, Ordering::SeqCst);
                tracing::info!("a slow call was cancelled");
                CallToolResult::error(vec![ContentBlock::text("cancelled")])
            }
        }
    }
}

impl ServerHandler for Probe {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("mcp-probe", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let cursor = request
            .and_then(|request| request.cursor)
            .unwrap_or_else(|| "0".to_owned());
        let from: usize = cursor.parse().map_err(|_| {
            ErrorData::new(ErrorCode::INVALID_PARAMS, "that cursor is not ours", None)
        })?;
        let all = specs::all();
        let next = from.saturating_add(PAGE);
        let more = next < all.len();
        let mut result =
            ListToolsResult::with_all_items(all.into_iter().skip(from).take(PAGE).collect());
        result.next_cursor = more.then(|| next.to_string());
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.run(request, context)
            .await
            .map(CallToolResponse::Complete)
    }
}

/// Waits, and reports progress after each step but the last one.
async fn steps(ms: u64, step: u64, context: &RequestContext<RoleServer>) {
    let token = context.meta.get_progress_token();
    let mut waited = 0;
    while waited < ms {
        let next = step.min(ms - waited);
        tokio::time::sleep(Duration::from_millis(next)).await;
        waited += next;
        if let Some(token) = token.clone().filter(|_| waited < ms) {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of a test")]
            let progress = ProgressNotificationParam::new(token, waited as f64);
            // Who asked may be gone.
            let _ = context.peer.notify_progress(progress).await;
        }
    }
}

fn crash(args: &JsonObject) -> ! {
    let message = args.get("message").and_then(Value::as_str);
    eprintln!("{}", message.unwrap_or("asked to crash"));
    std::process::exit(3)
}

fn headers(context: &RequestContext<RoleServer>) -> String {
    let Some(parts) = context.extensions.get::<Parts>() else {
        return "this server is not asked over HTTP".to_owned();
    };
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    let mut lines: Vec<String> = headers.collect();
    lines.sort();
    lines.insert(0, parts.uri.to_string());
    lines.join("\n")
}

fn run(args: &JsonObject) -> &str {
    args.get("run").and_then(Value::as_str).unwrap_or_default()
}

fn text(text: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn string(args: &JsonObject, name: &str) -> Result<String, ErrorData> {
    let value = args.get(name).and_then(Value::as_str);
    value
        .map(str::to_owned)
        .ok_or_else(|| wrong(name, "a text"))
}

fn number(args: &JsonObject, name: &str) -> Result<f64, ErrorData> {
    args.get(name)
        .and_then(Value::as_f64)
        .ok_or_else(|| wrong(name, "a number"))
}

fn count(args: &JsonObject, name: &str) -> Result<u64, ErrorData> {
    args.get(name)
        .and_then(Value::as_u64)
        .ok_or_else(|| wrong(name, "a whole number"))
}

fn wrong(name: &str, what: &str) -> ErrorData {
    ErrorData::new(
        ErrorCode::INVALID_PARAMS,
        format!("`{name}` must be {what}"),
        None,
    )
}

fn internal(error: std::io::Error) -> ErrorData {
    ErrorData::new(ErrorCode::INTERNAL_ERROR, error.to_string(), None)
}
