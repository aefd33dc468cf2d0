use stigmer_api::{
    agent::{Agent, McpServerDefinition, McpToolSelection},
    executioncontext::{ExecutionContext, ExecutionContextSpec},
};

use super::*;
use crate::backend::fake::Fake;

#[test]
fn a_sub_agent_of_a_server_that_is_not_there_is_refused() {
    let agent = AgentSpec {
        sub_agents: vec![SubAgent {
            name: "clerk".to_owned(),
            mcp_servers: vec!["files".to_owned()],
            ..SubAgent::default()
        }],
        ..AgentSpec::default()
    };
    let data = ExecutionData {
        agent,
        ..ExecutionData::of_env(Env::default())
    };
    let refused = format!("{:?}", data.equip(&BTreeMap::new()).err());
    assert!(
        refused.contains("clerk names the MCP server files"),
        "{refused}"
    );
}

/// An agent with the servers `files` and `web`, and a sub-agent `clerk` that names `named` of them and selects a tool of
/// `selected`.
fn with_clerk(named: &[&str], selected: &str) -> ExecutionData {
    let server = |name: &str| McpServerDefinition {
        name: name.to_owned(),
        ..McpServerDefinition::default()
    };
    let selection = McpToolSelection {
        enabled_tools: vec!["read".to_owned()],
    };
    let clerk = SubAgent {
        name: "clerk".to_owned(),
        mcp_servers: named.iter().map(|&name| name.to_owned()).collect(),
        mcp_tool_selections: [(selected.to_owned(), selection)].into(),
        ..SubAgent::default()
    };
    let agent = AgentSpec {
        mcp_servers: ["files", "web"].map(server).into(),
        sub_agents: vec![clerk],
        ..AgentSpec::default()
    };
    ExecutionData {
        agent,
        ..ExecutionData::of_env(Env::default())
    }
}

/// It was stored before the server refused it: the sub-agent does not get all tools of `files` now.
#[test]
fn a_selection_of_no_server_of_the_sub_agent_is_refused() {
    for slip in ["file", "web"] {
        let equipped = with_clerk(&["files"], slip).equip(&BTreeMap::new());
        let refused = equipped.err().unwrap();
        assert_eq!(crate::failure::kind(&refused), "McpServerMissing");
        assert!(crate::failure::is_permanent(&refused));
        let why = format!("{refused:?}");
        let words = format!("clerk selects tools of the MCP server {slip}");
        assert!(why.contains(&words), "{why}");
    }
}

#[test]
fn a_server_that_a_sub_agent_names_twice_is_there_once() {
    let data = with_clerk(&["files", "web", "files"], "files").equip(&BTreeMap::new());
    let data = data.unwrap();
    let kit = &data.equipment(Some("clerk")).unwrap().kit;
    let names: Vec<&str> = kit.servers.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["files", "web"]);
    assert_eq!(kit.selections["files"].enabled_tools, ["read"]);
}

#[tokio::test]
async fn an_agent_that_is_changed_stays_what_it_was_for_an_execution_under_way() {
    let named = |instructions: &str| AgentSpec {
        instructions: instructions.to_owned(),
        ..AgentSpec::default()
    };
    let fake = Fake::default();
    fake.put("e", AgentExecution::default());
    fake.page(Vec::new());
    fake.put_agent(Agent {
        spec: Some(named("You are the second.")),
        ..Agent::default()
    });
    let backend = fake.serve().await;
    let told = async |pins: Option<&Pins>| {
        let data = ExecutionData::load(&backend, "e", pins).await.unwrap();
        data.equipment(None).unwrap().system_prompt.clone()
    };
    // A server that keeps no agent with the execution.
    assert_eq!(told(None).await, "You are the second.");
    fake.put_context(ExecutionContext {
        spec: Some(ExecutionContextSpec {
            agent: Some(named("You are the first.")),
            ..ExecutionContextSpec::default()
        }),
        ..ExecutionContext::default()
    });
    for pins in [None, Some(&Pins::default())] {
        assert_eq!(told(pins).await, "You are the first.");
    }
}

#[test]
fn what_was_asked_is_shown_where_the_server_did_not() {
    let mut execution = AgentExecution {
        spec: Some(AgentExecutionSpec {
            message: "Hello?".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let sent = include_bytes!("../../testdata/original-execution.json");
    let original: AgentExecution = serde_json::from_slice(sent).unwrap();
    let status = original.status.clone().unwrap();
    assert_eq!(question(&execution)[0].content, "Hello?");
    let [asked] = &question(&original)[..] else {
        panic!("{original:?}")
    };
    assert_eq!(asked.r#type(), MessageType::MessageHuman);
    assert_eq!(asked.content, "Say hi");
    assert_eq!(asked.timestamp, "2026-11-26T02:10:55.541Z");
    // What the server wrote itself is not written again.
    let written = AgentMessage {
        content: "as it was written".to_owned(),
        ..asked.clone()
    };
    execution.status = Some(stigmer_api::agentexecution::AgentExecutionStatus {
        messages: vec![written.clone()],
        ..status
    });
    assert_eq!(question(&execution), [written]);
}
