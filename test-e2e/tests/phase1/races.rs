use std::collections::BTreeMap;

use futures::future::try_join_all;
use stigmer_api::{agentinstance::GetAgentInstancesByAgentRequest, resource::Resource};
use test_e2e::{Api, Result, Stack, agent, ensure, unique};

#[tokio::test]
async fn of_32_clients_that_apply_the_same_agent_at_once_one_creates_it() -> Result {
    let stack = Stack::get()?;
    let name = unique("raced");
    let clients = (0..32).map(|_| async {
        // A connection each: they are different clients, not one with 32 streams.
        let api = Api::new(&stack.server)?;
        Ok::<_, anyhow::Error>(api.agents().apply(agent(&name)).await?.into_inner())
    });
    let answers = try_join_all(clients).await?;
    let mut events: BTreeMap<String, usize> = BTreeMap::new();
    for answer in &answers {
        ensure!(answer.id() == answers[0].id(), "two agents: {answer:?}");
        let audit = answer
            .audit()
            .and_then(|a| a.spec_audit.clone())
            .unwrap_or_default();
        *events.entry(audit.event).or_default() += 1;
    }
    let expected = [("created".to_owned(), 1), ("unchanged".to_owned(), 31)];
    ensure!(events == BTreeMap::from(expected), "{events:?}");
    let agent_id = answers[0].id().to_owned();
    let request = GetAgentInstancesByAgentRequest {
        agent_id,
        page_info: None,
    };
    let instances = stack
        .api()?
        .instance_queries()
        .get_by_agent(request)
        .await?
        .into_inner();
    ensure!(instances.total_count == 1, "{instances:?}");
    Ok(())
}
