//! The tools of all agents that this runner runs.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::{join_all, try_join_all};
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, RequestMetaObject,
    Tool,
};
use serde_json::{Map, Value};
use stigmer_api::agent::{McpServerDefinition, mcp_server_definition::ServerType};

use crate::{
    Kit, ToolOutcome, ToolSpec, ToolsError,
    catalog::{self, Catalog, Target},
    connection::{Called, Connection},
    files, http, outcome,
    run::{Run, Scope, Use, locked},
    stdio,
    work::WorkDir,
};

/// The key in a request's `_meta` that is the same each time the same call is sent.
pub const IDEMPOTENCY_KEY: &str = "stigmer.ai/idempotency-key";

const CLOSED: &str = "the execution's tools were closed while a server was starting";

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the start of a server to its tools being known; twice at most.
    pub start: Duration,
    /// A call to a stdio server; an HTTP server's definition says it itself.
    pub call: Duration,
    /// Without use an execution's servers are ended after this: another runner has taken it over.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(15),
            call: Duration::from_secs(60),
            idle: Duration::from_secs(15 * 60),
        }
    }
}

/// The tools of all agents of a runner; one for the process, cheap to clone. Works within a Tokio runtime.
#[derive(Clone)]
pub struct Tools(Arc<Inner>);

struct Inner {
    work: WorkDir,
    http: reqwest::Client,
    limits: Limits,
    runs: Mutex<HashMap<String, Arc<Run>>>,
    folders: AtomicU64,
    sweeping: AtomicBool,
    stopped: AtomicBool,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").finish_non_exhaustive()
    }
}

impl Tools {
    /// Makes a folder for what runs unpack: below `work_dir`, or in the system's temporary folder.
    ///
    /// # Errors
    /// When the folder cannot be made, or no TLS can be set up.
    pub fn new(work_dir: Option<PathBuf>) -> Result<Self, ToolsError> {
        Self::with_limits(work_dir, Limits::default())
    }

    /// As [`Tools::new`], with other limits.
    ///
    /// # Errors
    /// As [`Tools::new`].
    pub fn with_limits(work_dir: Option<PathBuf>, limits: Limits) -> Result<Self, ToolsError> {
        let shown = work_dir.clone().unwrap_or_else(std::env::temp_dir);
        let work = WorkDir::new(work_dir).map_err(|error| {
            ToolsError::permanent(format!(
                "no folder for runs can be made in {}: {error}",
                shown.display()
            ))
        })?;
        // reqwest is built without a provider of its own; a second call finds the first one's.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(limits.start)
            // A kept connection that the server closes meanwhile loses a call without a word about whether it was read.
            .pool_max_idle_per_host(0)
            // A redirect would carry an agent's headers, with the secrets in them, to wherever it points.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                ToolsError::permanent(format!("no HTTP client can be made: {error}"))
            })?;
        Ok(Self(Arc::new(Inner {
            work,
            http,
            limits,
            runs: Mutex::default(),
            folders: AtomicU64::default(),
            sweeping: AtomicBool::default(),
            stopped: AtomicBool::default(),
        })))
    }

    /// What the model is told of. Connects to every server that is not connected.
    ///
    /// # Errors
    /// When a server or a skill cannot be had.
    pub async fn list(&self, kit: &Kit) -> Result<Vec<ToolSpec>, ToolsError> {
        let used = self.0.using(kit)?;
        let scope = used.run().scope(kit).await?;
        let catalog = self.0.catalog(used.run(), &scope, kit).await?;
        Ok(catalog.specs.clone())
    }

    /// Calls a tool by the name that [`Tools::list`] gave it. The key goes with the request, so that a tool which honours
    /// it acts once however often it is asked. Dropping the future tells the server to stop.
    ///
    /// # Errors
    /// When a server or a skill cannot be had; what goes wrong in a call is an outcome.
    pub async fn call(
        &self,
        kit: &Kit,
        name: &str,
        args: Map<String, Value>,
        key: &str,
    ) -> Result<ToolOutcome, ToolsError> {
        let used = self.0.using(kit)?;
        let scope = used.run().scope(kit).await?;
        let catalog = match scope.catalog() {
            Some(catalog) => catalog,
            None => self.0.catalog(used.run(), &scope, kit).await?,
        };
        let outcome = match catalog.targets.get(name) {
            None => unknown(name, &catalog),
            Some(Target::File) => {
                let (folder, name) = (scope.folder.clone(), name.to_owned());
                let read = tokio::task::spawn_blocking(move || files::run(&folder, &name, &args));
                read.await
                    .unwrap_or_else(|error| ToolOutcome::failed(error.to_string()))
            }
            Some(Target::Server { server, tool }) => {
                let mut meta = RequestMetaObject::new();
                meta.insert(IDEMPOTENCY_KEY.to_owned(), key.into());
                let mut request = CallToolRequestParams::new(tool.clone()).with_arguments(args);
                request.meta = Some(meta);
                self.0.ask(used.run(), &scope, kit, server, request).await?
            }
        };
        Ok(outcome::shown(outcome, &kit.env))
    }

    /// Ends the servers of an execution and removes its files; nothing if there are none. Goes on if the future is
    /// dropped.
    pub async fn close(&self, execution_id: &str) {
        let run = locked(&self.0.runs).remove(execution_id);
        if let Some(run) = run {
            let closing = tokio::spawn(async move { run.close().await });
            let _ = closing.await; // it panics or ends
        }
    }

    /// Ends the servers of all executions; afterwards none is started.
    pub async fn close_all(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
        let ids: Vec<String> = locked(&self.0.runs).keys().cloned().collect();
        join_all(ids.iter().map(|id| self.close(id))).await;
    }
}

fn unknown(name: &str, catalog: &Catalog) -> ToolOutcome {
    let names: Vec<&str> = catalog.targets.keys().map(String::as_str).collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    ToolOutcome::failed(format!("there is no tool {name:?}; there are: {names}"))
}

impl Inner {
    fn using(self: &Arc<Self>, kit: &Kit) -> Result<Use, ToolsError> {
        let id = kit.execution();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if id.is_empty() || id.len() > 100 || !id.chars().all(plain) {
            return Err(ToolsError::permanent(format!(
                "{id:?} is no execution's id"
            )));
        }
        if !self.sweeping.swap(true, Ordering::SeqCst) {
            tokio::spawn(sweep(Arc::downgrade(self), self.limits.idle));
        }
        let mut runs = locked(&self.runs);
        // Under the lock: whoever stops everything sees either the run or the refusal.
        if self.stopped.load(Ordering::SeqCst) {
            return Err(ToolsError::transient("this runner is stopping"));
        }
        let run = runs.entry(id.to_owned()).or_insert_with(|| {
            // By number as well: the last one of this name may still be on its way out.
            let number = self.folders.fetch_add(1, Ordering::SeqCst);
            Arc::new(Run::new(self.work.path().join(format!("{id}.{number}"))))
        });
        Ok(Use::of(run.clone()))
    }

    async fn catalog(
        &self,
        run: &Run,
        scope: &Scope,
        kit: &Kit,
    ) -> Result<Arc<Catalog>, ToolsError> {
        let servers = try_join_all(kit.servers.iter().map(|server| async {
            let has = self.tools_of(run, scope, kit, server).await?;
            let enabled = catalog::enabled(server, kit.selections.get(&server.name), has)?;
            Ok::<_, ToolsError>((server.name.clone(), enabled))
        }));
        let catalog = Catalog::new(servers.await?, !kit.skills.is_empty(), &kit.env);
        let catalog = Arc::new(catalog);
        scope.keep(catalog.clone());
        Ok(catalog)
    }

    async fn tools_of(
        &self,
        run: &Run,
        scope: &Scope,
        kit: &Kit,
        server: &McpServerDefinition,
    ) -> Result<Vec<Tool>, ToolsError> {
        let (connection, new) = self.connection(run, scope, kit, server).await?;
        match connection.tools(self.limits.start, &kit.env).await {
            // An old connection may have been lost unseen, as to a server that was started anew.
            Err(_) if !new => {
                self.forget(scope, server, &connection).await;
                let (connection, _) = self.connection(run, scope, kit, server).await?;
                connection.tools(self.limits.start, &kit.env).await
            }
            listed => listed,
        }
    }

    async fn ask(
        &self,
        run: &Run,
        scope: &Scope,
        kit: &Kit,
        name: &str,
        request: CallToolRequestParams,
    ) -> Result<ToolOutcome, ToolsError> {
        let Some(server) = kit.servers.iter().find(|server| server.name == name) else {
            return Ok(ToolOutcome::failed(format!(
                "the agent has no MCP server {name}"
            )));
        };
        let (connection, _) = self.connection(run, scope, kit, server).await?;
        let Called::NotSent(_) = (match connection.call(request.clone(), &kit.env).await {
            Called::Answered(outcome) => return Ok(outcome),
            not_sent => not_sent,
        }) else {
            return Ok(ToolOutcome::failed("the call was not sent"));
        };
        self.forget(scope, server, &connection).await;
        let (connection, _) = self.connection(run, scope, kit, server).await?;
        Ok(match connection.call(request, &kit.env).await {
            Called::Answered(outcome) => outcome,
            Called::NotSent(why) => ToolOutcome::failed(format!("the MCP server {name} {why}")),
        })
    }

    /// The connection to a server, and whether it is new.
    async fn connection(
        &self,
        run: &Run,
        scope: &Scope,
        kit: &Kit,
        server: &McpServerDefinition,
    ) -> Result<(Arc<Connection>, bool), ToolsError> {
        let slot = scope.slot(&server.name);
        let mut slot = slot.lock().await;
        if let Some(connection) = slot.as_ref() {
            if !connection.is_dead() {
                return Ok((connection.clone(), false));
            }
            tracing::info!(
                server = server.name,
                "an MCP server is gone; it is connected again"
            );
            *slot = None;
        }
        let connected = tokio::select! {
            // First: after the end nothing is started.
            biased;
            () = run.closed.cancelled() => Err(ToolsError::transient(CLOSED)),
            connected = self.connect(scope, kit, server) => connected,
        };
        let connection = Arc::new(connected?);
        *slot = Some(connection.clone());
        Ok((connection, true))
    }

    /// Lets go of a connection that serves no more; somebody may have put a new one in its place.
    async fn forget(&self, scope: &Scope, server: &McpServerDefinition, old: &Arc<Connection>) {
        let slot = scope.slot(&server.name);
        let mut slot = slot.lock().await;
        if slot.as_ref().is_some_and(|now| Arc::ptr_eq(now, old)) {
            *slot = None;
        }
    }

    async fn connect(
        &self,
        scope: &Scope,
        kit: &Kit,
        server: &McpServerDefinition,
    ) -> Result<Connection, ToolsError> {
        let name = &server.name;
        let client = ClientConfig::new(
            ClientCapabilities::default(),
            Implementation::new("stigmer-agent-runner", env!("CARGO_PKG_VERSION")),
        );
        match &server.server_type {
            Some(ServerType::Stdio(stdio)) => {
                let start = stdio::Start {
                    name,
                    env: &kit.env,
                    folder: &scope.folder,
                    client,
                    handshake: self.limits.start,
                    call: self.limits.call,
                };
                start.connect(stdio).await
            }
            Some(ServerType::Http(server)) => {
                let start = http::Start {
                    name,
                    env: &kit.env,
                    http: &self.http,
                    client,
                    handshake: self.limits.start,
                };
                start.connect(server).await
            }
            Some(ServerType::Docker(_)) => Err(ToolsError::permanent(format!(
                "the agent's MCP server {name} is a docker server; this runner has no Docker: use stdio or http"
            ))),
            None => Err(ToolsError::permanent(format!(
                "the agent's MCP server {name} has no type: give it stdio or http"
            ))),
        }
    }
}

/// Ends what nobody has used for long.
async fn sweep(inner: Weak<Inner>, idle: Duration) {
    let mut turns = tokio::time::interval((idle / 4).max(Duration::from_millis(1)));
    loop {
        turns.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let idle: Vec<Arc<Run>> = {
            let mut runs = locked(&inner.runs);
            let idle = runs.extract_if(|_, run| run.idle_for(idle));
            idle.map(|(id, run)| {
                tracing::info!(
                    execution = id,
                    "an execution's tools were idle; they are closed"
                );
                run
            })
            .collect()
        };
        drop(inner); // or it would outlive its last owner
        join_all(idle.iter().map(|run| run.close())).await;
    }
}
