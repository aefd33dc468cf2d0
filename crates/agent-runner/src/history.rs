//! Histories for the replay tests.

use std::io::{self, Write};

use anyhow::Context;
use temporal_link::{TemporalArgs, workflow_id};
use temporalio_client::UntypedWorkflow;

pub(crate) async fn print(temporal: &TemporalArgs, execution: &str) -> anyhow::Result<()> {
    let client = temporal.connect("agent-runner history").await?;
    let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow_id(execution));
    let json = handle.fetch_history(Default::default()).to_json().await;
    let json = json.with_context(|| format!("no history of {execution}"))?;
    io::stdout().write_all(&json).context("cannot print")
}
