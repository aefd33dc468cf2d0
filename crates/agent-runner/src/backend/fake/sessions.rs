//! The one session of the server, its instance and the environments.

use stigmer_api::{
    agentinstance::{
        AgentInstance, AgentInstanceId, AgentInstanceList, GetAgentInstancesByAgentRequest,
        agent_instance_query_controller_server::AgentInstanceQueryController,
    },
    apiresource::{ApiResourceId, ApiResourceReference},
    environment::{
        Environment, EnvironmentList, ListEnvironmentsRequest,
        environment_query_controller_server::EnvironmentQueryController,
    },
    session::{
        ListSessionsByAgentRequest, ListSessionsRequest, Session, SessionId, SessionList,
        session_query_controller_server::SessionQueryController,
    },
};
use tonic::{Request, Response, Status};

use super::Fake;

impl Fake {
    pub(crate) fn put_session(
        &self,
        session: Session,
        instance: AgentInstance,
        environments: impl IntoIterator<Item = (String, Environment)>,
    ) {
        self.state(|s| {
            s.session = session;
            s.instance = instance;
            s.environments = environments.into_iter().collect();
        });
    }
}

#[tonic::async_trait]
impl SessionQueryController for Fake {
    async fn get(&self, _: Request<SessionId>) -> Result<Response<Session>, Status> {
        Ok(Response::new(self.state(|s| s.session.clone())))
    }

    async fn list(&self, _: Request<ListSessionsRequest>) -> Result<Response<SessionList>, Status> {
        Err(Status::unimplemented("list"))
    }

    async fn list_by_agent(
        &self,
        _: Request<ListSessionsByAgentRequest>,
    ) -> Result<Response<SessionList>, Status> {
        Err(Status::unimplemented("listByAgent"))
    }
}

#[tonic::async_trait]
impl AgentInstanceQueryController for Fake {
    async fn get(&self, _: Request<AgentInstanceId>) -> Result<Response<AgentInstance>, Status> {
        Ok(Response::new(self.state(|s| s.instance.clone())))
    }

    async fn get_by_agent(
        &self,
        _: Request<GetAgentInstancesByAgentRequest>,
    ) -> Result<Response<AgentInstanceList>, Status> {
        Err(Status::unimplemented("getByAgent"))
    }

    async fn get_by_reference(
        &self,
        _: Request<ApiResourceReference>,
    ) -> Result<Response<AgentInstance>, Status> {
        Err(Status::unimplemented("getByReference"))
    }
}

#[tonic::async_trait]
impl EnvironmentQueryController for Fake {
    async fn get(&self, _: Request<ApiResourceId>) -> Result<Response<Environment>, Status> {
        Err(Status::unimplemented("get"))
    }

    async fn get_by_reference(
        &self,
        request: Request<ApiResourceReference>,
    ) -> Result<Response<Environment>, Status> {
        let slug = request.into_inner().slug;
        let found = self.state(|s| s.environments.get(&slug).cloned());
        found
            .map(Response::new)
            .ok_or_else(|| Status::not_found(slug))
    }

    async fn list(
        &self,
        _: Request<ListEnvironmentsRequest>,
    ) -> Result<Response<EnvironmentList>, Status> {
        Err(Status::unimplemented("list"))
    }
}
