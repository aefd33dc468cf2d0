//! Which file may import which.

/// From the ground up: a file may import those before it.
const ORDER: &[&str] = &[
    "keys.rs",
    "provider.rs",
    "config.rs",
    "failure.rs",
    "history.rs",
    "transcript.rs",
    "transcript/size_limit.rs",
    "limits.rs",
    "status.rs",
    "offered_tools.rs",
    "pins.rs",
    "model/error.rs",
    "model/address.rs",
    "model/event_stream.rs",
    "model/message.rs",
    "model/request.rs",
    "model/retry_after.rs",
    "model/halves.rs",
    "model/calls.rs",
    "model/chunk.rs",
    "model/context.rs",
    "model/answer_stream.rs",
    "model.rs",
    "spans.rs",
    "healthcheck.rs",
    "backend.rs",
    "backend/read.rs",
    "session_history.rs",
    "settled.rs",
    "execution_data.rs",
    "execution_data/cache.rs",
    "reaper.rs",
    "conversation.rs",
    "context_fit.rs",
    "prepare.rs",
    "activities/payloads.rs",
    "activities/panics.rs",
    "activities/heartbeat.rs",
    "activities.rs",
    "activities/ends.rs",
    "activities/stream.rs",
    "workflow/options.rs",
    "workflow/stop.rs",
    "workflow/agent_run.rs",
    "workflow/end.rs",
    "workflow/sub_agent.rs",
    "workflow/calls.rs",
    "workflow/turns.rs",
    "workflow.rs",
    "graphton/payloads.rs",
    "graphton/foreign_activity.rs",
    "graphton/activities.rs",
    "graphton/workflow.rs",
    "graphton.rs",
    "worker.rs",
    "main.rs",
];

/// A turn makes calls, a call may give a task to a sub-agent, and that takes turns.
const RECURSION: &[&str] = &[
    "workflow/calls.rs",
    "workflow/sub_agent.rs",
    "workflow/turns.rs",
];

#[test]
fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
    rooms::check(env!("CARGO_MANIFEST_DIR"), ORDER, &[RECURSION])
}
