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
    use std::collections::BTreeMap;

    use agent_tools::{Env, Toolset};
    use stigmer_api::{
        agent::{HttpServer, McpServerDefinition, mcp_server_definition::ServerType},
        agentexecution::{AgentExecution, AgentExecutionStatus, ExecutionPhase},
    };
    use tokio::net::TcpListener;

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

    #[tokio::test]
    async fn the_tools_of_what_ended_elsewhere_are_closed() {
        let backend = Fake::default().serve().await;
        let (tools, cache) = (Tools::new(None).unwrap(), Cache::default());
        cache.enter("deleted");
        let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = HttpServer {
            url: format!("http://{}/mcp", mute.local_addr().unwrap()),
            ..Default::default()
        };
        let server = McpServerDefinition {
            name: "mute".to_owned(),
            server_type: Some(ServerType::Http(server)),
            ..Default::default()
        };
        let kit = Toolset {
            scope: "deleted".to_owned(),
            servers: vec![server],
            selections: BTreeMap::new(),
            env: Env::default(),
            skills: Vec::new(),
        };
        let of_list = tools.clone();
        let listing = tokio::spawn(async move { of_list.list(&kit).await });
        let _unanswered = mute.accept().await.unwrap();
        look_once(&backend, &tools, &cache).await;
        let told = listing.await.unwrap().unwrap_err();
        assert!(told.message.contains("tools were closed"), "{told}");
    }
}
