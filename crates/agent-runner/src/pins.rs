//! What an execution's first look settled, and who acts by it: it goes with every activity.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stigmer_api::apiresource::ApiResourceReference;

/// What the first look at an execution settled, for every later one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pins {
    /// Version hashes of skills, by [`skill_key`].
    pub(crate) skills: BTreeMap<String, String>,
    /// The earlier executions of the session that the model is reminded of.
    pub(crate) memory: Vec<String>,
    /// Whether the session has older ones.
    #[serde(default)]
    pub(crate) more: bool,
}

/// An agent of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Actor {
    pub(crate) execution_id: String,
    /// The sub-agent's name; none for the main agent.
    pub(crate) sub_agent: Option<String>,
    pub(crate) pins: Pins,
}

/// What a reference is pinned by.
pub(crate) fn skill_key(reference: &ApiResourceReference) -> String {
    let ApiResourceReference {
        org, slug, version, ..
    } = reference;
    format!("{org}/{slug}@{version}")
}
