use stigmer_api::{
    apiresource::{ApiResourceDeleteInput, ApiResourceId, ApiResourceReference},
    environment::{
        Environment, EnvironmentList, ListEnvironmentsRequest,
        environment_command_controller_server::EnvironmentCommandController,
        environment_query_controller_server::EnvironmentQueryController,
    },
};
use tonic::{Request, Response, async_trait};

use super::reply::{Reply, page, read, write, write_valid};
use crate::{
    ops,
    store::{Keep, Store, Wanted},
};

#[derive(Clone)]
pub(crate) struct EnvironmentService(pub(crate) Store);

#[async_trait]
impl EnvironmentCommandController for EnvironmentService {
    async fn apply(&self, request: Request<Environment>) -> Reply<Environment> {
        write_valid(&self.0, request, |tx, r| ops::apply(tx, r, ops::create)).await
    }

    async fn create(&self, request: Request<Environment>) -> Reply<Environment> {
        write_valid(&self.0, request, ops::create).await
    }

    async fn update(&self, request: Request<Environment>) -> Reply<Environment> {
        write_valid(&self.0, request, ops::update).await
    }

    async fn delete(&self, request: Request<ApiResourceDeleteInput>) -> Reply<Environment> {
        write(&self.0, request, |tx, input| {
            ops::environment::delete(tx, &input.resource_id)
        })
        .await
    }
}

#[async_trait]
impl EnvironmentQueryController for EnvironmentService {
    async fn get(&self, request: Request<ApiResourceId>) -> Reply<Environment> {
        read(&self.0, |view| view.get(&request.get_ref().value))
    }

    async fn get_by_reference(&self, request: Request<ApiResourceReference>) -> Reply<Environment> {
        read(&self.0, |view| ops::by_reference(view, request.get_ref()))
    }

    async fn list(&self, request: Request<ListEnvironmentsRequest>) -> Reply<EnvironmentList> {
        let ListEnvironmentsRequest {
            page_size: size,
            page_token: token,
            tags,
        } = request.into_inner();
        let keep = Keep {
            tags,
            ..Keep::default()
        };
        let page = page(&self.0, Wanted { size, token }, keep).await?;
        Ok(Response::new(EnvironmentList {
            total_pages: page.total_pages,
            entries: page.entries,
            next_page_token: page.next,
        }))
    }
}
