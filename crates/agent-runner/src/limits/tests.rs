use super::*;

fn limits(model_calls: i32, tool_calls: i32, seconds: i32) -> Limits {
    let config = ExecutionConfig {
        max_model_calls: model_calls,
        max_tool_calls: tool_calls,
        max_seconds: seconds,
        ..Default::default()
    };
    Limits::of(&config, 50, 200, 1800)
}

#[test]
fn wishes_are_cut_to_the_runners_own() {
    for (wanted, value) in [(0, 50), (-1, 50), (1, 1), (50, 50), (51, 50)] {
        assert_eq!(limits(wanted, 0, 0).model_calls.value, value, "{wanted}");
    }
}

#[test]
fn a_limit_is_reached_by_the_call_after_it() {
    let limits = limits(3, 4, 0);
    let used = |model_calls, tool_calls| Used {
        model_calls,
        tool_calls,
        ..Used::default()
    };
    assert_eq!(limits.before_model_call(used(2, 0)), None);
    assert_eq!(
        limits.before_model_call(used(3, 0)),
        Some(Limit::ModelCalls)
    );
    assert_eq!(limits.before_tool_calls(used(0, 2), 2), None);
    assert_eq!(
        limits.before_tool_calls(used(0, 2), 3),
        Some(Limit::ToolCalls)
    );
    assert_eq!(used(5, 3).since(used(2, 3)), used(3, 0));
}

#[test]
fn sub_agents_together_use_no_more_than_is_left() {
    let limits = limits(10, 0, 0);
    let used = Used {
        model_calls: 3,
        tool_calls: 199,
        ..Used::default()
    };
    let shares = |among: u32| -> Vec<(u32, u32)> {
        let left = |u: Used| (10 - u.model_calls, 200 - u.tool_calls);
        (0..among)
            .map(|nth| left(limits.share(used, nth, among)))
            .collect()
    };
    assert_eq!(shares(1), [(7, 1)]);
    assert_eq!(shares(2), [(4, 1), (3, 0)]);
    assert_eq!(shares(3), [(3, 1), (2, 0), (2, 0)]);
    // More than the limit may be used already.
    let over = Used {
        model_calls: 12,
        tool_calls: 0,
        ..Used::default()
    };
    assert_eq!(limits.share(over, 0, 2).model_calls, 10);
    assert!(
        limits
            .share_sentence(Limit::ModelCalls, limits.share(used, 1, 2), 2)
            .starts_with("it reached its share of 3 model calls: ")
    );
}

#[test]
fn a_limit_says_its_value_and_who_can_raise_it() {
    assert_eq!(
        limits(3, 0, 0).sentence(Limit::ModelCalls),
        "the execution reached its limit of 3 model calls (max_model_calls): \
         raise execution_config.max_model_calls, this runner allows 50"
    );
    assert_eq!(
        limits(0, 0, 0).sentence(Limit::ToolCalls),
        "the execution reached the runner's limit of 200 tool calls (max_tool_calls): \
         raise STIGMER_MAX_TOOL_CALLS of the runner"
    );
    assert!(
        limits(0, 0, 7)
            .sentence(Limit::Seconds)
            .contains("limit of 7 seconds (max_seconds)")
    );
}

fn call(name: &str, arguments: &str) -> Call {
    Call {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        ..Call::default()
    }
}

#[test]
fn circles_are_seen() {
    use Repetition::{Endless, Fine, InARow};
    let a = || call("a", r#"{"x":1,"y":2}"#);
    let other = || call("b", "{}");
    let cases: [(Vec<Call>, Repetition); 9] = [
        (vec![], Fine),
        (vec![a()], Fine),
        (vec![a(), a()], InARow),
        (vec![a(), call("a", r#"{ "y": 2, "x": 1 }"#)], InARow),
        (vec![a(), other(), a()], Fine),
        (vec![a(), call("a", r#"{"x":2,"y":2}"#)], Fine),
        (vec![a(), call("c", r#"{"x":1,"y":2}"#)], Fine),
        (
            vec![a(), other(), a(), other(), a(), other(), a(), other()],
            Endless,
        ),
        // The first of them is out of sight.
        (
            [
                vec![a()],
                vec![other(); 4],
                vec![a(), other(), a(), other(), a(), other()],
            ]
            .concat(),
            Fine,
        ),
    ];
    for (i, (earlier, expected)) in cases.iter().enumerate() {
        assert_eq!(repetition(earlier.iter(), &a()), *expected, "case {i}");
    }
}

#[test]
fn dropped_arguments_are_like_no_others() {
    let dropped = || {
        call(
            "a",
            r#"{"dropped":"500 bytes, to keep the conversation short"}"#,
        )
    };
    let earlier = vec![dropped(); 9];
    assert_eq!(repetition(earlier.iter(), &dropped()), Repetition::Fine);
}

#[test]
fn whoever_waits_for_an_execution_lowers_its_time() {
    let limits = Limits::of(&ExecutionConfig::default(), 50, 200, 1800);
    assert_eq!(limits.within(1_800_000), limits);
    let lowered = limits.within(570_999);
    assert_eq!(lowered.seconds.value, 570);
    let why = lowered.sentence(Limit::Seconds);
    assert_eq!(
        why,
        "the execution reached the limit of 570 seconds that its server waits for it"
    );
    assert_eq!(lowered.model_calls, limits.model_calls);
    // Before the runner's own limits are known, there is this one.
    assert_eq!(Limits::default().within(2_000).seconds.value, 2);
    // What other runners have written is read, and what they read is written.
    let kept = serde_json::to_value(limits.seconds).unwrap();
    assert_eq!(kept, serde_json::json!({"value": 1800, "own": 1800}));
    let kept = serde_json::to_value(lowered).unwrap();
    assert_eq!(serde_json::from_value::<Limits>(kept).unwrap(), lowered);
}
