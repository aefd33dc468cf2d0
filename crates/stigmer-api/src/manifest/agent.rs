//! Agent documents.

use std::path::Path;

use serde_json::Value as Json;

use super::{
    MAX_FILE_BYTES, SourcedAgent,
    check::{locate, to_json},
    node::{self, Node},
    problem::{Place, Report},
    schema::{AGENT, camel},
};
use crate::{
    API_VERSION, Kind,
    agent::{Agent, McpServerDefinition, mcp_server_definition::ServerType},
    apiresource::{ApiResourceOwnerScope as Scope, ApiResourceReference},
    resource::Resource,
    slug,
    validate::Validate,
};

/// Reads all agents of one file; `organization` is that of agents that name none.
pub(super) fn read(
    text: &str,
    organization: &str,
    report: &mut Report<'_>,
) -> Vec<(SourcedAgent, Place)> {
    let before = report.problems.len();
    let documents = node::parse(text, report);
    if documents.is_empty() && report.problems.len() == before {
        let why = "is empty: an agent document begins with `apiVersion` and `kind: Agent`";
        report.add(Place::START, why);
    }
    let agents = documents.iter().filter_map(|document| {
        let agent = document_to_agent(document, organization, report)?;
        let source = SourcedAgent {
            agent,
            file: report.file.to_owned(),
            line: document.at.line,
        };
        let (name, _) = locate(document, name_field(document));
        Some((source, name.at))
    });
    agents.collect()
}

fn name_field(document: &Node) -> &'static str {
    if locate(document, "metadata.slug").1 {
        "metadata.slug"
    } else {
        "metadata.name"
    }
}

fn document_to_agent(
    document: &Node,
    organization: &str,
    report: &mut Report<'_>,
) -> Option<Agent> {
    if foreign(document, report) {
        return None;
    }
    let before = report.problems.len();
    let mut json = to_json(document, &AGENT, report)?;
    instructions_from_file(document, &mut json, report);
    one_server_type(document, &mut json, report);
    let mut agent: Agent = match serde_json::from_value(json) {
        Ok(agent) => agent,
        Err(error) => {
            report.add(document.at, error.to_string());
            return None;
        }
    };
    fill_in(&mut agent, organization);
    if let Err(violations) = agent.validate() {
        for violation in violations.0 {
            let (node, found) = locate(document, &violation.field);
            let (file_node, by_file) = locate(document, "spec.instructions_file");
            let at = match violation.field.as_str() {
                "spec.instructions" if !found && by_file => file_node.at,
                _ => node.at,
            };
            // What is missing or of the wrong type has been said already.
            if !report.problems[before..].iter().any(|p| p.at == at) {
                report.add(
                    at,
                    format!("{}: {}", camel(&violation.field), violation.message),
                );
            }
        }
    }
    Some(agent)
}

/// A document of another kind or version is one problem, not one for each of its keys.
fn foreign(document: &Node, report: &mut Report<'_>) -> bool {
    let mut foreign = false;
    for (field, wanted) in [("api_version", API_VERSION), ("kind", Kind::Agent.as_str())] {
        let (node, found) = locate(document, field);
        if let (true, node::Value::Scalar { text, .. }) = (found, &node.value)
            && !node.is_null()
            && text != wanted
        {
            let name = camel(field);
            report.add(
                node.at,
                format!("{name} must be `{wanted}`, this is `{text}`"),
            );
            foreign = true;
        }
    }
    foreign
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

fn fill_in(agent: &mut Agent, organization: &str) {
    agent.set_envelope();
    let metadata = agent.metadata_mut();
    if metadata.org.is_empty() {
        organization.clone_into(&mut metadata.org);
    }
    if metadata.owner_scope() == Scope::Unspecified {
        metadata.set_owner_scope(Scope::Organization);
    }
    if metadata.name.is_empty() {
        metadata.name.clone_from(&metadata.slug);
    } else if metadata.slug.is_empty() {
        metadata.slug = slug::from_name(&metadata.name);
    }
    let org = metadata.org.clone();
    let Some(spec) = &mut agent.spec else { return };
    let own = spec.skill_refs.iter_mut();
    let theirs = spec.sub_agents.iter_mut().flat_map(|s| &mut s.skill_refs);
    own.chain(theirs).for_each(|r| fill_in_skill(r, &org));
    spec.mcp_servers.iter_mut().for_each(default_timeout);
}

fn fill_in_skill(reference: &mut ApiResourceReference, org: &str) {
    reference.set_kind(crate::ApiKind::Skill);
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

/// The text of a file, or where and why it cannot be had.
pub(super) fn read_text(path: &Path) -> Result<String, (Place, String)> {
    let problem = |why: String| (Place::START, why);
    let metadata = std::fs::metadata(path).map_err(|e| problem(reading(&e)))?;
    if !metadata.is_file() {
        return Err(problem("is not a file".to_owned()));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(problem(format!(
            "is too large: {} bytes of at most {MAX_FILE_BYTES}",
            metadata.len()
        )));
    }
    let bytes = std::fs::read(path).map_err(|e| problem(reading(&e)))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let last = valid.rsplit('\n').next().unwrap_or_default();
        let place = Place {
            line: valid.matches('\n').count() + 1,
            column: last.chars().count() + 1,
        };
        (place, "is not UTF-8".to_owned())
    })
}

fn reading(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
