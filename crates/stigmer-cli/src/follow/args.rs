//! The arguments of a tool, as people read them.

use stigmer_api::{agentexecution::ToolCall, json};

/// The arguments of `call` as JSON; nothing where there are none.
pub(super) fn shown(call: &ToolCall) -> String {
    let args = call.args.as_ref().filter(|args| !args.fields.is_empty());
    args.map(|args| json::of_struct(args).to_string())
        .unwrap_or_default()
}
