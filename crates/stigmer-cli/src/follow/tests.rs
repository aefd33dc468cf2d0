use stigmer_api::agentexecution::ExecutionPhase as Phase;

use super::*;

fn state(phase: Phase, messages: &[(MessageType, &str)]) -> AgentExecution {
    let messages = messages.iter().map(|(kind, text)| AgentMessage {
        r#type: (*kind).into(),
        content: (*text).to_owned(),
        ..AgentMessage::default()
    });
    AgentExecution {
        status: Some(AgentExecutionStatus {
            phase: phase.into(),
            messages: messages.collect(),
            ..AgentExecutionStatus::default()
        }),
        ..AgentExecution::default()
    }
}

fn with_tools(mut execution: AgentExecution, calls: &[ToolCall]) -> AgentExecution {
    let status = execution.status.get_or_insert_default();
    status.tool_calls = calls.to_vec();
    execution
}

fn call(id: &str, status: ToolCallStatus, result: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: "add".to_owned(),
        status: status.into(),
        result: result.to_owned(),
        ..ToolCall::default()
    }
}

/// Everything that is printed for these states; `|` stands where one ended.
fn printed(states: &[AgentExecution]) -> String {
    let mut follower = Follower::default();
    let steps: Vec<String> = states.iter().map(|s| follower.step(s)).collect();
    steps.join("|") + &follower.close()
}

use MessageType::{MessageAi as Ai, MessageHuman as Human, MessageSystem as System};

#[test]
fn text_that_streams_is_printed_once() {
    let mut waiting = state(Phase::ExecutionPending, &[(Human, "hi")]);
    let reason = "waits for Temporal";
    reason.clone_into(&mut waiting.status.get_or_insert_default().phase_reason);
    let shown = printed(&[
        waiting.clone(),
        waiting,
        state(Phase::ExecutionInProgress, &[(Human, "hi"), (Ai, "")]),
        state(Phase::ExecutionInProgress, &[(Human, "hi"), (Ai, "Hel")]),
        state(
            Phase::ExecutionInProgress,
            &[(Human, "hi"), (Ai, "Hello\nwor")],
        ),
        state(
            Phase::ExecutionCompleted,
            &[(Human, "hi"), (Ai, "Hello\nworld")],
        ),
    ]);
    insta::assert_snapshot!(shown, @r"
        Phase: PENDING (waits for Temporal)
        you: hi||
        Phase: IN_PROGRESS
        |agent: Hel|lo
        wor|ld
        Phase: COMPLETED
    ");
}

#[test]
fn a_retried_model_call_starts_a_new_line() {
    let shown = printed(&[
        state(Phase::ExecutionInProgress, &[(Ai, "The answer is 4")]),
        state(Phase::ExecutionInProgress, &[(Ai, "It")]),
        state(Phase::ExecutionInProgress, &[(Ai, "It is 5")]),
        state(Phase::ExecutionInProgress, &[]),
        state(Phase::ExecutionInProgress, &[(Ai, "It is 5.")]),
    ]);
    insta::assert_snapshot!(shown, @r"
        Phase: IN_PROGRESS
        agent: The answer is 4|
        agent: It| is 5||.
    ");
}

#[test]
fn tools_are_named_when_they_start_and_when_they_end() {
    let talk = state(Phase::ExecutionInProgress, &[(Ai, "Let me see")]);
    let more = state(
        Phase::ExecutionInProgress,
        &[(Ai, "Let me see"), (Ai, "It is 5")],
    );
    let pending = call("1", ToolCallStatus::ToolCallPending, "");
    let running = call("1", ToolCallStatus::ToolCallRunning, "");
    let done = call("1", ToolCallStatus::ToolCallCompleted, "5\n6 \u{1b}[2J");
    let mut failed = call("2", ToolCallStatus::ToolCallFailed, "");
    failed.error = "no such tool".to_owned();
    let shown = printed(&[
        with_tools(talk.clone(), &[pending]),
        with_tools(talk.clone(), &[running]),
        with_tools(talk, std::slice::from_ref(&done)),
        with_tools(more, &[done, failed]),
    ]);
    insta::assert_snapshot!(shown.replace('\u{fffd}', "?"), @r"
        Phase: IN_PROGRESS
        agent: Let me see
        tool add
        ||tool add done: 5 6 ?[2J
        |agent: It is 5
        tool add
        tool add failed: no such tool
    ");
}

#[test]
fn sub_agents_are_named_with_what_they_were_told_and_said() {
    let sub = |id: &str, status: SubAgentStatus| SubAgentExecution {
        id: id.to_owned(),
        name: "checker".to_owned(),
        input: "check\nthis".to_owned(),
        output: "fine".to_owned(),
        error: "no model".to_owned(),
        status: status.into(),
        ..SubAgentExecution::default()
    };
    let states = [
        [
            sub("1", SubAgentStatus::SubAgentPending),
            sub("2", SubAgentStatus::SubAgentPending),
        ],
        [
            sub("1", SubAgentStatus::SubAgentInProgress),
            sub("2", SubAgentStatus::SubAgentFailed),
        ],
        [
            sub("1", SubAgentStatus::SubAgentCompleted),
            sub("2", SubAgentStatus::SubAgentFailed),
        ],
    ]
    .map(|subs| {
        let mut execution = state(Phase::ExecutionInProgress, &[(Ai, "Let me see")]);
        let status = execution.status.get_or_insert_default();
        status.sub_agent_executions = subs.to_vec();
        execution
    });
    insta::assert_snapshot!(printed(&states) + &summary(&states[2]), @r"
        Phase: IN_PROGRESS
        agent: Let me see
        sub-agent checker: check this
        sub-agent checker: check this
        |sub-agent checker failed: no model
        |sub-agent checker done: fine
        Messages: 1, tool calls: 0, sub-agents: 2
    ");
}

#[test]
fn arguments_are_sorted_and_whole_numbers_whole() {
    let value =
        serde_json::json!({"b": {"d": [1.0, 2.5, -3.0], "c": "x\"y"}, "a": null, "z": 1e300});
    let mut tool = call("1", ToolCallStatus::ToolCallRunning, "");
    tool.args = serde_json::from_value(value).ok();
    let talk = state(Phase::ExecutionInProgress, &[]);
    insta::assert_snapshot!(printed(&[with_tools(talk, &[tool])]), @r#"
        Phase: IN_PROGRESS
        tool add {"a":null,"b":{"c":"x\"y","d":[1,2.5,-3]},"z":1e+300}
    "#);
}

#[test]
fn a_tools_message_does_not_repeat_its_call() {
    let mut execution = state(
        Phase::ExecutionInProgress,
        &[(MessageType::MessageTool, "5"), (System, "careful")],
    );
    let status = execution.status.get_or_insert_default();
    status.messages[0].tool_calls = vec![call("1", ToolCallStatus::ToolCallCompleted, "5")];
    status.tool_calls = vec![call("1", ToolCallStatus::ToolCallCompleted, "5")];
    insta::assert_snapshot!(printed(&[execution]), @r"
        Phase: IN_PROGRESS
        tool add
        tool add done: 5
        system: careful
    ");
}

#[test]
fn a_failure_is_told_last() {
    let mut failed = state(Phase::ExecutionFailed, &[(Ai, "Hel")]);
    let status = failed.status.get_or_insert_default();
    status.error = "the model\nis gone".to_owned();
    status.started_at = "2026-01-01T00:00:00Z".to_owned();
    status.completed_at = "2026-01-01T00:00:01.250Z".to_owned();
    let begun = state(Phase::ExecutionInProgress, &[(Ai, "He")]);
    let shown = printed(&[begun, failed.clone()]) + &summary(&failed);
    insta::assert_snapshot!(shown, @r"
        Phase: IN_PROGRESS
        agent: He|l
        Phase: FAILED (the model is gone)
        Messages: 1, tool calls: 0, duration: 1.2 s
    ");
}

#[test]
fn text_between_which_another_spoke_goes_on_in_a_line_of_its_own() {
    let shown = printed(&[
        state(Phase::ExecutionInProgress, &[(Ai, "one"), (System, "two")]),
        state(
            Phase::ExecutionInProgress,
            &[(Ai, "one more"), (System, "two")],
        ),
    ]);
    insta::assert_snapshot!(shown, @r"
        Phase: IN_PROGRESS
        agent: one
        system: two|
        agent: … more
    ");
}
