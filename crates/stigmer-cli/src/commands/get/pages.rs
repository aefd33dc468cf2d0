//! Whole lists, page by page.

use std::collections::BTreeSet;

use anyhow::Result;
use prost::Message;
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

use crate::{client::Client, failure::Failure};

/// Few calls, and still far below the largest message.
const PAGE: usize = 100;

/// The most pages and bytes of a list that are read; whoever wants a part of more says `--limit`.
const MOST_PAGES: usize = 10_000;
const MOST_BYTES: usize = 512 << 20;

/// What a list has taken so far.
#[derive(Default)]
struct Bound {
    pages: usize,
    bytes: usize,
}

impl Bound {
    /// Takes one more page.
    fn take<'a, R: Message + 'a>(&mut self, entries: impl Iterator<Item = &'a R>) -> Result<()> {
        self.pages += 1;
        self.bytes += entries.map(Message::encoded_len).sum::<usize>();
        if self.pages <= MOST_PAGES && self.bytes <= MOST_BYTES {
            return Ok(());
        }
        let (pages, mib) = (MOST_PAGES, MOST_BYTES >> 20);
        Err(Failure::failed(format!(
            "the list has more than {pages} pages or {mib} MiB: ask for a part of it by --limit"
        )))
    }
}

/// How many to ask for: no more than are missing, but where they may all be of another organization.
fn page_size(org: Option<&str>, limit: usize, have: usize) -> i32 {
    let size = match org {
        Some(_) => PAGE,
        None => PAGE.min(limit - have),
    };
    i32::try_from(size).unwrap_or(i32::MAX)
}

/// Collects what is of `$org`, where one is named, until the last page or `$limit`; `$ask` makes the request of a size and
/// a token.
macro_rules! collect {
    ($client:expr, $org:expr, $limit:expr, $service:ident.$entries:ident, $ask:expr) => {{
        let mut all = Vec::new();
        let mut bound = Bound::default();
        let mut seen = BTreeSet::new();
        let mut token = String::new();
        loop {
            let size = page_size($org, $limit, all.len());
            let mut service = $client.$service();
            let page = $client
                .answer(service.list($ask(size, token.clone())))
                .await?;
            bound.take(page.$entries.iter())?;
            let empty = page.$entries.is_empty();
            all.extend(page.$entries.into_iter().filter(|it| is_of($org, it)));
            if all.len() >= $limit || page.next_page_token.is_empty() {
                break;
            }
            token = page.next_page_token;
            if empty || !seen.insert(token.clone()) {
                return Err(Failure::failed(
                    "the server's list does not end: it gives pages without entries, or one again",
                ));
            }
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
    // The server has chosen them.
    collect!(client, None, limit, agents.entries, ask)
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
    collect!(client, org, limit, executions.entries, ask)
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
    collect!(client, org, limit, sessions.entries, ask)
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
    collect!(client, org, limit, environments.entries, ask)
}

pub(super) async fn skills(client: &Client, org: Option<&str>, limit: usize) -> Result<Vec<Skill>> {
    let ask = |page_size, page_token| ListSkillsRequest {
        page_size,
        page_token,
        tags: Vec::new(),
    };
    collect!(client, org, limit, skills.items, ask)
}

/// The contract lists only agents by their organization.
fn is_of<R: Resource>(org: Option<&str>, resource: &R) -> bool {
    org.is_none_or(|org| resource.org() == org)
}

/// The number and size of the page that begins behind so many entries: a server may give fewer than
/// it was asked for where they are large.
fn page_after(have: usize) -> (i32, i32) {
    let size = (1..=PAGE)
        .rev()
        .find(|size| have.is_multiple_of(*size))
        .unwrap_or(1);
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    (number(have / size + 1), number(size))
}

/// The contract lists instances by agent only, and the agent of one of `org` may be of any.
pub(super) async fn instances(
    client: &Client,
    org: Option<&str>,
    limit: usize,
) -> Result<Vec<AgentInstance>> {
    let mut all = Vec::new();
    let mut bound = Bound::default();
    for agent in agents(client, None, usize::MAX).await? {
        let mut have = 0;
        loop {
            let (num, size) = page_after(have);
            let request = GetAgentInstancesByAgentRequest {
                agent_id: agent.id().to_owned(),
                page_info: Some(PageInfo { num, size }),
            };
            let mut service = client.instances();
            let page = client.answer(service.get_by_agent(request)).await?;
            let got = page.items.len();
            have += got;
            let kept = page.items.into_iter().filter(|it| is_of(org, it));
            let kept: Vec<AgentInstance> = kept.collect();
            if !kept.is_empty() {
                bound.take(kept.iter())?;
            }
            all.extend(kept);
            if all.len() >= limit {
                all.truncate(limit);
                return Ok(all);
            }
            let total = usize::try_from(page.total_count).unwrap_or_default();
            if got == 0 || have >= total {
                break;
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use super::*;

    #[test]
    fn so_many_pages_are_read_and_no_more() {
        let mut bound = Bound::default();
        for _ in 0..MOST_PAGES {
            assert!(bound.take([].iter() as std::slice::Iter<'_, Agent>).is_ok());
        }
        let one_more = bound.take([Agent::default()].iter());
        let why = one_more.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(why.contains("--limit"), "{why}");
    }

    #[test]
    fn so_many_bytes_are_read_and_no_more() {
        // Four bytes say what it is and how long.
        let agent = Agent {
            kind: "x".repeat((1 << 20) - 4),
            ..Default::default()
        };
        assert_eq!(agent.encoded_len(), 1 << 20);
        let mut bound = Bound::default();
        let all = repeat_n(&agent, MOST_BYTES >> 20);
        assert!(bound.take(all).is_ok());
        let least = Agent {
            kind: "x".to_owned(),
            ..Default::default()
        };
        assert!(bound.take([least].iter()).is_err());
    }

    #[test]
    fn a_page_begins_behind_those_that_were_read() {
        for (have, page) in [(0, (1, 100)), (100, (2, 100)), (150, (3, 75))] {
            assert_eq!(page_after(have), page, "{have}");
        }
    }
}
