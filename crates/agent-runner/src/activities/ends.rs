//! The spans of executions that have ended.

use temporalio_sdk::activities::ActivityError;

use super::AgentActivities;
use crate::{failure, spans};

impl AgentActivities {
    /// Exports the spans of an execution's agents, beside all else.
    pub(super) fn export_end(&self, id: &str) {
        if !otlp::enabled() {
            return;
        }
        let (backend, id, known) = (self.backend.clone(), id.to_owned(), self.cache.find(id));
        let waited_for = self.exports.clone();
        tokio::spawn(async move {
            let _waited_for = waited_for;
            let told = async {
                let execution = backend.execution(&id).await?;
                let name = match known {
                    Some(data) => data.agent_name.clone(),
                    None => {
                        let agent = execution.spec.as_ref().map_or("", |it| &it.agent_id);
                        backend
                            .agent(agent)
                            .await?
                            .metadata
                            .unwrap_or_default()
                            .name
                    }
                };
                spans::ended(&execution, &name);
                Ok::<_, ActivityError>(())
            };
            if let Err(error) = told.await {
                let why = failure::words(&error);
                tracing::warn!(execution = id, "its agents have no spans: {why}");
            }
        });
    }
}
