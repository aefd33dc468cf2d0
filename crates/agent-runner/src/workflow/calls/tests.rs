use std::cell::Cell;

use agent_tools::ToolSpec;

use super::*;
use crate::{
    limits::Limits,
    offered_tools::Tool,
    pins::{Actor, Pins},
    transcript::{Component, RequestedCall},
};

fn tool(name: &str, kind: &str) -> Tool {
    Tool {
        spec: ToolSpec {
            name: name.to_owned(),
            description: String::new(),
            parameters: Value::Null,
            server: None,
        },
        component: Component {
            kind: kind.to_owned(),
            group: "g".to_owned(),
        },
    }
}

fn tools() -> OfferedTools {
    OfferedTools::pin(&[tool("add", "mcp"), tool("agent_x", SUB_AGENT)])
}

fn transcript(calls: &[(&str, &str)]) -> Transcript {
    let asked = |(name, arguments): &(&str, &str)| RequestedCall {
        id: String::new(),
        name: (*name).to_owned(),
        arguments: (*arguments).to_owned(),
    };
    let mut transcript = Transcript::default();
    let calls = calls.iter().map(asked).collect();
    transcript.answer(String::new(), String::new(), calls);
    transcript
}

/// What is decided, in short.
fn decided(transcript: &mut Transcript) -> Vec<String> {
    match decide(&tools(), transcript, &|| true) {
        Err(stop) => vec![stop.sentence()],
        Ok(decisions) => {
            let short = |d: &Decision| match d {
                Decision::Refuse(why) => why.clone(),
                Decision::Tool(arguments) => format!("tool {}", Value::from(arguments.clone())),
                Decision::SubAgent(task) => format!("sub-agent {task}"),
            };
            decisions.iter().map(short).collect()
        }
    }
}

#[test]
fn each_call_is_decided_on() {
    for (name, arguments, expected) in [
        ("add", r#"{"a":1}"#, r#"tool {"a":1}"#),
        ("add", "", "tool {}"),
        ("add", "[]", "the arguments are no JSON object"),
        ("add", "{", "the arguments are no JSON (EOF"),
        (
            "add",
            "[cut by length] ",
            "not called: your answer reached its longest length",
        ),
        (
            "sub",
            "{}",
            r#"there is no tool "sub"; there are: add, agent_x"#,
        ),
        ("agent_x", r#"{"input":"do it"}"#, "sub-agent do it"),
        (
            "agent_x",
            r#"{"input":" "}"#,
            "the argument `input` must be a text",
        ),
        (
            "agent_x",
            r#"{"task":"do it"}"#,
            "the argument `input` must be a text",
        ),
    ] {
        let decided = decided(&mut transcript(&[(name, arguments)]));
        assert!(
            decided[0].starts_with(expected),
            "{name} {arguments}: {decided:?}"
        );
    }
}

#[test]
fn the_third_of_the_same_in_a_row_is_refused_and_the_fifth_ends_it() {
    let same = ("add", "{}");
    let three = decided(&mut transcript(&[same, ("add", ""), same]));
    assert_eq!(three[..2], ["tool {}", "tool {}"]);
    assert!(three[2].starts_with("not called: "), "{three:?}");
    let five = decided(&mut transcript(&[same; 5]));
    assert_eq!(five.len(), 1);
    assert!(
        five[0].contains("five of its last ten tool calls were add"),
        "{five:?}"
    );
}

/// What is sent would be 1.2345678901234568e+20.
#[test]
fn a_number_that_would_go_on_as_another_is_refused_where_no_history_has_it_made() {
    let large = r#"{"id":123456789012345678901}"#;
    let small = r#"{"id":1234567890123456789}"#;
    assert_eq!(
        decided(&mut transcript(&[("add", large)])),
        [numbers::NOT_CALLED]
    );
    for (arguments, refuses) in [(large, false), (small, true)] {
        let mut transcript = transcript(&[("add", arguments)]);
        let asked = Cell::new(false);
        let refuses = || {
            asked.set(true);
            refuses
        };
        let decisions = decide(&tools(), &mut transcript, &refuses);
        let decisions = decisions.map_err(|s| s.sentence()).unwrap_or_default();
        assert!(matches!(decisions[..], [Decision::Tool(_)]));
        assert_eq!(
            asked.get(),
            arguments == large,
            "no marker without a reason"
        );
    }
}

#[test]
fn what_begins_runs_and_what_is_refused_has_ended() {
    let mut transcript = transcript(&[
        ("add", "{}"),
        ("none", "{}"),
        ("agent_x", r#"{"input":"t"}"#),
    ]);
    let decisions = decide(&tools(), &mut transcript, &|| true).map_err(|s| s.sentence());
    begin(&mut transcript, &decisions.unwrap_or_default(), "1");
    let states: Vec<CallState> = transcript.calls().map(|c| c.state).collect();
    assert_eq!(
        states,
        [CallState::Running, CallState::Failed, CallState::Running]
    );
    assert!(transcript.calls().all(|c| c.started_at == "1"));
    let kinds: Vec<&str> = transcript
        .calls()
        .map(|c| c.component.kind.as_str())
        .collect();
    assert_eq!(kinds, ["mcp", "", SUB_AGENT]);
    let sub = &transcript.sub_agents[0];
    assert_eq!(
        (sub.id.as_str(), sub.name.as_str(), sub.input.as_str()),
        ("call_3", "g", "t")
    );
}

#[test]
fn what_comes_of_a_call_is_noted_with_it_whichever_ends_first() {
    let actor = Actor {
        execution_id: "e".to_owned(),
        sub_agent: None,
        pins: Pins::default(),
    };
    let agent_run = AgentRun {
        actor,
        key: "e".to_owned(),
        model: "m".to_owned(),
        tools: tools(),
        input: None,
        limits: Limits::default(),
        turns_per_run: 1,
        merged_reports: true,
    };
    let (first, second) = (r#"{"input":"1"}"#, r#"{"input":"2"}"#);
    let mut progress = Progress {
        transcript: transcript(&[("nobody", ""), ("agent_x", first), ("agent_x", second)]),
        ..Progress::default()
    };
    let decisions = decide(&agent_run.tools, &mut progress.transcript, &|| true);
    let decisions = decisions.unwrap_or_default();
    begin(&mut progress.transcript, &decisions, "began");
    let end = |output: &str| {
        let mut end = SubAgentEnd::default();
        output.clone_into(&mut end.output);
        Done::SubAgent(Ok(end))
    };
    let done = [(2, end("of 2")), (1, end("of 1"))];
    let noted = note(&agent_run, &mut progress, done.into_iter(), "ended");
    assert!(noted.is_ok());
    let results = progress.transcript.calls().map(|call| call.result.as_str());
    let results: Vec<&str> = results.skip(1).collect();
    assert_eq!(results, ["of 1", "of 2"]);
    let runs = progress.transcript.sub_agents.iter();
    let runs: Vec<_> = runs
        .map(|run| (run.input.as_str(), run.output.as_str()))
        .collect();
    assert_eq!(runs, [("1", "of 1"), ("2", "of 2")]);
}
