//! The rules of agents.

use super::{Checker, Validate};
use crate::proto::{
    agent::{Agent, McpServerDefinition, SubAgent, mcp_server_definition::ServerType},
    apiresource::apiresourcekind::ApiResourceKind,
};

impl Validate for Agent {
    fn check_spec(&self, check: &mut Checker) {
        let Some(spec) = &self.spec else {
            return check.fail("spec", "is required");
        };
        check.instructions("spec.instructions", &spec.instructions);
        for (i, server) in spec.mcp_servers.iter().enumerate() {
            check_mcp_server(check, &format!("spec.mcp_servers[{i}]"), server);
            if spec.mcp_servers[..i].iter().any(|s| s.name == server.name) {
                check.fail(
                    format!("spec.mcp_servers[{i}].name"),
                    format!("`{}` is used twice", server.name),
                );
            }
        }
        let variables = spec.env_spec.iter().flat_map(|env| env.data.keys());
        check.variables("spec.env_spec.data", variables);
        check.references("spec.skill_refs", &spec.skill_refs, ApiResourceKind::Skill);
        for (i, sub) in spec.sub_agents.iter().enumerate() {
            check_sub_agent(check, &format!("spec.sub_agents[{i}]"), sub, self);
            if spec.sub_agents[..i].iter().any(|s| s.name == sub.name) {
                check.fail(
                    format!("spec.sub_agents[{i}].name"),
                    format!("`{}` is used twice", sub.name),
                );
            }
        }
    }
}

fn check_mcp_server(check: &mut Checker, at: &str, server: &McpServerDefinition) {
    check.required(format!("{at}.name"), &server.name);
    match &server.server_type {
        None => check.fail(at, "must have one of stdio, http, docker"),
        Some(ServerType::Stdio(s)) => check.required(format!("{at}.stdio.command"), &s.command),
        Some(ServerType::Http(s)) => {
            check.required(format!("{at}.http.url"), &s.url);
            check.that(
                &format!("{at}.http.timeout_seconds"),
                (0..=300).contains(&s.timeout_seconds),
                || "must be 0 to 300".to_owned(),
            );
        }
        Some(ServerType::Docker(s)) => {
            check.required(format!("{at}.docker.image"), &s.image);
            for (i, volume) in s.volumes.iter().enumerate() {
                check.required(
                    format!("{at}.docker.volumes[{i}].host_path"),
                    &volume.host_path,
                );
                check.required(
                    format!("{at}.docker.volumes[{i}].container_path"),
                    &volume.container_path,
                );
            }
            for (i, port) in s.ports.iter().enumerate() {
                for (name, value) in [
                    ("host_port", port.host_port),
                    ("container_port", port.container_port),
                ] {
                    check.that(
                        &format!("{at}.docker.ports[{i}].{name}"),
                        (1..=65535).contains(&value),
                        || "must be 1 to 65535".to_owned(),
                    );
                }
            }
        }
    }
}

fn check_sub_agent(check: &mut Checker, at: &str, sub: &SubAgent, agent: &Agent) {
    check.required(format!("{at}.name"), &sub.name);
    check.instructions(format!("{at}.instructions"), &sub.instructions);
    check.references(
        &format!("{at}.skill_refs"),
        &sub.skill_refs,
        ApiResourceKind::Skill,
    );
    let known = agent.spec.iter().flat_map(|s| &s.mcp_servers);
    let known: Vec<&str> = known.map(|s| s.name.as_str()).collect();
    for (i, name) in sub.mcp_servers.iter().enumerate() {
        check.that(
            &format!("{at}.mcp_servers[{i}]"),
            known.contains(&name.as_str()),
            || format!("`{name}` is not the name of one of the agent's mcp_servers"),
        );
    }
}
