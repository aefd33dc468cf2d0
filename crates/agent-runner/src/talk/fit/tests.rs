use super::*;
use crate::talk::{Asked, SubAgentRun};

/// A turn with one call for each result.
fn turn(talk: &mut Talk, arguments: &str, results: &[&str]) {
    let asked = Asked {
        id: String::new(),
        name: "t".to_owned(),
        arguments: arguments.to_owned(),
    };
    let at = talk.turns.len();
    talk.answer("said".to_owned(), String::new(), vec![asked; results.len()]);
    for (call, result) in talk.turns[at].calls.iter_mut().zip(results) {
        call.end(false, (*result).to_owned(), String::new());
    }
}

fn results(talk: &Talk) -> Vec<usize> {
    talk.calls().map(|c| c.result.len()).collect()
}

#[test]
fn what_fits_stays_and_then_the_oldest_long_result_goes_first() {
    let long = "r".repeat(1000);
    let mut talk = Talk::default();
    turn(&mut talk, "{}", &["short", &long]);
    turn(&mut talk, "{}", &[&long]);
    turn(&mut talk, "{}", &[&long]);
    let whole = size(&talk);
    assert_eq!(talk.fit(whole), Ok(()));
    assert_eq!(results(&talk), [5, 1000, 1000, 1000]);
    assert_eq!(talk.fit(whole - 1), Ok(()));
    let note = talk.turns[0].calls[1].result.clone();
    assert!(note.contains("dropped: 1000 bytes"), "{note}");
    assert_eq!(results(&talk), [5, note.len(), 1000, 1000]);
}

#[test]
fn the_room_is_counted_as_it_is_sent() {
    let quotes = "\"\n\u{1}ü".repeat(1000);
    assert_eq!(written(&quotes) + 2, size(&quotes));
    let mut talk = Talk::default();
    turn(&mut talk, "{}", &[&quotes]);
    turn(&mut talk, "{}", &["x"]);
    assert_eq!(talk.fit(size(&talk) - 1), Ok(()));
    assert!(results(&talk)[0] < SHORT);
}

#[test]
fn the_last_results_are_cut_evenly_and_never_dropped() {
    let mut talk = Talk::default();
    turn(&mut talk, "{}", &[&"o".repeat(1000)]);
    let (long, longer) = ("a\"".repeat(4000), "ü".repeat(9000));
    turn(&mut talk, "{}", &["short", &long, &longer]);
    assert_eq!(talk.fit(6000), Ok(()));
    assert!(size(&talk) <= 6000 && size(&talk) > 5800, "{}", size(&talk));
    let calls = &talk.turns[1].calls;
    assert_eq!(calls[0].result, "short");
    for (call, whole) in calls[1..].iter().zip([8000, 18000]) {
        let kept = call.result.rfind('\n').unwrap_or_default();
        let note = format!("[cut: this is the first {kept} of {whole} bytes]");
        assert_eq!(call.result[kept + 1..], note);
    }
    let (a, b) = (written(&calls[1].result), written(&calls[2].result));
    assert!(a.abs_diff(b) < 20, "{a} and {b}");
    assert!(results(&talk)[0] < SHORT, "what was seen goes first");
}

#[test]
fn arguments_words_and_sub_agents_are_dropped_too() {
    let long = "x".repeat(2000);
    let arguments = format!("{{\"a\":\"{long}\"}}");
    let mut talk = Talk::default();
    turn(&mut talk, &arguments, &["r"]);
    talk.turns[0].text.clone_from(&long);
    talk.sub_agents.push(SubAgentRun {
        input: long.clone(),
        output: long.clone(),
        calls: talk.turns[0].calls.clone(),
        ..SubAgentRun::default()
    });
    turn(&mut talk, &arguments, &["r"]);
    assert_eq!(talk.fit(4500), Ok(()));
    let (old, last) = (&talk.turns[0], &talk.turns[1]);
    assert!(is_dropped(&old.calls[0].arguments), "{old:?}");
    assert!(super::super::arguments(&old.calls[0].arguments).is_ok());
    assert!(old.text.starts_with("[dropped: 2000 bytes"), "{old:?}");
    // It was not made yet when an answer is new.
    assert_eq!(last.calls[0].arguments, arguments);
    let sub = &talk.sub_agents[0];
    assert!(
        is_dropped(&sub.calls[0].arguments) && sub.input.len() < SHORT,
        "{sub:?}"
    );
}

#[test]
fn what_is_too_large_is_named() {
    let mut talk = Talk::default();
    turn(&mut talk, &"x".repeat(2000), &["r"]);
    let why = talk.fit(1000).err().unwrap_or_default();
    assert!(
        why.starts_with("the model's last answer, with 1 tool calls, takes 2"),
        "{why}"
    );
    turn(&mut talk, "{}", &["r"]);
    for _ in 0..20 {
        turn(&mut talk, "{}", &["r"]);
    }
    let why = talk.fit(1000).err().unwrap_or_default();
    assert!(why.starts_with("the conversation takes "), "{why}");
}
