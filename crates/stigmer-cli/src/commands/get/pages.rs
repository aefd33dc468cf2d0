//! Whole lists, page by page.

use anyhow::Result;
use stigmer_api::{
    agent::{Agent, ListAgentsRequest},
    agentexecution::{AgentExecution, ExecutionPhase, ListAgentExecutionsRequest},
    agentinstance::{AgentInstance, GetAgentInstancesByAgentRequest},
    environment::{Environment, ListEnvironmentsRequest},
    resource::Resource,
    rpc::PageInfo,
    session::{ListSessionsRequest, Session},
    skill::{ListSkillsRequest, Skill},
};

use crate::client::Client;

/// Few calls, and still far below the largest message.
const PAGE: usize = 100;

fn page_size(limit: usize, have: usize) -> i32 {
    i32::try_from(PAGE.min(limit - have)).unwrap_or(i32::MAX)
}

/// Collects pages until the last one or `limit`; `$ask` makes the request of a size and a token.
macro_rules! collect {
    ($client:expr, $limit:expr, $service:ident.$entries:ident, $ask:expr) => {{
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let size = page_size($limit, all.len());
            let mut service = $client.$service();
            let page = $client
                .answer(service.list($ask(size, token.clone())))
                .await?;
            all.extend(page.$entries);
            // A token that comes again would never end.
            if all.len() >= $limit
                || page.next_page_token.is_empty()
                || page.next_page_token == token
            {
                break;
            }
            token = page.next_page_token;
        }
        all.truncate($limit);
        Ok::<_, anyhow::Error>(all)
    }};
}

pub(super) async fn agents(client: &Client, org: Option<&str>, limit: usize) -> Result<Vec<Agent>> {
    let ask = |page_size, page_token| ListAgentsRequest {
        page_size,
        page_token,
        tags: Vec::new(),
        org: org.unwrap_or_default().to_owned(),
    };
    collect!(client, limit, agents.entries, ask)
}

pub(super) async fn executions(
    client: &Client,
    org: Option<&str>,
    phase: ExecutionPhase,
    limit: usize,
) -> Result<Vec<AgentExecution>> {
    let ask = |page_size, page_token| ListAgentExecutionsRequest {
        page_size,
        page_token,
        phase: phase.into(),
        tags: Vec::new(),
    };
    let all = collect!(client, unless(org, limit), executions.entries, ask)?;
    Ok(of(org, limit, all))
}

pub(super) async fn sessions(
    client: &Client,
    org: Option<&str>,
    limit: usize,
) -> Result<Vec<Session>> {
    let ask = |page_size, page_token| ListSessionsRequest {
        page_size,
        page_token,
        tags: Vec::new(),
    };
    let all = collect!(client, unless(org, limit), sessions.entries, ask)?;
    Ok(of(org, limit, all))
}

pub(super) async fn environments(
    client: &Client,
    org: Option<&str>,
    limit: usize,
) -> Result<Vec<Environment>> {
    let ask = |page_size, page_token| ListEnvironmentsRequest {
        page_size,
        page_token,
        tags: Vec::new(),
    };
    let all = collect!(client, unless(org, limit), environments.entries, ask)?;
    Ok(of(org, limit, all))
}

pub(super) async fn skills(client: &Client, org: Option<&str>, limit: usize) -> Result<Vec<Skill>> {
    let ask = |page_size, page_token| ListSkillsRequest {
        page_size,
        page_token,
        tags: Vec::new(),
    };
    let all = collect!(client, unless(org, limit), skills.items, ask)?;
    Ok(of(org, limit, all))
}

/// How many are read: all of them where most may be of another organization, for the contract
/// lists only agents by theirs.
fn unless(org: Option<&str>, limit: usize) -> usize {
    if org.is_some() { usize::MAX } else { limit }
}

fn of<R: Resource>(org: Option<&str>, limit: usize, mut all: Vec<R>) -> Vec<R> {
    all.retain(|r| org.is_none_or(|org| r.org() == org));
    all.truncate(limit);
    all
}

/// The contract lists instances by agent only.
pub(super) async fn instances(
    client: &Client,
    org: Option<&str>,
    limit: usize,
) -> Result<Vec<AgentInstance>> {
    let mut all = Vec::new();
    for agent in agents(client, org, usize::MAX).await? {
        for num in 1.. {
            let size = i32::try_from(PAGE).unwrap_or(i32::MAX);
            let request = GetAgentInstancesByAgentRequest {
                agent_id: agent.id().to_owned(),
                page_info: Some(PageInfo { num, size }),
            };
            let mut service = client.instances();
            let page = client.answer(service.get_by_agent(request)).await?;
            let last = page.items.len() < PAGE;
            all.extend(page.items);
            if all.len() >= limit {
                all.truncate(limit);
                return Ok(all);
            }
            if last {
                break;
            }
        }
    }
    Ok(all)
}
