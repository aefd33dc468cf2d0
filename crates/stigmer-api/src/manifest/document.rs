//! Documents of every kind: which kind one is of, and what all kinds have in common.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{
    Instance, Sourced, agent,
    check::{locate, to_json},
    environment, instance,
    node::{self, Node, Value},
    problem::{Place, Report},
    schema::{Shape, camel},
};
use crate::{
    API_VERSION, Kind,
    agent::Agent,
    apiresource::ApiResourceOwnerScope as Scope,
    environment::Environment,
    resource::Resource,
    slug,
    validate::{Validate, Violation},
};

/// The kinds that a document may be of.
const KINDS: [Kind; 3] = [Kind::Environment, Kind::Agent, Kind::AgentInstance];

/// What one document says.
#[derive(Debug)]
pub(super) enum Document {
    Agent(Box<Agent>),
    Environment(Environment),
    Instance(Instance),
}

impl Document {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Agent(_) => Kind::Agent,
            Self::Environment(_) => Kind::Environment,
            Self::Instance(_) => Kind::AgentInstance,
        }
    }

    pub(super) fn slug(&self) -> &str {
        match self {
            Self::Agent(agent) => agent.slug(),
            Self::Environment(environment) => environment.slug(),
            Self::Instance(instance) => instance.resource.slug(),
        }
    }
}

/// Reads all documents of one file, each with the place of its name; `organization` is that of
/// those that name none.
pub(super) fn read_all(
    text: &str,
    organization: &str,
    report: &mut Report<'_>,
) -> Vec<(Sourced<Document>, Place)> {
    let before = report.problems.len();
    let documents = node::parse(text, report);
    if documents.is_empty() && report.problems.len() == before {
        let why = "is empty: an agent document begins with `apiVersion` and `kind: Agent`";
        report.add(Place::START, why);
    }
    let read = documents.iter().filter_map(|node| {
        let resource = read_one(node, organization, report)?;
        let file = report.file.to_owned();
        let line = node.at.line;
        let source = Sourced {
            resource,
            file,
            line,
        };
        let (name, _) = locate(node, name_field(node));
        Some((source, name.at))
    });
    read.collect()
}

fn name_field(node: &Node) -> &'static str {
    if locate(node, "metadata.slug").1 {
        "metadata.slug"
    } else {
        "metadata.name"
    }
}

fn read_one(node: &Node, organization: &str, report: &mut Report<'_>) -> Option<Document> {
    let kind = kind_of(node, report)?;
    Some(match kind {
        Kind::Environment => Document::Environment(environment::read(node, organization, report)?),
        Kind::AgentInstance => Document::Instance(instance::read(node, organization, report)?),
        _ => Document::Agent(Box::new(agent::read(node, organization, report)?)),
    })
}

/// The kind of a document; that of agents where it says none. One of a foreign kind or version is
/// one problem, not one for each of its keys.
fn kind_of(node: &Node, report: &mut Report<'_>) -> Option<Kind> {
    let text = |field| match locate(node, field) {
        (node, true) if !node.is_null() => match &node.value {
            Value::Scalar { text, .. } => Some((node.at, text.as_str())),
            _ => None,
        },
        _ => None,
    };
    let mut foreign = false;
    if let Some((at, version)) = text("api_version")
        && version != API_VERSION
    {
        report.add(
            at,
            format!("apiVersion must be `{API_VERSION}`, this is `{version}`"),
        );
        foreign = true;
    }
    let mut kind = Kind::Agent;
    if let Some((at, name)) = text("kind") {
        match KINDS.into_iter().find(|kind| kind.as_str() == name) {
            Some(known) => kind = known,
            None => {
                report.add(
                    at,
                    format!(
                        "kind must be `Agent`, `AgentInstance` or `Environment`, this is `{name}`"
                    ),
                );
                foreign = true;
            }
        }
    }
    (!foreign).then_some(kind)
}

/// Reads a document of shape `shape`. `amend` turns what only documents know into what the proto
/// knows, `fill` adds what may be left out.
pub(super) fn read<R: Validate + DeserializeOwned>(
    node: &Node,
    shape: &Shape,
    organization: &str,
    report: &mut Report<'_>,
    amend: impl FnOnce(&mut Json, &mut Report<'_>),
    fill: impl FnOnce(&mut R),
) -> Option<R> {
    let before = report.problems.len();
    let mut json = to_json(node, shape, report)?;
    amend(&mut json, report);
    let mut resource: R = match serde_json::from_value(json) {
        Ok(resource) => resource,
        Err(error) => {
            report.add(node.at, error.to_string());
            return None;
        }
    };
    fill_in(&mut resource, organization);
    fill(&mut resource);
    if let Err(violations) = resource.validate() {
        for violation in violations.0 {
            let at = place(node, &violation);
            // What is missing or of the wrong type has been said already.
            if !report.problems[before..].iter().any(|p| p.at == at) {
                report.add(
                    at,
                    format!("{}: {}", camel(&violation.field), violation.message),
                );
            }
        }
    }
    Some(resource)
}

fn place(node: &Node, violation: &Violation) -> Place {
    let (found_node, found) = locate(node, &violation.field);
    let (file_node, by_file) = locate(node, "spec.instructions_file");
    match violation.field.as_str() {
        "spec.instructions" if !found && by_file => file_node.at,
        _ => found_node.at,
    }
}

fn fill_in<R: Resource>(resource: &mut R, organization: &str) {
    resource.set_envelope();
    let metadata = resource.metadata_mut();
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
}
