//! Histories for the replay tests.

use std::io::{self, Write};

use anyhow::Context;
use temporal_link::{TemporalArgs, workflow_id};
use temporalio_client::WorkflowExecutionInfo;

pub(crate) async fn print(
    temporal: &TemporalArgs,
    execution: &str,
    run: Option<String>,
) -> anyhow::Result<()> {
    let client = temporal.connect("agent-runner history").await?;
    // One that the original's server started has a workflow more, which has a name of its own.
    let workflow = match execution.starts_with("stigmer/") {
        true => execution.to_owned(),
        false => workflow_id(execution),
    };
    let workflow = WorkflowExecutionInfo::builder()
        .namespace(temporal.namespace.clone())
        .workflow_id(workflow)
        .maybe_run_id(run)
        .build();
    let handle = workflow.bind_untyped(client);
    let json = handle.fetch_history(Default::default()).to_json().await;
    let json = json.with_context(|| format!("no history of {execution}"))?;
    io::stdout().write_all(&json).context("cannot print")
}
