use stigmer_api::{
    API_VERSION, Kind,
    apiresource::ApiResourceReference,
    skill::{
        GetArtifactRequest, GetArtifactResponse, ListSkillsRequest, PushSkillRequest, Skill,
        SkillId, SkillList, skill_command_controller_server::SkillCommandController,
        skill_query_controller_server::SkillQueryController,
    },
};
use tonic::{Request, Response, Status, async_trait};

use super::reply::{Reply, page, read, write};
use crate::{
    ops::{skill, skill_by_reference},
    store::{Keep, Store, Wanted},
};

#[derive(Clone)]
pub(crate) struct SkillService(pub(crate) Store);

#[async_trait]
impl SkillCommandController for SkillService {
    async fn push(&self, request: Request<PushSkillRequest>) -> Reply<Skill> {
        let request = request.into_inner();
        // On a thread of its own: it unpacks all of it to see what it becomes.
        let checked = tokio::task::spawn_blocking(|| skill::check(request)).await;
        let checked = checked.map_err(|e| Status::internal(format!("the check failed: {e}")))??;
        write(&self.0, Request::new(checked), skill::push).await
    }

    async fn delete(&self, request: Request<SkillId>) -> Reply<Skill> {
        write(&self.0, request, |tx, id| skill::delete(tx, &id.value)).await
    }
}

#[async_trait]
impl SkillQueryController for SkillService {
    async fn get(&self, request: Request<SkillId>) -> Reply<Skill> {
        read(&self.0, |view| view.get(&request.get_ref().value))
    }

    async fn get_by_reference(&self, request: Request<ApiResourceReference>) -> Reply<Skill> {
        read(&self.0, |view| skill_by_reference(view, request.get_ref()))
    }

    async fn get_artifact(
        &self,
        request: Request<GetArtifactRequest>,
    ) -> Reply<GetArtifactResponse> {
        let key = request.into_inner().artifact_storage_key;
        let artifact = self.0.read(|view| skill::artifact(view, &key))?;
        Ok(Response::new(GetArtifactResponse { artifact }))
    }

    async fn list(&self, request: Request<ListSkillsRequest>) -> Reply<SkillList> {
        let ListSkillsRequest {
            page_size: size,
            page_token: token,
            tags,
        } = request.into_inner();
        let keep = Keep {
            tags,
            ..Keep::default()
        };
        let page = page(&self.0, Wanted { size, token }, keep).await?;
        Ok(Response::new(SkillList {
            api_version: API_VERSION.to_owned(),
            kind: Kind::Skill.as_str().to_owned(),
            items: page.entries,
            next_page_token: page.next,
        }))
    }
}
