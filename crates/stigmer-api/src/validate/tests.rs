//! Each limit of `docs/limits.md` that is a number of entries: so many are taken, and one more is refused by its field.

mod agents;

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::{
    limits,
    proto::{
        agent::{
            Agent, DockerServer, HttpServer, McpServerDefinition, McpToolSelection, StdioServer,
            SubAgent, mcp_server_definition::ServerType,
        },
        agentexecution::{
            AgentExecution, AgentExecutionStatus, AgentMessage, SubAgentExecution, TodoItem,
            ToolCall,
        },
        environment::{Environment, EnvironmentValue},
        executioncontext::{ExecutionContext, ExecutionValue},
    },
};

fn told(checked: Result<(), Violations>) -> String {
    checked.err().map(|e| e.to_string()).unwrap_or_default()
}

/// Checks what `with` makes of `most` entries and of one more, which is refused by `field`.
fn at_and_beyond<R: Validate>(most: usize, field: &str, with: impl Fn(usize) -> R) {
    let told = |n| {
        let mut resource = with(n);
        resource.set_envelope();
        let scope = R::KIND.owner_scopes().last().copied();
        let metadata = resource.metadata_mut();
        metadata.owner_scope = scope.map_or(0, i32::from);
        if metadata.name.is_empty() {
            metadata.name = "a".to_owned();
        }
        told(resource.validate())
    };
    assert_eq!(told(most), "", "{field}");
    let beyond = told(most + 1);
    assert!(
        beyond.contains(&format!("{field}: must have at most {most}")),
        "{field}: {beyond}"
    );
}

fn names<T: Default>(count: usize) -> BTreeMap<String, T> {
    (0..count)
        .map(|i| (format!("n{i}"), T::default()))
        .collect()
}

fn references(count: usize) -> Vec<ApiResourceReference> {
    let reference = |i| ApiResourceReference {
        slug: format!("a{i}"),
        ..Default::default()
    };
    (0..count).map(reference).collect()
}

fn agent(change: impl FnOnce(&mut crate::agent::AgentSpec)) -> Agent {
    let mut agent = Agent::default();
    let spec = agent.spec.get_or_insert_default();
    spec.instructions = "Do what is right.".to_owned();
    change(spec);
    agent
}

fn sub_agent(change: impl FnOnce(&mut SubAgent)) -> Agent {
    let mut sub = SubAgent {
        name: "s".to_owned(),
        instructions: "Do what is right.".to_owned(),
        ..Default::default()
    };
    change(&mut sub);
    agent(|spec| spec.sub_agents = vec![sub])
}

fn server(server_type: ServerType) -> Agent {
    let server = McpServerDefinition {
        name: "s".to_owned(),
        server_type: Some(server_type),
        ..Default::default()
    };
    agent(|spec| spec.mcp_servers = vec![server])
}

fn stdio() -> StdioServer {
    StdioServer {
        command: "c".to_owned(),
        ..Default::default()
    }
}

fn http() -> HttpServer {
    HttpServer {
        url: "http://a".to_owned(),
        ..Default::default()
    }
}

#[test]
fn of_an_agent() {
    at_and_beyond(limits::MCP_SERVERS, "spec.mcp_servers", |n| {
        let server = |i| McpServerDefinition {
            name: format!("s{i}"),
            server_type: Some(ServerType::Stdio(stdio())),
            ..Default::default()
        };
        agent(|spec| spec.mcp_servers = (0..n).map(server).collect())
    });
    at_and_beyond(limits::SUB_AGENTS, "spec.sub_agents", |n| {
        let sub = |i| SubAgent {
            name: format!("s{i}"),
            instructions: "Do what is right.".to_owned(),
            ..Default::default()
        };
        agent(|spec| spec.sub_agents = (0..n).map(sub).collect())
    });
    at_and_beyond(limits::REFERENCES, "spec.skill_refs", |n| {
        agent(|spec| spec.skill_refs = references(n))
    });
    at_and_beyond(limits::VARIABLES, "spec.env_spec.data", |n| {
        agent(|spec| spec.env_spec.get_or_insert_default().data = names(n))
    });
}

#[test]
fn of_a_sub_agent() {
    let at = |field: &str| format!("spec.sub_agents[0].{field}");
    at_and_beyond(limits::REFERENCES, &at("skill_refs"), |n| {
        sub_agent(|sub| sub.skill_refs = references(n))
    });
    at_and_beyond(limits::MCP_SERVERS, &at("mcp_tool_selections"), |n| {
        agents::with_servers(limits::MCP_SERVERS, |sub| {
            sub.mcp_tool_selections = names(n)
        })
    });
    let tools = at("mcp_tool_selections[n0].enabled_tools");
    at_and_beyond(limits::SERVER_ENTRIES, &tools, |n| {
        let selection = McpToolSelection {
            enabled_tools: vec![String::new(); n],
        };
        agents::with_servers(1, |sub| {
            sub.mcp_tool_selections = [("n0".to_owned(), selection)].into();
        })
    });
    let servers = sub_agent(|sub| sub.mcp_servers = vec!["s".to_owned(); limits::MCP_SERVERS + 1]);
    let field = at("mcp_servers: must have at most 128");
    assert!(told(servers.validate()).contains(&field));
}

#[test]
fn of_an_mcp_server() {
    let at = |field: &str| format!("spec.mcp_servers[0].{field}");
    let most = limits::SERVER_ENTRIES;
    at_and_beyond(most, &at("enabled_tools"), |n| {
        let mut agent = server(ServerType::Stdio(stdio()));
        let spec = agent.spec.get_or_insert_default();
        spec.mcp_servers[0].enabled_tools = vec![String::new(); n];
        agent
    });
    at_and_beyond(most, &at("stdio.args"), |n| {
        let args = vec![String::new(); n];
        server(ServerType::Stdio(StdioServer { args, ..stdio() }))
    });
    at_and_beyond(most, &at("stdio.env_placeholders"), |n| {
        let env_placeholders = names(n);
        server(ServerType::Stdio(StdioServer {
            env_placeholders,
            ..stdio()
        }))
    });
    at_and_beyond(most, &at("http.headers"), |n| {
        let headers = names(n);
        server(ServerType::Http(HttpServer { headers, ..http() }))
    });
    at_and_beyond(most, &at("http.query_params"), |n| {
        let query_params = names(n);
        server(ServerType::Http(HttpServer {
            query_params,
            ..http()
        }))
    });
    at_and_beyond(most, &at("docker.args"), |n| {
        let docker = DockerServer {
            image: "i".to_owned(),
            args: vec![String::new(); n],
            ..Default::default()
        };
        server(ServerType::Docker(docker))
    });
}

#[test]
fn of_all_kinds() {
    for field in ["labels", "annotations", "tags"] {
        at_and_beyond(limits::LABELS, &format!("metadata.{field}"), |n| {
            let mut agent = agent(|_| {});
            let metadata = agent.metadata_mut();
            match field {
                "labels" => metadata.labels = names(n),
                "annotations" => metadata.annotations = names(n),
                _ => metadata.tags = vec![String::new(); n],
            }
            agent
        });
    }
    at_and_beyond(limits::NAME, "metadata.name", |n| {
        let mut agent = agent(|_| {});
        // Characters, not bytes; a slug is shorter.
        agent.metadata_mut().name = "ü".repeat(n);
        agent.metadata_mut().slug = "a".to_owned();
        agent
    });
}

#[test]
fn of_an_update_that_changes_nothing_else() {
    for (count, taken) in [(limits::LABELS, true), (limits::LABELS + 1, false)] {
        let mut execution = AgentExecution::default();
        execution.metadata_mut().labels = names(count);
        assert_eq!(execution.validate_labels().is_ok(), taken);
    }
}

#[test]
fn of_a_version() {
    for (characters, taken) in [(limits::VERSION, true), (limits::VERSION + 1, false)] {
        assert_eq!(is_version(&"1".repeat(characters)), taken);
    }
    assert!(VERSION_RULE.contains(&limits::VERSION.to_string()));
}

#[test]
fn of_the_other_kinds() {
    at_and_beyond(limits::REFERENCES, "spec.environment_refs", |n| {
        let mut instance = AgentInstance::default();
        let spec = instance.spec.get_or_insert_default();
        spec.agent_id = "a".to_owned();
        spec.environment_refs = references(n);
        instance
    });
    at_and_beyond(limits::LABELS, "spec.metadata", |n| {
        let mut session = Session::default();
        let spec = session.spec.get_or_insert_default();
        spec.agent_instance_id = "a".to_owned();
        spec.metadata = names(n);
        session
    });
    at_and_beyond(limits::VARIABLES, "spec.data", |n| {
        let mut environment = Environment::default();
        environment.spec.get_or_insert_default().data = names::<EnvironmentValue>(n);
        environment
    });
    at_and_beyond(limits::VARIABLES, "spec.data", |n| {
        let mut context = ExecutionContext::default();
        let spec = context.spec.get_or_insert_default();
        spec.execution_id = "a".to_owned();
        spec.data = names::<ExecutionValue>(n);
        context
    });
    at_and_beyond(limits::VARIABLES, "spec.runtime_env", |n| {
        let mut execution = AgentExecution::default();
        let spec = execution.spec.get_or_insert_default();
        spec.agent_id = "a".to_owned();
        spec.message = "hello".to_owned();
        spec.runtime_env = names(n);
        execution
    });
}

#[test]
fn no_variable_has_a_nul_in_it() {
    let mut environment = Environment::default();
    let data = &mut environment.spec.get_or_insert_default().data;
    for (name, value) in [("GOOD", "a\nb"), ("BAD", "a\0b")] {
        let value = value.to_owned();
        let value = EnvironmentValue {
            value,
            ..Default::default()
        };
        data.insert(name.to_owned(), value);
    }
    environment.set_envelope();
    let metadata = environment.metadata_mut();
    metadata.name = "a".to_owned();
    let scope = Environment::KIND.owner_scopes().last().copied();
    metadata.owner_scope = scope.map_or(0, i32::from);
    let told = told(environment.validate());
    assert_eq!(
        told,
        "validation error: spec.data[BAD]: must have no NUL in it"
    );
}

#[test]
fn of_a_report() {
    let most = limits::REPORTED;
    let at_and_beyond = |field: &str, with: &dyn Fn(usize) -> AgentExecutionStatus| {
        assert_eq!(told(report::check(&with(most))), "", "{field}");
        let beyond = told(report::check(&with(most + 1)));
        let words = format!("status.{field}: must have at most {most}");
        assert!(beyond.contains(&words), "{field}: {beyond}");
    };
    at_and_beyond("messages", &|n| AgentExecutionStatus {
        messages: vec![AgentMessage::default(); n],
        ..Default::default()
    });
    at_and_beyond("tool_calls", &|n| AgentExecutionStatus {
        tool_calls: vec![ToolCall::default(); n],
        ..Default::default()
    });
    at_and_beyond("messages[0].tool_calls", &|n| {
        let message = AgentMessage {
            tool_calls: vec![ToolCall::default(); n],
            ..Default::default()
        };
        AgentExecutionStatus {
            messages: vec![message],
            ..Default::default()
        }
    });
    at_and_beyond("sub_agent_executions", &|n| AgentExecutionStatus {
        sub_agent_executions: vec![SubAgentExecution::default(); n],
        ..Default::default()
    });
    at_and_beyond("todos", &|n| AgentExecutionStatus {
        todos: names::<TodoItem>(n),
        ..Default::default()
    });
}

#[test]
fn what_is_told_of_a_rule_is_cut_and_rules_are_counted() {
    let mut check = Checker::default();
    check.fail(
        "f".repeat(limits::TOLD_BYTES),
        "m".repeat(limits::TOLD_BYTES),
    );
    let whole = told(check.finish());
    assert!(!whole.contains('…'), "{whole}");
    let mut check = Checker::default();
    check.fail(
        "f".repeat(limits::TOLD_BYTES + 1),
        "m".repeat(limits::TOLD_BYTES + 1),
    );
    let cut = told(check.finish());
    assert_eq!(cut.matches("… (151 bytes)").count(), 2, "{cut}");
    for (rules, more) in [(limits::TOLD, false), (limits::TOLD + 1, true)] {
        let mut check = Checker::default();
        (0..rules).for_each(|_| check.fail("f", "m"));
        let told = told(check.finish());
        assert_eq!(told.contains("and 1 more"), more);
        let lines = told.matches("\n - ").count();
        assert_eq!(lines, limits::TOLD + usize::from(more), "{told}");
    }
}

/// What every message is asked: whether it keeps the rules, what is secret in it, and what stands in an answer.
fn judged<R: Validate + crate::secret::Secrets + serde::Serialize>(wire: &[u8]) {
    let Ok(mut resource) = R::decode(wire) else {
        return;
    };
    if let Err(broken) = resource.validate() {
        assert!(!broken.0.is_empty());
        let told = broken.to_string();
        assert!(told.len() < 16_000, "{} bytes", told.len());
    }
    resource.redact();
    assert!(serde_json::to_string(&resource.shortened("why")).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_a_message_says_is_judged(wire in crate::footprint::tests::wire()) {
        judged::<Agent>(&wire);
        judged::<AgentInstance>(&wire);
        judged::<Session>(&wire);
        judged::<AgentExecution>(&wire);
        judged::<Environment>(&wire);
        judged::<ExecutionContext>(&wire);
        if let Ok(status) = AgentExecutionStatus::decode(wire.as_slice()) {
            let args = status.tool_calls.iter().filter_map(|call| call.args.as_ref());
            args.for_each(|args| drop(crate::json::of_struct(args).to_string()));
            let _ = report::check(&status);
        }
    }
}
