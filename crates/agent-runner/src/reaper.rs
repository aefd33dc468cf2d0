//! Executions that ended on another runner: their MCP servers, files and secrets are not kept here.

use std::{sync::Arc, time::Duration};

use agent_tools::Tools;

use crate::{backend::Backend, execution_data::cache::Cache};

/// How long what ended elsewhere is kept at most.
const LOOK: Duration = Duration::from_secs(60);

/// Looks for them from time to time, for ever.
pub(crate) async fn run(backend: Backend, tools: Tools, cache: Arc<Cache>) {
    loop {
        tokio::time::sleep(LOOK).await;
        look_once(&backend, &tools, &cache).await;
    }
}

async fn look_once(backend: &Backend, tools: &Tools, cache: &Cache) {
    for id in cache.ids() {
        // A server that does not answer is asked again the next time.
        if let Ok(true) = backend.ended(&id).await {
            tools.close(&id).await;
            cache.forget(&id);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use stigmer_api::agentexecution::{AgentExecution, AgentExecutionStatus, ExecutionPhase};

    use super::*;
    use crate::backend::fake::Fake;

    #[tokio::test]
    async fn what_ended_elsewhere_is_forgotten_and_the_rest_is_kept() {
        let fake = Fake::default();
        for (id, phase) in [
            ("done", ExecutionPhase::ExecutionCompleted),
            ("running", ExecutionPhase::ExecutionInProgress),
        ] {
            let status = AgentExecutionStatus {
                phase: phase.into(),
                ..Default::default()
            };
            let execution = AgentExecution {
                status: Some(status),
                ..Default::default()
            };
            fake.put(id, execution);
        }
        let backend = fake.serve().await;
        let cache = Cache::default();
        for id in ["done", "running", "deleted"] {
            cache.enter(id);
        }
        look_once(&backend, &Tools::new(None).unwrap(), &cache).await;
        assert_eq!(cache.ids(), ["running"]);
    }
}
