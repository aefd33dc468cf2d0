//! Getting an execution ready: what its workflow is told, and everything that can be refused
//! before the model is asked.

mod in_time;

use std::{collections::BTreeSet, time::Duration};

use agent_tools::{Env, ToolSpec, Tools, ToolsError, Toolset};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stigmer_api::{
    agent::{AgentSpec, SubAgent},
    secret::REDACTED,
};
use temporalio_sdk::activities::ActivityError;

use crate::{
    execution_data::ExecutionData,
    failure::{permanent, transient},
    limits::Limits,
    offered_tools::{OfferedTools, Tool},
    pins::Pins,
    transcript::{Component, size_limit},
};
pub(crate) use in_time::{in_time, queue_time};

/// Longest name of a tool that models take.
const MAX_NAME: usize = 64;
/// The most that the tools of an agent may take, in bytes of JSON.
const MOST_SPECS: usize = 256 * 1024;
/// How often servers are asked for their tools, with a pause before each further time: one that
/// was just started may need a moment, one that is not there is not waited for.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// What an execution starts with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// The model to ask.
    pub(crate) model: String,
    pub(crate) pins: Pins,
    pub(crate) tools: OfferedTools,
    pub(crate) limits: Limits,
    /// After so many turns the workflow continues as a new run.
    pub(crate) turns_per_run: u32,
    /// Whether there is something to close in the end.
    pub(crate) opened: bool,
    /// What it does without, in sentences for its status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    /// Whether activities report what they know: this one that the execution is under way, the
    /// next question to the model what the tools gave. One that was recorded earlier does not.
    #[serde(default)]
    pub(crate) merged_reports: bool,
}

/// What the main agent, or a sub-agent, can call. They are listed once, then kept with the execution.
pub(crate) async fn tools<'a>(
    tools: &Tools,
    data: &'a ExecutionData,
    sub_agent: Option<&str>,
) -> Result<&'a [Tool], ActivityError> {
    let equipment = data.equipment(sub_agent)?;
    let listed = equipment.tools.get_or_try_init(|| async {
        let (mut listed, warnings) = list(tools, &equipment.kit, &PAUSES).await?;
        equipment.warn(warnings);
        if sub_agent.is_none() {
            listed.extend(sub_agent_tools(&data.agent.sub_agents, &listed));
        }
        bounded(&listed)?;
        Ok(listed)
    });
    listed.await.map(Vec::as_slice)
}

/// Whether an execution of this agent opens what has to be closed: a server runs even where it lists no tool, and
/// skills are unpacked.
pub(crate) fn opens(agent: &AgentSpec, pins: &Pins) -> bool {
    !agent.mcp_servers.is_empty() || !pins.skills.is_empty()
}

/// The tools of a kit, and what it does without.
async fn list(
    tools: &Tools,
    kit: &Toolset,
    pauses: &[Duration],
) -> Result<(Vec<Tool>, Vec<String>), ActivityError> {
    if kit.servers.is_empty() && kit.skills.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut pauses = pauses.iter();
    let list = loop {
        match tools.list(kit).await {
            Err(error) if error.is_transient() => match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(permanent("ToolsMissing", redacted(&error, &kit.env))),
            },
            listed => break listed,
        }
    };
    let list = list.map_err(|e| permanent("ToolsMissing", redacted(&e, &kit.env)))?;
    let tools = list.tools.into_iter().map(|spec| of_server(spec, kit));
    Ok((tools.collect(), list.warnings))
}

/// Refuses tools that take too much room: they go with each question to the model.
fn bounded(tools: &[Tool]) -> Result<(), ActivityError> {
    let size = size_limit::size(&tools);
    if size <= MOST_SPECS {
        return Ok(());
    }
    let largest = tools.iter().max_by_key(size_limit::size);
    let largest = largest.map_or_else(String::new, |tool| {
        let of = match tool.component.kind.as_str() {
            "mcp" => format!(" of the MCP server {}", tool.component.group),
            _ => String::new(),
        };
        let bytes = size_limit::size(tool);
        format!("; the largest is {}{of} with {bytes} bytes", tool.spec.name)
    });
    let why = format!(
        "the descriptions of the agent's {} tools take {size} bytes, more than the {MOST_SPECS} that \
         fit{largest}: name the tools that it needs in enabled_tools",
        tools.len()
    );
    Err(permanent("ToolsTooLarge", why))
}

/// A failure of the tools' side, retried if that can help.
pub(crate) fn tools_failure(error: &ToolsError, env: &Env) -> ActivityError {
    let why = redacted(error, env);
    match error.is_transient() {
        true => transient("ToolUnavailable", why),
        false => permanent("ToolUnavailable", why),
    }
}

fn redacted(error: &ToolsError, env: &Env) -> String {
    env.redact(&error.message)
}

fn of_server(spec: ToolSpec, kit: &Toolset) -> Tool {
    let (kind, group) = match &spec.server {
        Some(server) => ("mcp", server.as_str()),
        None => ("file", ""),
    };
    debug_assert!(group.is_empty() || kit.servers.iter().any(|s| s.name == group));
    let component = Component {
        kind: kind.to_owned(),
        group: group.to_owned(),
    };
    Tool { spec, component }
}

/// Refuses what the agent asks for and cannot have.
pub(crate) fn check(data: &ExecutionData) -> Result<(), ActivityError> {
    let servers = serde_json::to_string(&data.agent.mcp_servers).unwrap_or_default();
    for name in placeholders(&servers) {
        // The server hides secrets from whoever does not show the runner's key.
        if data.env.fill(&format!("${{{name}}}")).as_deref() == Ok(REDACTED) {
            let why = format!(
                "the server did not tell this runner the secret {name}, which the agent's MCP \
                 servers need: give server and runner the same STIGMER_RUNNER_KEY"
            );
            return Err(permanent("SecretsHidden", why));
        }
    }
    Ok(())
}

/// The names in the `${NAME}` of a text.
fn placeholders(text: &str) -> BTreeSet<&str> {
    let names = text.split("${").skip(1);
    names
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

/// The sub-agents as tools of the main agent, whose other tools are `taken`.
fn sub_agent_tools(subs: &[SubAgent], taken: &[Tool]) -> Vec<Tool> {
    let mut names: BTreeSet<String> = taken.iter().map(|t| t.spec.name.clone()).collect();
    let mut tools = Vec::with_capacity(subs.len());
    for sub in subs {
        let name = free(&sub_agent_tool(&sub.name), &names);
        names.insert(name.clone());
        let description = match sub.description.trim() {
            "" => format!("Gives a task to the agent {}.", sub.name),
            description => format!("Gives a task to the agent {}: {description}", sub.name),
        };
        let parameters = json!({
            "type": "object",
            "properties": {
                "input": {"type": "string", "description": "The task, with all that the agent must know."}
            },
            "required": ["input"],
        });
        tools.push(Tool {
            spec: ToolSpec {
                name,
                description,
                parameters,
                server: None,
            },
            component: Component {
                kind: SUB_AGENT.to_owned(),
                group: sub.name.clone(),
            },
        });
    }
    tools
}

/// The kind of a sub-agent's tool.
pub(crate) const SUB_AGENT: &str = "sub_agent";

/// `agent_` and the name, with `_` for every character that models do not take in a name.
fn sub_agent_tool(name: &str) -> String {
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = name.chars().map(|c| if ok(c) { c } else { '_' });
    "agent_".chars().chain(name).take(MAX_NAME).collect()
}

/// The name, or the first of `name_2`, `name_3` ... that is not taken.
fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|i| {
        let end = format!("_{i}");
        format!("{}{end}", &name[..name.len().min(MAX_NAME - end.len())])
    });
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    // There is always a higher number.
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
