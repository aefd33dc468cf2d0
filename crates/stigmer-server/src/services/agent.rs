use stigmer_api::{
    agent::{
        Agent, AgentId, AgentList, ListAgentsRequest,
        agent_command_controller_server::AgentCommandController,
        agent_query_controller_server::AgentQueryController,
    },
    apiresource::ApiResourceReference,
};
use tonic::{Request, async_trait};

use super::reply::{Reply, page, read, write, write_valid};
use crate::{
    ops,
    store::{Keep, Store, Wanted},
};

#[derive(Clone)]
pub(crate) struct AgentService(pub(crate) Store);

#[async_trait]
impl AgentCommandController for AgentService {
    async fn apply(&self, request: Request<Agent>) -> Reply<Agent> {
        write_valid(&self.0, request, |tx, agent| {
            ops::apply(tx, agent, ops::agent::create)
        })
        .await
    }

    async fn create(&self, request: Request<Agent>) -> Reply<Agent> {
        write_valid(&self.0, request, ops::agent::create).await
    }

    async fn update(&self, request: Request<Agent>) -> Reply<Agent> {
        write_valid(&self.0, request, ops::update).await
    }

    async fn delete(&self, request: Request<AgentId>) -> Reply<Agent> {
        write(&self.0, request, |tx, id| ops::agent::delete(tx, &id.value)).await
    }
}

#[async_trait]
impl AgentQueryController for AgentService {
    async fn get(&self, request: Request<AgentId>) -> Reply<Agent> {
        read(&self.0, |view| view.get(&request.get_ref().value))
    }

    async fn get_by_reference(&self, request: Request<ApiResourceReference>) -> Reply<Agent> {
        read(&self.0, |view| ops::by_reference(view, request.get_ref()))
    }

    async fn list(&self, request: Request<ListAgentsRequest>) -> Reply<AgentList> {
        let ListAgentsRequest {
            page_size: size,
            page_token: token,
            tags,
            org,
        } = request.into_inner();
        let keep = Keep {
            tags,
            org,
            ..Keep::default()
        };
        let page = page(&self.0, Wanted { size, token }, keep).await?;
        Ok(tonic::Response::new(AgentList {
            total_pages: page.total_pages,
            entries: page.entries,
            next_page_token: page.next,
        }))
    }
}
