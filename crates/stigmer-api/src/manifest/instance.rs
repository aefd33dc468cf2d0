//! Documents of agent instances.

use serde_json::{Value as Json, json};

use super::{check::locate, kind, node::Node, problem::Report, schema::INSTANCE, types::Instance};
use crate::{
    proto::{agentinstance::AgentInstance, apiresource::ApiResourceOwnerScope as Scope},
    resource::ApiKind,
    slug,
};

pub(super) fn read(node: &Node, organization: &str, report: &mut Report<'_>) -> Option<Instance> {
    let mut agent = None;
    let amend = |json: &mut Json, report: &mut Report<'_>| {
        agent = agent_by_slug(node, json, report);
        references(node, json, report);
    };
    let mut resource = kind::read(node, &INSTANCE, organization, report, amend, fill_in)?;
    if agent.is_some() {
        // It stood there for the agent, whose id only the server knows.
        resource.spec.get_or_insert_default().agent_id.clear();
    }
    Some(Instance { resource, agent })
}

/// The agent, where it is named by its slug.
fn agent_by_slug(node: &Node, json: &mut Json, report: &mut Report<'_>) -> Option<String> {
    let spec = json.get_mut("spec")?.as_object_mut()?;
    let id = spec.contains_key("agent_id");
    let Some(Json::String(agent)) = spec.remove("agent") else {
        if !id && !locate(node, "spec.agent").1 {
            let at = locate(node, "spec").0.at;
            report.add(at, "missing key `agent` (its slug) or `agentId`");
        }
        return None;
    };
    let at = locate(node, "spec.agent").0.at;
    if id {
        report.add(at, "the agent is given twice: here and by `agentId`");
    } else if let Err(why) = slug::check(&agent) {
        report.add(at, format!("spec.agent: {why}"));
    }
    spec.insert("agent_id".to_owned(), Json::String(agent.clone()));
    Some(agent)
}

/// Environments are written by their slugs alone.
fn references(node: &Node, json: &mut Json, report: &mut Report<'_>) {
    let refs = json.pointer_mut("/spec/environment_refs");
    for (i, item) in refs
        .and_then(Json::as_array_mut)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let slug = item.as_str().unwrap_or_default().to_owned();
        let field = format!("spec.environment_refs[{i}]");
        let at = locate(node, &field).0.at;
        if let Err(why) = slug::check(&slug)
            && !report
                .problems
                .iter()
                .any(|p| p.at == at && p.file == report.file)
        {
            report.add(at, format!("spec.environmentRefs[{i}]: {why}"));
        }
        *item = json!({ "slug": slug });
    }
}

fn fill_in(instance: &mut AgentInstance) {
    let org = instance.metadata.clone().unwrap_or_default().org;
    let Some(spec) = &mut instance.spec else {
        return;
    };
    for reference in &mut spec.environment_refs {
        reference.set_kind(ApiKind::Environment);
        reference.set_scope(Scope::Organization);
        org.clone_into(&mut reference.org);
    }
}
