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
    let handle = meant(temporal, execution, run).bind_untyped(client);
    let json = handle.fetch_history(Default::default()).to_json().await;
    let json = json.with_context(|| format!("no history of {execution}"))?;
    io::stdout().write_all(&json).context("cannot print")
}

/// The workflow that is meant: its last run, where none is named.
fn meant(temporal: &TemporalArgs, execution: &str, run: Option<String>) -> WorkflowExecutionInfo {
    // One that the original's server started has a workflow more, which has a name of its own.
    let workflow = match execution.starts_with("stigmer/") {
        true => execution.to_owned(),
        false => workflow_id(execution),
    };
    WorkflowExecutionInfo::builder()
        .namespace(temporal.namespace.clone())
        .workflow_id(workflow)
        .maybe_run_id(run)
        .build()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, Command};

    /// The workflow and the run that a command line means.
    fn asked(args: &[&str]) -> Option<(String, Option<String>)> {
        let cli = Cli::parse_from(["x", "history"].iter().chain(args));
        let Some(Command::History {
            execution,
            run,
            temporal,
            ..
        }) = cli.command
        else {
            return None;
        };
        let meant = meant(&temporal, &execution, run);
        Some((meant.workflow_id, meant.run_id))
    }

    #[test]
    fn an_execution_means_its_workflow_and_the_run_that_is_named() {
        let invoked = workflow_id("aex");
        assert_eq!(asked(&["aex"]), Some((invoked.clone(), None)));
        let earlier = asked(&["aex", "--run", "r"]);
        assert_eq!(earlier, Some((invoked, Some("r".to_owned()))));
        let own = "stigmer/agent-execution/run/aex";
        assert_eq!(asked(&[own]), Some((own.to_owned(), None)));
    }
}
