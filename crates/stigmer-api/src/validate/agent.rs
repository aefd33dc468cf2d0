//! The rules of agents.

use std::collections::BTreeSet;

use super::{Checker, Validate, url};
use crate::{
    limits,
    proto::{
        agent::{Agent, McpServerDefinition, SubAgent, mcp_server_definition::ServerType},
        apiresource::apiresourcekind::ApiResourceKind,
    },
};

impl Validate for Agent {
    fn check_spec(&self, check: &mut Checker) {
        let Some(spec) = &self.spec else {
            return check.fail("spec", "is required");
        };
        check.instructions("spec.instructions", &spec.instructions);
        let mut names = BTreeSet::new();
        if check.at_most(
            "spec.mcp_servers",
            spec.mcp_servers.len(),
            limits::MCP_SERVERS,
        ) {
            for (i, server) in spec.mcp_servers.iter().enumerate() {
                let at = format!("spec.mcp_servers[{i}]");
                check_mcp_server(check, &at, server);
                once(check, &mut names, &at, &server.name);
            }
        }
        let variables = spec.env_spec.clone().unwrap_or_default().data;
        check.variables("spec.env_spec.data", &variables);
        check.references("spec.skill_refs", &spec.skill_refs, ApiResourceKind::Skill);
        let mut subs = BTreeSet::new();
        if check.at_most("spec.sub_agents", spec.sub_agents.len(), limits::SUB_AGENTS) {
            for (i, sub) in spec.sub_agents.iter().enumerate() {
                let at = format!("spec.sub_agents[{i}]");
                check_sub_agent(check, &at, sub, &names);
                once(check, &mut subs, &at, &sub.name);
            }
        }
    }
}

/// Notes the name of what stands `at`, which no other one has.
fn once<'a>(check: &mut Checker, names: &mut BTreeSet<&'a str>, at: &str, name: &'a str) {
    check.that(&format!("{at}.name"), names.insert(name), || {
        format!("`{name}` is used twice")
    });
}

/// Checks the lengths of an MCP server's lists.
fn check_lengths(check: &mut Checker, at: &str, server: &McpServerDefinition) {
    let mut most = |field: &str, there: usize| {
        check.at_most(&format!("{at}.{field}"), there, limits::SERVER_ENTRIES);
    };
    most("enabled_tools", server.enabled_tools.len());
    match &server.server_type {
        None => {}
        Some(ServerType::Stdio(s)) => {
            most("stdio.args", s.args.len());
            most("stdio.env_placeholders", s.env_placeholders.len());
        }
        Some(ServerType::Http(s)) => {
            most("http.headers", s.headers.len());
            most("http.query_params", s.query_params.len());
        }
        Some(ServerType::Docker(s)) => {
            most("docker.args", s.args.len());
            most("docker.env_placeholders", s.env_placeholders.len());
            most("docker.volumes", s.volumes.len());
            most("docker.ports", s.ports.len());
        }
    }
}

fn check_mcp_server(check: &mut Checker, at: &str, server: &McpServerDefinition) {
    check.required(format!("{at}.name"), &server.name);
    check_lengths(check, at, server);
    seconds(
        check,
        &format!("{at}.start_timeout_seconds"),
        server.start_timeout_seconds,
        600,
    );
    seconds(
        check,
        &format!("{at}.max_call_seconds"),
        server.max_call_seconds,
        3600,
    );
    match &server.server_type {
        None => check.fail(at, "must have one of stdio, http, docker"),
        Some(ServerType::Stdio(s)) => {
            check.required(format!("{at}.stdio.command"), &s.command);
            seconds(
                check,
                &format!("{at}.stdio.timeout_seconds"),
                s.timeout_seconds,
                3600,
            );
        }
        Some(ServerType::Http(s)) => {
            check.required(format!("{at}.http.url"), &s.url);
            if let Some(why) = url::fault(&s.url).filter(|_| !s.url.is_empty()) {
                check.fail(format!("{at}.http.url"), why);
            }
            for name in s.headers.keys() {
                check.that(
                    &format!("{at}.http.headers[{name}]"),
                    is_header(name),
                    || "must be a header's name: letters, digits and `-`".to_owned(),
                );
            }
            seconds(
                check,
                &format!("{at}.http.timeout_seconds"),
                s.timeout_seconds,
                300,
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

/// A time limit; 0 stands for whoever runs the server.
fn seconds(check: &mut Checker, at: &str, value: i32, most: i32) {
    check.that(at, (0..=most).contains(&value), || {
        format!("must be 0 to {most}")
    });
}

/// Whether `name` is one that HTTP allows.
fn is_header(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(allowed)
}

/// `servers` are the names of the agent's MCP servers.
fn check_sub_agent(check: &mut Checker, at: &str, sub: &SubAgent, servers: &BTreeSet<&str>) {
    check.required(format!("{at}.name"), &sub.name);
    check.instructions(format!("{at}.instructions"), &sub.instructions);
    let field = format!("{at}.skill_refs");
    check.references(&field, &sub.skill_refs, ApiResourceKind::Skill);
    let field = format!("{at}.mcp_tool_selections");
    check.at_most(&field, sub.mcp_tool_selections.len(), limits::MCP_SERVERS);
    for (server, selection) in sub.mcp_tool_selections.iter().take(limits::MCP_SERVERS) {
        let field = format!("{field}[{server}].enabled_tools");
        check.at_most(
            &field,
            selection.enabled_tools.len(),
            limits::SERVER_ENTRIES,
        );
    }
    let field = format!("{at}.mcp_servers");
    if check.at_most(&field, sub.mcp_servers.len(), limits::MCP_SERVERS) {
        for (i, name) in sub.mcp_servers.iter().enumerate() {
            check.that(
                &format!("{field}[{i}]"),
                servers.contains(name.as_str()),
                || format!("`{name}` is not the name of one of the agent's mcp_servers"),
            );
        }
    }
}
