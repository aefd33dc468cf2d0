//! A server that has what a test gave it.

mod agents;
mod sessions;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use stigmer_api::{
    agent::{Agent, agent_query_controller_server::AgentQueryControllerServer},
    agentexecution::{
        AgentExecution, AgentExecutionId, AgentExecutionList, ListAgentExecutionsBySessionRequest,
        ListAgentExecutionsRequest,
        agent_execution_query_controller_server::{
            AgentExecutionQueryController, AgentExecutionQueryControllerServer,
        },
    },
    agentinstance::{
        AgentInstance, agent_instance_query_controller_server::AgentInstanceQueryControllerServer,
    },
    environment::{
        Environment, environment_query_controller_server::EnvironmentQueryControllerServer,
    },
    executioncontext::{
        ExecutionContext,
        execution_context_query_controller_server::ExecutionContextQueryControllerServer,
    },
    session::{Session, session_query_controller_server::SessionQueryControllerServer},
};
use tonic::{
    Request, Response, Status,
    codegen::BoxStream,
    transport::{Server, server::TcpIncoming},
};

use super::Backend;

#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    executions: BTreeMap<String, AgentExecution>,
    /// Of the one session that there is, the newest first.
    pages: Vec<Vec<AgentExecution>>,
    listed: usize,
    agent: Option<Agent>,
    context: Option<ExecutionContext>,
    session: Session,
    instance: AgentInstance,
    environments: BTreeMap<String, Environment>,
    lists_nothing: bool,
}

impl Fake {
    fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn put(&self, id: &str, execution: AgentExecution) {
        self.state(|s| s.executions.insert(id.to_owned(), execution));
    }

    pub(crate) fn page(&self, executions: Vec<AgentExecution>) {
        self.state(|s| s.pages.push(executions));
    }

    /// How many pages were asked for.
    pub(crate) fn listed(&self) -> usize {
        self.state(|s| s.listed)
    }

    /// Serves until the test's runtime ends.
    pub(crate) async fn serve(&self) -> Backend {
        let contexts = ExecutionContextQueryControllerServer::new(self.clone());
        self.serve_with(Some(contexts)).await
    }

    /// The same without execution contexts and lists.
    pub(crate) async fn serve_original(&self) -> Backend {
        self.state(|s| s.lists_nothing = true);
        self.serve_with(None).await
    }

    async fn serve_with(
        &self,
        contexts: Option<ExecutionContextQueryControllerServer<Self>>,
    ) -> Backend {
        let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = incoming.local_addr().unwrap().to_string();
        let server = Server::builder()
            .add_service(AgentExecutionQueryControllerServer::new(self.clone()))
            .add_service(AgentQueryControllerServer::new(self.clone()))
            .add_service(AgentInstanceQueryControllerServer::new(self.clone()))
            .add_service(SessionQueryControllerServer::new(self.clone()))
            .add_service(EnvironmentQueryControllerServer::new(self.clone()))
            .add_optional_service(contexts);
        tokio::spawn(server.serve_with_incoming(incoming));
        Backend::new(&address, None).unwrap()
    }
}

#[tonic::async_trait]
impl AgentExecutionQueryController for Fake {
    async fn get(
        &self,
        request: Request<AgentExecutionId>,
    ) -> Result<Response<AgentExecution>, Status> {
        let id = request.into_inner().value;
        let found = self.state(|s| s.executions.get(&id).cloned());
        found
            .map(Response::new)
            .ok_or_else(|| Status::not_found(id))
    }

    async fn list(
        &self,
        _: Request<ListAgentExecutionsRequest>,
    ) -> Result<Response<AgentExecutionList>, Status> {
        Err(Status::unimplemented("list"))
    }

    async fn list_by_session(
        &self,
        request: Request<ListAgentExecutionsBySessionRequest>,
    ) -> Result<Response<AgentExecutionList>, Status> {
        let at: usize = request.into_inner().page_token.parse().unwrap_or(0);
        self.state(|s| {
            if s.lists_nothing {
                return Err(Status::unimplemented("listBySession"));
            }
            s.listed += 1;
            let entries = s.pages.get(at).cloned();
            let entries = entries.ok_or_else(|| Status::not_found("no session"))?;
            let more = at + 1 < s.pages.len();
            Ok(Response::new(AgentExecutionList {
                entries,
                next_page_token: match more {
                    true => (at + 1).to_string(),
                    false => String::new(),
                },
                ..Default::default()
            }))
        })
    }

    type subscribeStream = BoxStream<AgentExecution>;

    async fn subscribe(
        &self,
        _: Request<AgentExecutionId>,
    ) -> Result<Response<Self::subscribeStream>, Status> {
        Err(Status::unimplemented("subscribe"))
    }
}
