//! Temporal's own view of what happened, asked by its own command.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::TemporalEndpoint;

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

/// Puts what payloads hold in their place: Temporal shows them in base64, in which nothing is found.
fn decode(shown: &mut Value) {
    match shown {
        Value::Object(fields) => {
            if let Some(data) = fields.get("data").and_then(Value::as_str)
                && fields.contains_key("metadata")
            {
                let bytes = BASE64_STANDARD.decode(data).unwrap_or_default();
                let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
                *shown = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
            } else if let Some(payloads) = fields.get_mut("payloads") {
                decode(payloads);
                *shown = payloads.take();
            } else {
                fields.values_mut().for_each(decode);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(decode),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn payloads_are_shown_in_plain_words() {
        let payload = |text: &str| json!({ "metadata": {}, "data": BASE64_STANDARD.encode(text) });
        let mut shown = json!({ "input": { "payloads": [payload("\"hush\""), payload("raw")] } });
        decode(&mut shown);
        assert_eq!(shown, json!({ "input": ["hush", "raw"] }));
    }
}
