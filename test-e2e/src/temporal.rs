//! Temporal's own view of what happened.

use std::{process::Stdio, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use futures::TryStreamExt;
use serde::Deserialize;
use serde_json::Value;
use temporal_link::TemporalArgs;
use temporalio_client::{
    Client, HistoryEventFilterType, NamespacedClient, UntypedWorkflow, WorkflowDescribeOptions,
    WorkflowExecutionDescription, WorkflowFetchHistoryOptions, WorkflowHandle, WorkflowListOptions,
    WorkflowTerminateOptions, errors::WorkflowInteractionError, tonic::IntoRequest,
};
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution, enums::v1::PendingActivityState,
    workflowservice::v1::DeleteWorkflowExecutionRequest,
};
use tokio::{
    process::Command,
    sync::OnceCell,
    time::{MissedTickBehavior, interval},
};

use crate::{TemporalEndpoint, payloads::decode};

/// Between two looks at a workflow that is to become something, which Temporal tells nobody by itself.
const LOOK: Duration = Duration::from_millis(20);
/// How often it is looked at: for 10 s.
const LOOKS: usize = 500;

/// A way to ask Temporal, connected with the first question.
#[derive(Clone)]
pub struct Temporal {
    at: TemporalEndpoint,
    /// In place of the user's, where profiles may name a key or TLS, which the stack's own has not.
    home: Option<&'static str>,
    client: Arc<OnceCell<Client>>,
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
    /// Its id, as later events name it.
    pub fn id(&self) -> &Value {
        self.rest.get("eventId").unwrap_or(&Value::Null)
    }

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
    /// One of the stack's own, or somebody else's, who is asked as the user would ask.
    pub(crate) fn new(at: TemporalEndpoint, own: bool) -> Self {
        Self {
            at,
            home: own.then_some("/nonexistent"),
            client: Arc::default(),
        }
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
        let events = self.shown(id).await?["events"].take();
        serde_json::from_value(events).with_context(|| format!("the history of {id}"))
    }

    /// The history as text, payloads in plain words.
    ///
    /// # Errors
    /// When there is none.
    pub async fn history_text(&self, id: &str) -> Result<String> {
        Ok(self.shown(id).await?.to_string())
    }

    /// By Temporal's own command: the SDK has histories in a spelling of its own.
    async fn shown(&self, id: &str) -> Result<Value> {
        let workflow = Self::workflow_id(id);
        let output = Command::new(&self.at.cli)
            .args(["workflow", "show", "-w", &workflow])
            .args(["--address", &self.at.address])
            .args(["--namespace", &self.at.namespace])
            .args(["--output", "json"])
            .envs(self.home.map(|home| ("HOME", home)))
            .envs(self.home.map(|home| ("XDG_CONFIG_HOME", home)))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("cannot run temporal")?;
        ensure!(
            output.status.success(),
            "temporal workflow show -w {workflow}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let shown = serde_json::from_slice(&output.stdout);
        let mut shown = shown.context("temporal printed no JSON")?;
        decode(&mut shown);
        Ok(shown)
    }

    /// Waits until the workflow of execution `id` has closed, its last run if it goes on in several, and how, e.g. `CANCELED`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn closed(&self, id: &str) -> Result<String> {
        let options = WorkflowFetchHistoryOptions::builder()
            .wait_new_event(true)
            .event_filter_type(HistoryEventFilterType::CloseEvent)
            .build();
        loop {
            // A run is named by nobody, so this is the last one.
            let history = self.workflow(id).await?.fetch_history(options.clone());
            let events = history.into_events().await;
            let events = events.with_context(|| format!("the end of {id}"))?;
            let close = events.last().with_context(|| format!("{id} has no end"))?;
            let how = close.event_type().as_str_name();
            let how = how.trim_start_matches("EVENT_TYPE_WORKFLOW_EXECUTION_");
            if how != "CONTINUED_AS_NEW" {
                return Ok(how.to_owned());
            }
        }
    }

    /// Ends the workflow of execution `id` as an operator would, without asking it.
    ///
    /// # Errors
    /// When there is none that runs.
    pub async fn terminate(&self, id: &str) -> Result<()> {
        let workflow = self.workflow(id).await?;
        let ended = workflow.terminate(WorkflowTerminateOptions::default());
        ended.await.with_context(|| format!("terminate {id}"))
    }

    /// Takes the workflow of execution `id` out of Temporal, as one has lost it that keeps nothing over its end.
    ///
    /// # Errors
    /// When there is none, or it stays.
    pub async fn forget(&self, id: &str) -> Result<()> {
        let client = self.client().await?;
        let request = DeleteWorkflowExecutionRequest {
            namespace: client.namespace(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: Self::workflow_id(id),
                run_id: String::new(),
            }),
        };
        let mut service = client.connection().workflow_service();
        let deleted = service.delete_workflow_execution(request.into_request());
        deleted.await.with_context(|| format!("delete {id}"))?;
        // It deletes when it gets to it.
        self.described(id, "gone", |described| {
            matches!(described, Err(WorkflowInteractionError::NotFound(_)))
        })
        .await
    }

    /// Waits until a runner works for execution `id`.
    ///
    /// # Errors
    /// When there is none, or nobody does.
    pub async fn until_works(&self, id: &str) -> Result<()> {
        let started = |described: Result<WorkflowExecutionDescription, _>| {
            let pending = described.ok().map(|it| it.into_raw().pending_activities);
            let first = pending.and_then(|all| all.into_iter().next());
            first.is_some_and(|it| it.state() == PendingActivityState::Started)
        };
        self.described(id, "worked for", started).await
    }

    async fn described(
        &self,
        id: &str,
        what: &str,
        is: impl Fn(Result<WorkflowExecutionDescription, WorkflowInteractionError>) -> bool,
    ) -> Result<()> {
        let workflow = self.workflow(id).await?;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..LOOKS {
            looks.tick().await;
            if is(workflow.describe(WorkflowDescribeOptions::default()).await) {
                return Ok(());
            }
        }
        bail!("{id} is not {what} after {LOOKS} looks")
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
        let client = self.client().await?;
        let listed = client.list_workflows(query, WorkflowListOptions::default());
        let listed: Vec<_> = listed.try_collect().await.context("list workflows")?;
        let count = |workflow: &String| listed.iter().filter(|run| run.id() == workflow).count();
        Ok(workflows.iter().map(count).collect())
    }

    async fn workflow(&self, id: &str) -> Result<WorkflowHandle<Client, UntypedWorkflow>> {
        let client = self.client().await?;
        Ok(client.get_workflow_handle::<UntypedWorkflow>(Self::workflow_id(id)))
    }

    async fn client(&self) -> Result<&Client> {
        self.client.get_or_try_init(|| connect(&self.at)).await
    }
}

/// Somebody else's wants TLS or a key, which `external` hands to the tests as their user set it.
#[derive(Parser)]
struct Told {
    #[command(flatten)]
    temporal: TemporalArgs,
}

async fn connect(at: &TemporalEndpoint) -> Result<Client> {
    let address = format!("--temporal-address={}", at.address);
    let namespace = format!("--temporal-namespace={}", at.namespace);
    let told = Told::try_parse_from(["test-e2e", &address, &namespace])?;
    told.temporal.connect("test-e2e").await
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[tokio::test]
    async fn a_users_profiles_are_for_somebody_elses_temporal_alone() {
        let dir = tempfile::tempdir().unwrap();
        let cli = dir.path().join("temporal");
        let script = "#!/bin/sh\necho \"{\\\"events\\\": [\\\"$HOME\\\"]}\"\n";
        fs::write(&cli, script).unwrap();
        fs::set_permissions(&cli, fs::Permissions::from_mode(0o755)).unwrap();
        let at = TemporalEndpoint {
            address: "127.0.0.1:1".to_owned(),
            namespace: "default".to_owned(),
            task_queue: "queue".to_owned(),
            cli,
        };
        let home = async |own| {
            let shown = Temporal::new(at.clone(), own).shown("aex_1").await.unwrap();
            shown["events"][0].as_str().unwrap().to_owned()
        };
        assert_eq!(home(true).await, "/nonexistent");
        assert_eq!(home(false).await, std::env::var("HOME").unwrap());
    }
}
