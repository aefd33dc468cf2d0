use stigmer_api::{
    agent::Agent,
    session::{
        ListSessionsByAgentRequest, ListSessionsRequest, Session, SessionId, SessionList,
        session_command_controller_server::SessionCommandController,
        session_query_controller_server::SessionQueryController,
    },
};
use tonic::{Request, Response, async_trait};

use super::reply::{Reply, list, page, read, write, write_valid};
use crate::{
    ops,
    store::{Keep, Page, Store, Wanted},
};

#[derive(Clone)]
pub(crate) struct SessionService(pub(crate) Store);

#[async_trait]
impl SessionCommandController for SessionService {
    async fn apply(&self, request: Request<Session>) -> Reply<Session> {
        write_valid(&self.0, request, |tx, r| ops::apply(tx, r, ops::create)).await
    }

    async fn create(&self, request: Request<Session>) -> Reply<Session> {
        write_valid(&self.0, request, ops::create).await
    }

    async fn update(&self, request: Request<Session>) -> Reply<Session> {
        write_valid(&self.0, request, ops::update).await
    }

    async fn delete(&self, request: Request<SessionId>) -> Reply<Session> {
        write(&self.0, request, |tx, id| {
            ops::agent::delete_session(tx, &id.value)
        })
        .await
    }
}

#[async_trait]
impl SessionQueryController for SessionService {
    async fn get(&self, request: Request<SessionId>) -> Reply<Session> {
        read(&self.0, |view| view.get(&request.get_ref().value))
    }

    async fn list(&self, request: Request<ListSessionsRequest>) -> Reply<SessionList> {
        let ListSessionsRequest {
            page_size: size,
            page_token: token,
            tags,
        } = request.into_inner();
        let keep = Keep {
            tags,
            ..Keep::default()
        };
        answer(page(&self.0, Wanted { size, token }, keep).await?)
    }

    async fn list_by_agent(
        &self,
        request: Request<ListSessionsByAgentRequest>,
    ) -> Reply<SessionList> {
        let ListSessionsByAgentRequest {
            agent_id,
            page_size: size,
            page_token: token,
        } = request.into_inner();
        let of_agent = list(&self.0, move |store| {
            let instances = store.read(|view| {
                view.named_by::<Agent>("agent_id", &agent_id)?;
                view.children(&agent_id)
            })?;
            store.page_of_children(Wanted { size, token }, &instances)
        });
        answer(of_agent.await?)
    }
}

fn answer(page: Page<Session>) -> Reply<SessionList> {
    Ok(Response::new(SessionList {
        total_pages: page.total_pages,
        entries: page.entries,
        next_page_token: page.next,
    }))
}
