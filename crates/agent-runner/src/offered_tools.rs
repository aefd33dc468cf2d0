//! The tools of an agent, as its workflow keeps them: by name alone. What the model is told of each
//! is the runner's, and goes neither into the workflow's history nor with each question.

use agent_tools::ToolSpec;
use serde::{Deserialize, Serialize};

use crate::transcript::Component;

/// A tool and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tool {
    pub(crate) spec: ToolSpec,
    pub(crate) component: Component,
}

/// The tools that an execution settled on at its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum OfferedTools {
    /// Whole, as they were recorded before there were pins: such an execution goes on with them.
    Whole(Vec<Tool>),
    Pinned(ToolsPin),
}

/// Which tools there were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolsPin {
    /// Of all that the model was told of them.
    hash: String,
    names: Vec<PinnedTool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PinnedTool {
    name: String,
    component: Component,
}

impl Default for OfferedTools {
    fn default() -> Self {
        Self::Whole(Vec::new())
    }
}

impl OfferedTools {
    /// Settles on `tools`.
    pub(crate) fn pin(tools: &[Tool]) -> Self {
        let names = tools.iter().map(|tool| PinnedTool {
            name: tool.spec.name.clone(),
            component: tool.component.clone(),
        });
        Self::Pinned(ToolsPin {
            hash: hash(tools),
            names: names.collect(),
        })
    }

    /// Where the tool of that name comes from, if there is one.
    pub(crate) fn component(&self, name: &str) -> Option<&Component> {
        let mut all = self.all();
        all.find_map(|(n, component)| (n == name).then_some(component))
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.all().map(|(name, _)| name).collect()
    }

    fn all(&self) -> impl Iterator<Item = (&str, &Component)> {
        let (whole, pinned) = match self {
            Self::Whole(tools) => (&tools[..], &[][..]),
            Self::Pinned(pin) => (&[][..], &pin.names[..]),
        };
        let whole = whole.iter().map(|t| (t.spec.name.as_str(), &t.component));
        whole.chain(pinned.iter().map(|t| (t.name.as_str(), &t.component)))
    }
}

impl ToolsPin {
    /// What the model is told now: of those that there were at the start, what the runner `has`. One
    /// that is gone is not offered, and a new one is not, since the workflow knows nothing of it.
    /// False with it where something changed.
    pub(crate) fn specs<'a>(&self, has: &'a [Tool]) -> (Vec<&'a ToolSpec>, bool) {
        let pinned = |tool: &&Tool| self.names.iter().any(|p| p.name == tool.spec.name);
        let specs = has.iter().filter(pinned).map(|tool| &tool.spec);
        (specs.collect(), hash(has) == self.hash)
    }
}

fn hash(tools: &[Tool]) -> String {
    let specs: Vec<&ToolSpec> = tools.iter().map(|t| &t.spec).collect();
    // What cannot be written was never offered.
    let written = serde_json::to_vec(&specs).unwrap_or_default();
    let hash = hmac_sha256::Hash::hash(&written);
    hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(name: &str, description: &str) -> Tool {
        Tool {
            spec: ToolSpec {
                name: name.to_owned(),
                description: description.to_owned(),
                parameters: json!({"type": "object"}),
                server: None,
            },
            component: Component {
                kind: "mcp".to_owned(),
                group: name.to_owned(),
            },
        }
    }

    fn pin(tools: &[Tool]) -> ToolsPin {
        match OfferedTools::pin(tools) {
            OfferedTools::Pinned(pin) => pin,
            OfferedTools::Whole(_) => panic!("not pinned"),
        }
    }

    #[test]
    fn a_pin_is_small_and_knows_the_names() {
        let offered = OfferedTools::pin(&[tool("a", &"x".repeat(9000)), tool("b", "")]);
        let written = serde_json::to_string(&offered).unwrap();
        assert!(written.len() < 250, "{written}");
        assert_eq!(
            serde_json::from_str::<OfferedTools>(&written).unwrap(),
            offered
        );
        assert_eq!(offered.names(), ["a", "b"]);
        assert_eq!(offered.component("b").unwrap().group, "b");
        assert_eq!(offered.component("c"), None);
    }

    #[test]
    fn tools_recorded_whole_are_read_as_they_were() {
        let recorded = json!([tool("a", "d")]);
        let offered: OfferedTools = serde_json::from_value(recorded.clone()).unwrap();
        assert_eq!(offered, OfferedTools::Whole(vec![tool("a", "d")]));
        assert_eq!(serde_json::to_value(&offered).unwrap(), recorded);
        assert_eq!(offered.component("a").unwrap().group, "a");
    }

    #[test]
    fn what_was_settled_is_offered_as_far_as_it_is_there() {
        let pin = pin(&[tool("a", "d"), tool("b", "d")]);
        let names = |has: &[Tool]| {
            let (specs, same) = pin.specs(has);
            (
                specs.iter().map(|s| s.name.clone()).collect::<Vec<_>>(),
                same,
            )
        };
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            names(&[tool("a", "d"), tool("b", "d")]),
            (owned(&["a", "b"]), true)
        );
        assert_eq!(
            names(&[tool("a", "other"), tool("b", "d")]),
            (owned(&["a", "b"]), false)
        );
        assert_eq!(
            names(&[tool("b", "d"), tool("c", "d")]),
            (owned(&["b"]), false)
        );
    }
}
