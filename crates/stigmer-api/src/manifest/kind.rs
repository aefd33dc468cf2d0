//! What documents of all kinds have in common.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{
    check::{locate, to_json},
    node::Node,
    problem::{Place, Report},
    schema::{Shape, camel},
};
use crate::{
    proto::apiresource::ApiResourceOwnerScope as Scope,
    resource::Resource,
    slug,
    validate::{Validate, Violation},
};

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
