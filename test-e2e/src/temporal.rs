//! Temporal's own view of what happened, asked by its own command.

use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::{TemporalEndpoint, payloads::decode};

/// How often a workflow is looked at that is to become something: a look takes 30 ms at least.
const LOOKS: usize = 300;

/// A way to ask Temporal.
#[derive(Clone, Debug)]
pub struct Temporal {
    at: TemporalEndpoint,
}

/// One event of a workflow's history.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    event_type: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl Event {
    /// The type, e.g. `ACTIVITY_TASK_SCHEDULED`.
    pub fn kind(&self) -> &str {
        self.event_type.trim_start_matches("EVENT_TYPE_")
    }

    /// The event's attributes; null where there are none.
    pub fn attributes(&self) -> &Value {
        let found = self
            .rest
            .iter()
            .find(|(key, _)| key.ends_with("EventAttributes"));
        found.map_or(&Value::Null, |(_, value)| value)
    }

    /// The activity's type, of an event that schedules one.
    pub fn activity(&self) -> Option<&str> {
        self.attributes()["activityType"]["name"].as_str()
    }

    /// The input of an event that has one.
    pub fn input(&self) -> &Value {
        &self.attributes()["input"][0]
    }
}

impl Temporal {
    pub(crate) fn new(at: TemporalEndpoint) -> Self {
        Self { at }
    }

    /// The id of the workflow that runs execution `id`.
    pub fn workflow_id(id: &str) -> String {
        format!("stigmer/agent-execution/invoke/{id}")
    }

    /// The history of the workflow of execution `id`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn history(&self, id: &str) -> Result<Vec<Event>> {
        let workflow = Self::workflow_id(id);
        let events = self.shown(&workflow).await?["events"].take();
        serde_json::from_value(events).with_context(|| format!("the history of {workflow}"))
    }

    /// The history as text, payloads in plain words.
    ///
    /// # Errors
    /// When there is none.
    pub async fn history_text(&self, id: &str) -> Result<String> {
        Ok(self.shown(&Self::workflow_id(id)).await?.to_string())
    }

    async fn shown(&self, workflow: &str) -> Result<Value> {
        let mut shown = self.ask(&["show", "-w", workflow]).await?;
        decode(&mut shown);
        Ok(shown)
    }

    /// Waits until the workflow of execution `id` has closed, and how, e.g. `CANCELED`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn closed(&self, id: &str) -> Result<String> {
        // Waits for the close by a long poll of Temporal's own; a failed workflow fails it too.
        let workflow = Self::workflow_id(id);
        let output = self.command(&["result", "-w", &workflow]).output().await?;
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        let closed: Value = serde_json::from_slice(&output.stdout).with_context(said)?;
        let event = closed["closeEvent"]["eventType"].as_str();
        let how = event.and_then(|event| event.strip_prefix("EVENT_TYPE_WORKFLOW_EXECUTION_"));
        Ok(how.with_context(|| format!("no end: {closed}"))?.to_owned())
    }

    /// Ends the workflow of execution `id` as an operator would, without asking it.
    ///
    /// # Errors
    /// When there is none that runs.
    pub async fn terminate(&self, id: &str) -> Result<()> {
        let workflow = Self::workflow_id(id);
        let output = self
            .command(&["terminate", "-w", &workflow])
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Takes the workflow of execution `id` out of Temporal, as one has lost it that keeps nothing over its end.
    ///
    /// # Errors
    /// When there is none, or it stays.
    pub async fn forget(&self, id: &str) -> Result<()> {
        let workflow = Self::workflow_id(id);
        let output = self.command(&["delete", "--yes", "-w", &workflow]).output();
        let output = output.await?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        // It deletes when it gets to it.
        let gone = |described: Result<Value>| {
            described.is_err_and(|why| why.to_string().contains("workflow not found"))
        };
        self.described(&workflow, "gone", gone).await
    }

    /// Waits until a runner works for execution `id`.
    ///
    /// # Errors
    /// When there is none, or nobody does.
    pub async fn until_works(&self, id: &str) -> Result<()> {
        let started = |described: Result<Value>| {
            let described = described.unwrap_or_default();
            described["pendingActivities"][0]["state"] == "PENDING_ACTIVITY_STATE_STARTED"
        };
        self.described(&Self::workflow_id(id), "worked for", started)
            .await
    }

    /// Asks for a workflow until what it is told is so: Temporal tells nobody by itself.
    async fn described(
        &self,
        workflow: &str,
        what: &str,
        is: impl Fn(Result<Value>) -> bool,
    ) -> Result<()> {
        for _ in 0..LOOKS {
            if is(self.ask(&["describe", "-w", workflow]).await) {
                return Ok(());
            }
        }
        bail!("{workflow} is not {what} after {LOOKS} looks")
    }

    /// How many runs the workflow of execution `id` has had.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn runs(&self, id: &str) -> Result<usize> {
        Ok(self.runs_of(&[id]).await?[0])
    }

    /// The same for many executions by one question, in their order.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn runs_of(&self, ids: &[&str]) -> Result<Vec<usize>> {
        let workflows: Vec<String> = ids.iter().map(|id| Self::workflow_id(id)).collect();
        let query = format!("WorkflowId IN ('{}')", workflows.join("', '"));
        let listed = self.ask(&["list", "--query", &query]).await?;
        let listed = listed.as_array().map_or(&[][..], Vec::as_slice);
        let count = |workflow: &String| {
            let ran = |run: &&Value| run["execution"]["workflowId"].as_str() == Some(workflow);
            listed.iter().filter(ran).count()
        };
        Ok(workflows.iter().map(count).collect())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.at.cli);
        command.arg("workflow").args(args);
        command.args([
            "--address",
            &self.at.address,
            "--namespace",
            &self.at.namespace,
        ]);
        command
            .args(["--output", "json"])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn ask(&self, args: &[&str]) -> Result<Value> {
        let output = self
            .command(args)
            .output()
            .await
            .context("cannot run temporal")?;
        ensure!(
            output.status.success(),
            "temporal workflow {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).context("temporal printed no JSON")
    }
}
