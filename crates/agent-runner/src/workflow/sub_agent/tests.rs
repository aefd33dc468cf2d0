use super::*;
use crate::{pins::Pins, transcript::Tokens};

/// Models that name no call have theirs counted, in each conversation from the first on.
#[test]
fn each_run_has_keys_of_its_own() {
    let actor = Actor {
        execution_id: "e".to_owned(),
        sub_agent: None,
        pins: Pins::default(),
    };
    let parent = AgentRun {
        key: "e".to_owned(),
        actor,
        model: "m".to_owned(),
        tools: OfferedTools::default(),
        input: None,
        limits: Limits::default(),
        turns_per_run: 1,
        merged_reports: true,
    };
    let key = |id: &str| {
        let mut call = Call {
            id: id.to_owned(),
            ..Call::default()
        };
        call.component.group = "clerk".to_owned();
        let task = Task::new(&parent, Used::default(), &call, String::new(), (0, 1));
        task.agent_run.key
    };
    assert_eq!(
        (key("a").as_str(), key("b").as_str()),
        ("e/clerk/a", "e/clerk/b")
    );
}

#[test]
fn a_run_shows_the_tokens_of_all_its_answers() {
    let tokens = |input| Tokens { input, output: 1 };
    let end = SubAgentEnd {
        output: "done".to_owned(),
        used: Used {
            tokens: tokens(30),
            ..Used::default()
        },
        ending: Ending {
            finish_reason: "stop".to_owned(),
            tokens: tokens(10),
            ..Ending::default()
        },
        ..SubAgentEnd::default()
    };
    let (mut call, mut run) = (Call::default(), SubAgentRun::default());
    let noted = note(&mut call, Some(&mut run), end, &Limits::default(), "now");
    assert!(noted.is_ok());
    assert_eq!(run.ending.tokens, tokens(30));
    assert_eq!(run.ending.finish_reason, "stop");
    assert_eq!(
        (run.output.as_str(), run.state),
        ("done", CallState::Completed)
    );
    assert_eq!(
        (call.result.as_str(), call.state),
        ("done", CallState::Completed)
    );
}
