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
    redact::json,
    schema,
    toolset::ToolSpec,
};

/// What values can be, in the words of JSON Schema.
const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

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
            *uses.entry(offered(name)).or_default() += 1;
        }
        // Own names first: a composed one gives way to them.
        let (own, composed): (Vec<_>, Vec<_>) = servers
            .into_iter()
            .flat_map(|(server, tools)| tools.into_values().map(move |tool| (server.clone(), tool)))
            .partition(|(_, tool)| {
                let name = offered(&tool.name);
                uses.get(&name) == Some(&1) && !catalog.targets.contains_key(&name)
            });
        let mut taken: BTreeSet<String> = catalog.targets.keys().cloned().collect();
        taken.extend(own.iter().map(|(_, tool)| offered(&tool.name)));
        for (server, tool) in own {
            let name = offered(&tool.name);
            catalog.add(name, server, tool, env);
        }
        for (server, tool) in composed {
            let name = free(&offered(&format!("{server}__{}", tool.name)), &taken);
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
        let parameters = Value::Object(parameters);
        self.specs.push(ToolSpec {
            name: name.clone(),
            description: env.redact(&tool.description),
            parameters: redacted(&parameters, "", &json::names(&parameters), env),
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

/// A tool's name as all providers take it: none of them begins with a digit or `-`.
fn offered(name: &str) -> String {
    let whole = plain(name, "");
    match whole.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        true => whole,
        false => plain(&format!("_{whole}"), ""),
    }
}

/// What of a schema stands behind a `key`, without secrets. Keys stay: a tool is called by them. So does what `required`
/// repeats of these `names`, a reference to them, and the word for a type: it is no schema without.
fn redacted(value: &Value, key: &str, names: &BTreeSet<&str>, env: &Env) -> Value {
    let below = |value: &Value, beneath: &str| {
        // Its keys are names of arguments.
        let key = if key == "dependentRequired" {
            "required"
        } else {
            beneath
        };
        redacted(value, key, names, env)
    };
    match value {
        Value::String(text) => {
            let stays = match key {
                "required" => names.contains(text.as_str()),
                "$ref" => text
                    .split('/')
                    .all(|part| part == "#" || names.contains(part)),
                "type" => TYPES.contains(&text.as_str()),
                _ => false,
            };
            match stays {
                true => value.clone(),
                false => Value::String(env.redact(text)),
            }
        }
        Value::Array(items) => items.iter().map(|item| below(item, key)).collect(),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| (key.clone(), below(value, key));
            Value::Object(map.iter().map(entry).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
