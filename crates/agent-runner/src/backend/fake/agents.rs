//! Agents and contexts of the server.

use stigmer_api::{
    agent::{
        Agent, AgentId, AgentList, ListAgentsRequest,
        agent_query_controller_server::AgentQueryController,
    },
    apiresource::{ApiResourceId, ApiResourceReference},
    executioncontext::{
        ExecutionContext,
        execution_context_query_controller_server::ExecutionContextQueryController,
    },
};
use tonic::{Request, Response, Status};

use super::Fake;

impl Fake {
    /// The one agent that there is.
    pub(crate) fn put_agent(&self, agent: Agent) {
        self.state(|s| s.agent = Some(agent));
    }

    /// The context of every execution.
    pub(crate) fn put_context(&self, context: ExecutionContext) {
        self.state(|s| s.context = Some(context));
    }
}

#[tonic::async_trait]
impl AgentQueryController for Fake {
    async fn get(&self, request: Request<AgentId>) -> Result<Response<Agent>, Status> {
        let agent = self.state(|s| s.agent.clone());
        agent
            .map(Response::new)
            .ok_or_else(|| Status::not_found(request.into_inner().value))
    }

    async fn get_by_reference(
        &self,
        _: Request<ApiResourceReference>,
    ) -> Result<Response<Agent>, Status> {
        Err(Status::unimplemented("getByReference"))
    }

    async fn list(&self, _: Request<ListAgentsRequest>) -> Result<Response<AgentList>, Status> {
        Err(Status::unimplemented("list"))
    }
}

#[tonic::async_trait]
impl ExecutionContextQueryController for Fake {
    async fn get(&self, _: Request<ApiResourceId>) -> Result<Response<ExecutionContext>, Status> {
        Err(Status::unimplemented("get"))
    }

    async fn get_by_reference(
        &self,
        request: Request<ApiResourceReference>,
    ) -> Result<Response<ExecutionContext>, Status> {
        let context = self.state(|s| s.context.clone());
        context
            .map(Response::new)
            .ok_or_else(|| Status::not_found(request.into_inner().slug))
    }
}
