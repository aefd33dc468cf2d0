use prost::Message;
use stigmer_api::{
    agent::Agent,
    agentinstance::{
        AgentInstance, AgentInstanceId, AgentInstanceList, GetAgentInstancesByAgentRequest,
        agent_instance_command_controller_server::AgentInstanceCommandController,
        agent_instance_query_controller_server::AgentInstanceQueryController,
    },
    apiresource::ApiResourceReference,
};
use tonic::{Request, Response, async_trait};

use super::reply::{Reply, read, write, write_valid};
use crate::{
    error::Error,
    ops,
    store::{PAGE_BYTES, Store, told},
};

#[derive(Clone)]
pub(crate) struct InstanceService(pub(crate) Store);

#[async_trait]
impl AgentInstanceCommandController for InstanceService {
    async fn apply(&self, request: Request<AgentInstance>) -> Reply<AgentInstance> {
        write_valid(&self.0, request, |tx, r| ops::apply(tx, r, ops::create)).await
    }

    async fn create(&self, request: Request<AgentInstance>) -> Reply<AgentInstance> {
        write_valid(&self.0, request, ops::create).await
    }

    async fn update(&self, request: Request<AgentInstance>) -> Reply<AgentInstance> {
        write_valid(&self.0, request, ops::update).await
    }

    async fn delete(&self, request: Request<AgentInstanceId>) -> Reply<AgentInstance> {
        write(&self.0, request, |tx, id| {
            ops::agent::delete_instance(tx, &id.value)
        })
        .await
    }
}

#[async_trait]
impl AgentInstanceQueryController for InstanceService {
    async fn get(&self, request: Request<AgentInstanceId>) -> Reply<AgentInstance> {
        read(&self.0, |view| view.get(&request.get_ref().value))
    }

    async fn get_by_agent(
        &self,
        request: Request<GetAgentInstancesByAgentRequest>,
    ) -> Reply<AgentInstanceList> {
        let GetAgentInstancesByAgentRequest {
            agent_id,
            page_info,
        } = request.into_inner();
        let info = page_info.unwrap_or_default();
        let list = self.0.read(|view| {
            view.named_by::<Agent>("agent_id", &agent_id)?;
            let ids = view.children(&agent_id)?;
            let negative = |_| Error::invalid("page_info", "must not be negative");
            let size = match usize::try_from(info.size).map_err(negative)? {
                0 => ids.len().max(1),
                size => size,
            };
            let before = usize::try_from(info.num.max(1) - 1).map_err(negative)?;
            let first = before.saturating_mul(size);
            let page = ids.iter().skip(first).take(size);
            let (mut items, mut bytes) = (Vec::new(), 0);
            for id in page {
                let item: AgentInstance = view.get(id)?;
                bytes += item.encoded_len();
                // The others are had by a smaller size; how many there are is told.
                if !items.is_empty() && bytes > PAGE_BYTES {
                    break;
                }
                items.push(told(item));
            }
            Ok(AgentInstanceList {
                total_count: i32::try_from(ids.len()).unwrap_or(i32::MAX),
                items,
            })
        })?;
        Ok(Response::new(list))
    }

    async fn get_by_reference(
        &self,
        request: Request<ApiResourceReference>,
    ) -> Reply<AgentInstance> {
        read(&self.0, |view| ops::by_reference(view, request.get_ref()))
    }
}
