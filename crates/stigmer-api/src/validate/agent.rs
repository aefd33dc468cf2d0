//! The rules of agents.

use std::collections::BTreeSet;

use super::{Checker, Validate, mcp_server};
use crate::{
    limits,
    proto::{
        agent::{Agent, SubAgent},
        apiresource::{ApiResourceReference, apiresourcekind::ApiResourceKind},
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
                mcp_server::check(check, &at, server);
                once(check, &mut names, &at, &server.name);
            }
        }
        let variables = spec.env_spec.clone().unwrap_or_default().data;
        check.variables("spec.env_spec.data", &variables, |it| &it.value);
        skills(check, "spec.skill_refs", &spec.skill_refs);
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

/// Checks one list of skills. A skill's folder has its slug for a name, whatever its version and organization: there is
/// one of each.
fn skills(check: &mut Checker, field: &str, refs: &[ApiResourceReference]) {
    check.references(field, refs, ApiResourceKind::Skill);
    let mut slugs = BTreeSet::new();
    for (i, reference) in refs.iter().take(limits::REFERENCES).enumerate() {
        let slug = reference.slug.as_str();
        // That it has none was told above.
        let holds = slug.is_empty() || slugs.insert(slug);
        check.that(&format!("{field}[{i}].slug"), holds, || {
            format!("`{slug}` is used twice, whatever version and organization it is of")
        });
    }
}

/// `servers` are the names of the agent's MCP servers.
fn check_sub_agent(check: &mut Checker, at: &str, sub: &SubAgent, servers: &BTreeSet<&str>) {
    check.required(format!("{at}.name"), &sub.name);
    check.instructions(format!("{at}.instructions"), &sub.instructions);
    skills(check, &format!("{at}.skill_refs"), &sub.skill_refs);
    let mut names = BTreeSet::new();
    let field = format!("{at}.mcp_servers");
    if check.at_most(&field, sub.mcp_servers.len(), limits::MCP_SERVERS) {
        for (i, name) in sub.mcp_servers.iter().enumerate() {
            let field = format!("{field}[{i}]");
            let name = name.as_str();
            let first = names.insert(name);
            if !servers.contains(name) {
                let why = format!("`{name}` is not the name of one of the agent's mcp_servers");
                check.fail(field, why);
            } else if !first {
                check.fail(field, format!("`{name}` is used twice"));
            }
        }
    }
    let field = format!("{at}.mcp_tool_selections");
    check.at_most(&field, sub.mcp_tool_selections.len(), limits::MCP_SERVERS);
    for (server, selection) in sub.mcp_tool_selections.iter().take(limits::MCP_SERVERS) {
        let field = format!("{field}[{server}]");
        // What is selected of no server narrows none: all tools would be there.
        check.that(&field, names.contains(server.as_str()), || {
            format!("`{server}` is not the name of one of the sub-agent's mcp_servers")
        });
        check.at_most(
            &format!("{field}.enabled_tools"),
            selection.enabled_tools.len(),
            limits::SERVER_ENTRIES,
        );
    }
}
