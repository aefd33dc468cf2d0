//! What goes to activities and comes back. What stands in the recorded inputs of activities and workflows keeps its name
//! there: those under way at an update are read too.

use agent_tools::ToolOutcome;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stigmer_api::agentexecution::AgentExecutionStatus;

use crate::{
    offered_tools::OfferedTools,
    pins::Actor,
    transcript::{Ending, RequestedCall, Transcript},
};

/// One question to the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ModelRequest {
    pub(crate) actor: Actor,
    pub(crate) model: String,
    pub(crate) tools: OfferedTools,
    /// A sub-agent's task; the main agent is asked what its execution was.
    pub(crate) input: Option<String>,
    /// What was said and done so far.
    #[serde(rename = "talk")]
    pub(crate) transcript: Transcript,
    /// What the server is told with the transcript before the answer, where it does not know all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unreported: Option<AgentExecutionStatus>,
}

/// What the model answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ModelReply {
    pub(crate) text: String,
    pub(crate) calls: Vec<RequestedCall>,
    #[serde(default)]
    pub(crate) ending: Ending,
    /// What the execution is to be warned of; empty for nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) warning: String,
}

/// One call of a tool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ToolRequest {
    pub(crate) actor: Actor,
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
    /// The same for every attempt, and for no other call.
    pub(crate) key: String,
}

/// What came of a call, and when it really ran.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ToolReply {
    pub(crate) outcome: ToolOutcome,
    pub(crate) completed_at: String,
}

/// A change of an execution's status.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) execution_id: String,
    pub(crate) status: AgentExecutionStatus,
    /// The whole transcript, where it changed since the last report.
    #[serde(rename = "talk")]
    pub(crate) transcript: Option<Transcript>,
    /// Whether the execution's MCP servers are ended before.
    #[serde(default)]
    pub(crate) close_tools: bool,
}
