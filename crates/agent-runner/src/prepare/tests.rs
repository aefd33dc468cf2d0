use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use std::collections::BTreeMap;

use stigmer_api::agent::{HttpServer, McpServerDefinition, mcp_server_definition::ServerType};

use super::*;

fn sub(name: &str) -> SubAgent {
    SubAgent {
        name: name.to_owned(),
        ..SubAgent::default()
    }
}

#[test]
fn sub_agents_are_tools_with_names_that_models_take() {
    let long = "x".repeat(80);
    let subs = [
        "researcher",
        "Code Reviewer",
        "Code/Reviewer",
        "ü",
        &long,
        &format!("{long}y"),
    ];
    let tools = sub_agent_tools(&subs.map(sub), &[]);
    let names: Vec<&str> = tools.iter().map(|t| t.spec.name.as_str()).collect();
    let x58 = format!("agent_{}", "x".repeat(58));
    let x56 = format!("agent_{}_2", "x".repeat(56));
    let expected = [
        "agent_researcher",
        "agent_Code_Reviewer",
        "agent_Code_Reviewer_2",
        "agent__",
        &x58,
        &x56,
    ];
    assert_eq!(names, expected);
    let again = sub_agent_tools(&[sub("researcher")], &tools);
    assert_eq!(again[0].spec.name, "agent_researcher_2");
    assert_eq!(again[0].component.group, "researcher");
}

#[test]
fn whoever_has_servers_or_skills_has_something_to_close() {
    let pins = |skills: &[&str]| Pins {
        skills: skills
            .iter()
            .map(|s| (s.to_string(), String::new()))
            .collect(),
        ..Pins::default()
    };
    let mut agent = AgentSpec {
        sub_agents: vec![sub("researcher")],
        ..AgentSpec::default()
    };
    assert!(!opens(&agent, &pins(&[])));
    assert!(opens(&agent, &pins(&["org/a@1"])));
    // Whether it lists a tool or not.
    agent.mcp_servers.push(McpServerDefinition::default());
    assert!(opens(&agent, &pins(&[])));
}

#[test]
fn tools_that_do_not_fit_are_refused_with_the_largest() {
    let tool = |server: &str, name: &str, bytes: usize| Tool {
        spec: ToolSpec {
            name: name.to_owned(),
            description: "d".repeat(bytes),
            parameters: json!({}),
            server: Some(server.to_owned()),
        },
        component: Component {
            kind: "mcp".to_owned(),
            group: server.to_owned(),
        },
    };
    let around = size_limit::size(&[tool("a", "a", 0)]);
    let alone = |bytes: usize| bounded(&[tool("a", "a", bytes)]).is_ok();
    assert!(alone(MOST_SPECS - around) && !alone(MOST_SPECS - around + 1));
    let mut tools = vec![
        tool("a", "small", 1000),
        tool("b", "big", MOST_SPECS - 2000),
    ];
    assert!(bounded(&tools).is_ok());
    tools.push(tool("a", "more", 1000));
    let refused = bounded(&tools).err().map(|e| format!("{e:?}"));
    let why = refused.unwrap_or_default();
    assert!(why.contains("the agent's 3 tools take 26"), "{why}");
    assert!(
        why.contains("the largest is big of the MCP server b with 26"),
        "{why}"
    );
    assert!(why.contains("enabled_tools"), "{why}");
}

#[test]
fn placeholders_are_found() {
    let found: Vec<&str> = placeholders(r#"{"a":"${A} and ${B}","c":"$C ${"}"#)
        .into_iter()
        .collect();
    assert_eq!(found[..2], ["\"", "A"]);
    assert_eq!(found[2..], ["B"]);
    assert!(placeholders("none").is_empty());
}

/// One that was just started may need a moment; one that is not there is asked so often and no more.
#[tokio::test]
async fn a_server_that_is_not_there_is_asked_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            counting.fetch_add(1, Ordering::Relaxed);
            drop(connection);
        }
    });
    let server = McpServerDefinition {
        name: "away".to_owned(),
        server_type: Some(ServerType::Http(HttpServer {
            url,
            ..Default::default()
        })),
        ..Default::default()
    };
    let kit = Toolset {
        scope: "e".to_owned(),
        servers: vec![server],
        selections: BTreeMap::new(),
        env: Env::default(),
        skills: Vec::new(),
    };
    let tools = Tools::new(None).unwrap();
    let asks = async |pauses: &[Duration]| {
        let before = asked.load(Ordering::Relaxed);
        let failed = list(&tools, &kit, pauses).await.err().unwrap();
        assert!(crate::failure::is_permanent(&failed), "{failed:?}");
        asked.load(Ordering::Relaxed) - before
    };
    let once = asks(&[]).await;
    assert!(once > 0);
    assert_eq!(asks(&[Duration::ZERO; 2]).await, 3 * once);
}
