//! Agent documents.

use std::path::Path;

use serde_json::Value as Json;

use super::{
    check::locate,
    file::read_text,
    kind,
    node::Node,
    problem::Report,
    schema::{AGENT, camel},
};
use crate::{
    proto::{
        agent::{Agent, McpServerDefinition, mcp_server_definition::ServerType},
        apiresource::{ApiResourceOwnerScope as Scope, ApiResourceReference},
    },
    resource::ApiKind,
    slug,
};

pub(super) fn read(node: &Node, organization: &str, report: &mut Report<'_>) -> Option<Agent> {
    let amend = |json: &mut Json, report: &mut Report<'_>| {
        instructions_from_file(node, json, report);
        one_server_type(node, json, report);
        skills(node, json, report);
    };
    kind::read(node, &AGENT, organization, report, amend, fill_in)
}

fn instructions_from_file(document: &Node, json: &mut Json, report: &mut Report<'_>) {
    let Some(spec) = json.get_mut("spec").and_then(Json::as_object_mut) else {
        return;
    };
    let Some(Json::String(name)) = spec.remove("instructions_file") else {
        return;
    };
    let at = locate(document, "spec.instructions_file").0.at;
    if spec.contains_key("instructions") {
        report.add(
            at,
            "instructions are given twice: here and by `instructions`",
        );
        return;
    }
    let folder = report.file.parent().unwrap_or(Path::new(""));
    match read_text(&folder.join(&name)) {
        Ok(text) => {
            spec.insert("instructions".to_owned(), Json::String(text));
        }
        Err((_, why)) => report.add(at, format!("instructionsFile `{name}` {why}")),
    }
}

fn one_server_type(document: &Node, json: &mut Json, report: &mut Report<'_>) {
    let servers = json.pointer_mut("/spec/mcp_servers");
    for (i, server) in servers
        .and_then(Json::as_array_mut)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let Some(server) = server.as_object_mut() else {
            continue;
        };
        let given: Vec<&str> = ["stdio", "http", "docker"]
            .into_iter()
            .filter(|kind| server.contains_key(*kind))
            .collect();
        for extra in given.iter().skip(1) {
            let at = locate(document, &format!("spec.mcp_servers[{i}].{extra}"))
                .0
                .at;
            report.add(
                at,
                format!("a server has one of {}, not several", given.join(", ")),
            );
            server.remove(*extra);
        }
    }
}

/// A reference to a skill that is missing is taken, for it may be pushed later; of a slug that is none there is never one.
fn skills(document: &Node, json: &Json, report: &mut Report<'_>) {
    let Some(spec) = json.get("spec") else { return };
    slugs(document, "spec", spec, report);
    let subs = spec.get("sub_agents").and_then(Json::as_array);
    for (i, sub) in subs.into_iter().flatten().enumerate() {
        slugs(document, &format!("spec.sub_agents[{i}]"), sub, report);
    }
}

/// Those of the references of what stands `at`.
fn slugs(document: &Node, at: &str, of: &Json, report: &mut Report<'_>) {
    let references = of.get("skill_refs").and_then(Json::as_array);
    for (i, reference) in references.into_iter().flatten().enumerate() {
        let given = reference.get("slug").and_then(Json::as_str);
        // That one is missing is told by the rules of all agents.
        if let Some(given) = given.filter(|it| !it.is_empty())
            && let Err(why) = slug::check(given)
        {
            let field = format!("{at}.skill_refs[{i}].slug");
            let place = locate(document, &field).0.at;
            report.add(place, format!("{}: {why}", camel(&field)));
        }
    }
}

fn fill_in(agent: &mut Agent) {
    let org = agent.metadata.clone().unwrap_or_default().org;
    let Some(spec) = &mut agent.spec else { return };
    let own = spec.skill_refs.iter_mut();
    let theirs = spec.sub_agents.iter_mut().flat_map(|s| &mut s.skill_refs);
    own.chain(theirs).for_each(|r| fill_in_skill(r, &org));
    spec.mcp_servers.iter_mut().for_each(default_timeout);
}

fn fill_in_skill(reference: &mut ApiResourceReference, org: &str) {
    reference.set_kind(ApiKind::Skill);
    if reference.scope() == Scope::Unspecified {
        reference.set_scope(Scope::Organization);
    }
    if reference.org.is_empty() && reference.scope() == Scope::Organization {
        org.clone_into(&mut reference.org);
    }
}

fn default_timeout(server: &mut McpServerDefinition) {
    if let Some(ServerType::Http(http)) = &mut server.server_type
        && http.timeout_seconds == 0
    {
        http.timeout_seconds = 30; // what the contract means by none
    }
}
