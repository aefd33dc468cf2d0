//! Documents of every kind, and which kind one is of.

use super::{
    agent,
    check::locate,
    environment, instance,
    node::{Node, Value},
    parse::parse,
    problem::{Place, Report},
    types::{Instance, Sourced},
};
use crate::{
    proto::{agent::Agent, environment::Environment},
    resource::{API_VERSION, Kind, Resource},
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

    pub(super) fn org(&self) -> &str {
        match self {
            Self::Agent(agent) => agent.org(),
            Self::Environment(environment) => environment.org(),
            Self::Instance(instance) => instance.resource.org(),
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
    let documents = parse(text, report);
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
