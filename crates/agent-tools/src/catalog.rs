//! Which tools there are, and by what names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use stigmer_api::agent::{McpServerDefinition, McpToolSelection};

use crate::{
    env::Env,
    error::ToolsError,
    files,
    fitted_name::{free, plain},
    listing::{Listing, ServerTool},
    schema,
    toolset::ToolSpec,
};

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A tool of a server, by the names that the server knows.
    Server {
        server: String,
        tool: String,
        /// The schema of its arguments, where the model was told other names of some.
        arguments: Option<Map<String, Value>>,
    },
    /// A file tool of ours.
    File,
}

/// The tools of an agent.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) specs: Vec<ToolSpec>,
    pub(crate) targets: BTreeMap<String, Target>,
    /// What an agent does without, in sentences.
    pub(crate) warnings: Vec<String>,
}

/// What one server has and the agent may use, sorted by name: the same on every runner.
pub(crate) fn enabled(
    server: &McpServerDefinition,
    selection: Option<&McpToolSelection>,
    listing: Listing,
) -> Result<BTreeMap<String, ServerTool>, ToolsError> {
    let left_out = listing.left_out();
    let left_out = left_out.map_or_else(String::new, |what| format!("; left out: {what}"));
    let by_agent = narrowed(listing.tools, &server.enabled_tools, |missing, has| {
        format!(
            "the MCP server {} has no tool {missing}, which the agent's enabled_tools name; it has {has}{left_out}",
            server.name
        )
    })?;
    let wanted = selection.map_or(&[][..], |selection| &selection.enabled_tools);
    narrowed(by_agent, wanted, |missing, has| {
        format!(
            "the sub-agent's mcp_tool_selections name {missing} of the MCP server {}; the agent may use {has} of it",
            server.name
        )
    })
}

fn narrowed(
    mut tools: BTreeMap<String, ServerTool>,
    wanted: &[String],
    told: impl Fn(&str, &str) -> String,
) -> Result<BTreeMap<String, ServerTool>, ToolsError> {
    if wanted.is_empty() {
        return Ok(tools);
    }
    if let Some(missing) = wanted.iter().find(|name| !tools.contains_key(*name)) {
        let has: Vec<&str> = tools.keys().map(String::as_str).collect();
        let has = if has.is_empty() {
            "none".to_owned()
        } else {
            has.join(", ")
        };
        return Err(ToolsError::permanent(told(missing, &has)));
    }
    tools.retain(|name, _| wanted.contains(name));
    Ok(tools)
}

impl Catalog {
    /// Names every tool. A name that no other server uses stays; otherwise the server's goes before it.
    pub(crate) fn new(
        servers: Vec<(String, BTreeMap<String, ServerTool>)>,
        files: bool,
        env: &Env,
    ) -> Self {
        let mut catalog = Self::default();
        if files {
            for spec in files::specs() {
                catalog.targets.insert(spec.name.clone(), Target::File);
                catalog.specs.push(spec);
            }
        }
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for name in servers.iter().flat_map(|(_, tools)| tools.keys()) {
            *uses.entry(plain(name, "")).or_default() += 1;
        }
        // Own names first: a composed one gives way to them.
        let (own, composed): (Vec<_>, Vec<_>) = servers
            .into_iter()
            .flat_map(|(server, tools)| tools.into_values().map(move |tool| (server.clone(), tool)))
            .partition(|(_, tool)| {
                let name = plain(&tool.name, "");
                uses.get(&name) == Some(&1) && !catalog.targets.contains_key(&name)
            });
        let mut taken: BTreeSet<String> = catalog.targets.keys().cloned().collect();
        taken.extend(own.iter().map(|(_, tool)| plain(&tool.name, "")));
        for (server, tool) in own {
            let name = plain(&tool.name, "");
            catalog.add(name, server, tool, env);
        }
        for (server, tool) in composed {
            let name = free(&plain(&format!("{server}__{}", tool.name), ""), &taken);
            taken.insert(name.clone());
            catalog.add(name, server, tool, env);
        }
        catalog.specs.sort_by(|a, b| a.name.cmp(&b.name));
        catalog
    }

    fn add(&mut self, name: String, server: String, tool: ServerTool, env: &Env) {
        let schema = schema::fit(tool.schema);
        let (parameters, arguments) = match schema::keys::offered(&schema) {
            Some(offered) => (offered, Some(schema)),
            None => (schema, None),
        };
        self.specs.push(ToolSpec {
            name: name.clone(),
            description: env.redact(&tool.description),
            parameters: redacted(Value::Object(parameters), env),
            server: Some(server.clone()),
        });
        let target = Target::Server {
            server,
            tool: tool.name,
            arguments,
        };
        self.targets.insert(name, target);
    }
}

fn redacted(value: Value, env: &Env) -> Value {
    match value {
        Value::String(text) => Value::String(env.redact(&text)),
        Value::Array(items) => items.into_iter().map(|item| redacted(item, env)).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, redacted(value, env)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tools(names: &[&str]) -> BTreeMap<String, ServerTool> {
        let tool = |name: &&str| {
            let tool = ServerTool {
                name: name.to_string(),
                description: String::new(),
                schema: serde_json::Map::new(),
            };
            (name.to_string(), tool)
        };
        names.iter().map(tool).collect()
    }

    fn names(servers: &[(&str, &[&str])], files: bool) -> Vec<String> {
        let servers = servers
            .iter()
            .map(|(server, names)| (server.to_string(), tools(names)));
        let catalog = Catalog::new(servers.collect(), files, &Env::default());
        catalog.specs.into_iter().map(|spec| spec.name).collect()
    }

    #[test]
    fn names_stay_where_they_are_alone() {
        assert_eq!(
            names(&[("a", &["x", "y"]), ("b", &["z"])], false),
            ["x", "y", "z"]
        );
        assert_eq!(
            names(&[("a", &["x", "y"]), ("b", &["y"])], false),
            ["a__y", "b__y", "x"]
        );
        assert_eq!(
            names(&[("a", &["read_file"])], true),
            ["a__read_file", "list_files", "read_file"]
        );
        assert_eq!(names(&[("a", &["read_file"])], false), ["read_file"]);
        assert_eq!(
            names(&[("my srv", &["a.b", "a/b"])], false),
            ["my_srv__a_b", "my_srv__a_b_2"]
        );
        assert_eq!(
            names(&[("a", &["x", "b__x"]), ("b", &["x"])], false),
            ["a__x", "b__x", "b__x_2"]
        );
    }

    proptest! {
        #[test]
        fn names_are_valid_unique_and_the_same_each_time(
            a in proptest::collection::btree_set("[a-c._é]{1,3}|[a-z]{60,70}", 0..6),
            b in proptest::collection::btree_set("[a-c._é]{1,3}|[a-z]{60,70}", 0..6),
            server in "\\PC{1,70}",
        ) {
            let a: Vec<&str> = a.iter().map(String::as_str).collect();
            let b: Vec<&str> = b.iter().map(String::as_str).collect();
            let both = [(server.as_str(), a.as_slice()), ("b", b.as_slice())];
            let once = names(&both, true);
            prop_assert_eq!(&once, &names(&both, true));
            prop_assert_eq!(once.len(), a.len() + b.len() + 2);
            let unique: BTreeSet<&String> = once.iter().collect();
            prop_assert_eq!(unique.len(), once.len());
            for name in once {
                prop_assert!((1..=64).contains(&name.len()), "{}", name);
                prop_assert!(name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-'), "{}", name);
            }
        }
    }
}
