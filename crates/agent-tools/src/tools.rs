//! The tools of all agents that this runner runs.

mod executions;
mod servers;

use std::{path::PathBuf, sync::Arc};

use rmcp::model::{CallToolRequestParams, RequestMetaObject};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use crate::{
    catalog::{Catalog, Target},
    error::ToolsError,
    files,
    limits::Limits,
    outcome, schema,
    toolset::{ToolList, ToolOutcome, Toolset},
    work_dir::WorkDir,
};
use executions::Executions;
use servers::Servers;

/// The key in a request's `_meta` that is the same each time the same call is sent.
pub const IDEMPOTENCY_KEY: &str = "stigmer.ai/idempotency-key";

/// The tools of all agents of a runner; one for the process, cheap to clone. Works within a Tokio runtime.
#[derive(Clone)]
pub struct Tools {
    executions: Arc<Executions>,
    servers: Arc<Servers>,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").finish_non_exhaustive()
    }
}

impl Tools {
    /// Makes a folder for what executions unpack: below `work_dir`, or in the system's temporary folder.
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
                "no folder for executions can be made in {}: {error}",
                shown.display()
            ))
        })?;
        Ok(Self {
            executions: Arc::new(Executions::new(work, limits.idle)),
            servers: Arc::new(Servers::new(limits)?),
        })
    }

    /// What the model is told of, and what it is not told of. Connects to every server that is not connected.
    ///
    /// # Errors
    /// When a server or a skill cannot be had.
    pub async fn list(&self, toolset: &Toolset) -> Result<ToolList, ToolsError> {
        let used = self.executions.using(toolset)?;
        let scope = used.execution().scope(toolset).await?;
        let catalog = self
            .servers
            .catalog(used.execution(), &scope, toolset)
            .await?;
        Ok(ToolList {
            tools: catalog.specs.clone(),
            warnings: catalog.warnings.clone(),
        })
    }

    /// Calls a tool by the name that [`Tools::list`] gave it. What `meta` names goes with the request: an
    /// [`IDEMPOTENCY_KEY`], so that a tool which honours it acts once however often it is asked. Dropping the future tells the server to stop.
    ///
    /// # Errors
    /// When a server or a skill cannot be had; what goes wrong in a call is an outcome.
    pub async fn call(
        &self,
        toolset: &Toolset,
        name: &str,
        mut args: Map<String, Value>,
        meta: &[(&str, &str)],
    ) -> Result<ToolOutcome, ToolsError> {
        let used = self.executions.using(toolset)?;
        let scope = used.execution().scope(toolset).await?;
        let catalog = match scope.catalog() {
            Some(catalog) => catalog,
            None => {
                self.servers
                    .catalog(used.execution(), &scope, toolset)
                    .await?
            }
        };
        let outcome = match catalog.targets.get(name) {
            None => unknown(name, &catalog),
            Some(Target::File) => {
                let (folder, name) = (scope.folder.clone(), name.to_owned());
                let env = toolset.env.clone();
                return Ok(computed(move || files::run(&folder, &name, &args, &env)).await);
            }
            Some(Target::Server {
                server,
                tool,
                arguments,
            }) => {
                if let Some(schema) = arguments {
                    schema::keys::restored(schema, &mut args);
                }
                let mut with = RequestMetaObject::new();
                for (name, value) in meta {
                    with.insert((*name).to_owned(), (*value).into());
                }
                let mut request = CallToolRequestParams::new(tool.clone()).with_arguments(args);
                request.meta = Some(with);
                self.servers
                    .ask(used.execution(), &scope, toolset, server, request)
                    .await?
            }
        };
        let env = toolset.env.clone();
        Ok(computed(move || outcome::shown(outcome, &env)).await)
    }

    /// Ends the servers of an execution and removes its files; nothing if there are none. Goes on if the future is
    /// dropped.
    pub async fn close(&self, execution_id: &str) {
        self.executions.close(execution_id).await;
    }

    /// Ends the servers of all executions; afterwards none is left, and none is started. Takes [`crate::CLOSE_GRACE`] at
    /// most, and what the machine itself takes.
    pub async fn close_all(&self) {
        self.executions.close_all().await;
    }
}

/// What takes a while without waiting for anything, beside whoever has to report in time.
async fn computed(compute: impl FnOnce() -> ToolOutcome + Send + 'static) -> ToolOutcome {
    let computed = spawn_blocking(compute).await;
    computed.unwrap_or_else(|error| ToolOutcome::failed(error.to_string()))
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
