//! What goes in and comes out.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stigmer_api::agent::{McpServerDefinition, McpToolSelection};

use crate::env::Env;

/// What one agent, the main one or a sub-agent, of one execution may use.
#[derive(Clone, Debug)]
pub struct Toolset {
    /// `EXECUTION_ID` or `EXECUTION_ID/SUB_AGENT`: whose connections these are.
    pub scope: String,
    /// The servers, by the agent's own definitions.
    pub servers: Vec<McpServerDefinition>,
    /// By server: what a sub-agent may use of what the agent may use.
    pub selections: BTreeMap<String, McpToolSelection>,
    /// Fills placeholders; its secrets are redacted.
    pub env: Env,
    /// The skills.
    pub skills: Vec<SkillFiles>,
}

impl Toolset {
    pub(crate) fn execution(&self) -> &str {
        self.scope.split('/').next().unwrap_or_default()
    }
}

/// A skill as the server keeps it.
#[derive(Clone)]
pub struct SkillFiles {
    /// Its name, and the name of its folder.
    pub name: String,
    /// Which version.
    pub version_hash: String,
    /// The zip file.
    pub archive: Vec<u8>,
}

impl fmt::Debug for SkillFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.archive.len();
        write!(f, "{}@{} ({bytes} bytes)", self.name, self.version_hash)
    }
}

/// A tool as the model is told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Letters, digits, `_` and `-`, a letter or `_` first; at most 64; one tool's alone.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
    /// The MCP server that has it; none for a tool of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// What an agent has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolList {
    /// The tools, by name.
    pub tools: Vec<ToolSpec>,
    /// What it does without and why, in sentences: they name the server and hold no secret.
    pub warnings: Vec<String>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolOutcome {
    /// For the model.
    pub text: String,
    /// Whether the tool, or the way to it, failed.
    pub failed: bool,
}

impl ToolOutcome {
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            failed: true,
        }
    }
}
