use super::*;
use crate::transcript::{RequestedCall, SubAgentRun};

/// A turn with one call for each result.
fn turn(transcript: &mut Transcript, arguments: &str, results: &[&str]) {
    let asked = RequestedCall {
        id: String::new(),
        name: "t".to_owned(),
        arguments: arguments.to_owned(),
    };
    let at = transcript.turns.len();
    transcript.answer("said".to_owned(), String::new(), vec![asked; results.len()]);
    for (call, result) in transcript.turns[at].calls.iter_mut().zip(results) {
        call.end(false, (*result).to_owned(), String::new());
    }
}

fn results(transcript: &Transcript) -> Vec<usize> {
    transcript.calls().map(|c| c.result.len()).collect()
}

#[test]
fn what_fits_stays_and_then_the_oldest_long_result_goes_first() {
    let long = "r".repeat(1000);
    let mut transcript = Transcript::default();
    turn(&mut transcript, "{}", &["short", &long]);
    turn(&mut transcript, "{}", &[&long]);
    turn(&mut transcript, "{}", &[&long]);
    let whole = size(&transcript);
    assert_eq!(transcript.fit(whole), Ok(()));
    assert_eq!(results(&transcript), [5, 1000, 1000, 1000]);
    assert_eq!(transcript.fit(whole - 1), Ok(()));
    let note = transcript.turns[0].calls[1].result.clone();
    assert!(note.contains("dropped: 1000 bytes"), "{note}");
    assert_eq!(results(&transcript), [5, note.len(), 1000, 1000]);
}

#[test]
fn the_room_is_counted_as_it_is_sent() {
    let quotes = "\"\n\u{1}ü".repeat(1000);
    assert_eq!(written(&quotes) + 2, size(&quotes));
    let mut transcript = Transcript::default();
    turn(&mut transcript, "{}", &[&quotes]);
    turn(&mut transcript, "{}", &["x"]);
    assert_eq!(transcript.fit(size(&transcript) - 1), Ok(()));
    assert!(results(&transcript)[0] < SHORT);
}

#[test]
fn the_last_results_are_cut_evenly_and_never_dropped() {
    let mut transcript = Transcript::default();
    turn(&mut transcript, "{}", &[&"o".repeat(1000)]);
    let (long, longer) = ("a\"".repeat(4000), "ü".repeat(9000));
    turn(&mut transcript, "{}", &["short", &long, &longer]);
    assert_eq!(transcript.fit(6000), Ok(()));
    assert!(
        size(&transcript) <= 6000 && size(&transcript) > 5800,
        "{}",
        size(&transcript)
    );
    let calls = &transcript.turns[1].calls;
    assert_eq!(calls[0].result, "short");
    for (call, whole) in calls[1..].iter().zip([8000, 18000]) {
        let kept = call.result.rfind('\n').unwrap_or_default();
        let note = format!("[cut: this is the first {kept} of {whole} bytes]");
        assert_eq!(call.result[kept + 1..], note);
    }
    let (a, b) = (written(&calls[1].result), written(&calls[2].result));
    assert!(a.abs_diff(b) < 20, "{a} and {b}");
    assert!(results(&transcript)[0] < SHORT, "what was seen goes first");
}

#[test]
fn arguments_words_and_sub_agents_are_dropped_too() {
    let long = "x".repeat(2000);
    let arguments = format!("{{\"a\":\"{long}\"}}");
    let mut transcript = Transcript::default();
    turn(&mut transcript, &arguments, &["r"]);
    transcript.turns[0].text.clone_from(&long);
    transcript.sub_agents.push(SubAgentRun {
        input: long.clone(),
        output: long.clone(),
        calls: transcript.turns[0].calls.clone(),
        ..SubAgentRun::default()
    });
    turn(&mut transcript, &arguments, &["r"]);
    assert_eq!(transcript.fit(4500), Ok(()));
    let (old, last) = (&transcript.turns[0], &transcript.turns[1]);
    assert!(is_dropped(&old.calls[0].arguments), "{old:?}");
    assert!(super::super::arguments(&old.calls[0].arguments).is_ok());
    assert!(old.text.starts_with("[dropped: 2000 bytes"), "{old:?}");
    // It was not made yet when an answer is new.
    assert_eq!(last.calls[0].arguments, arguments);
    let sub = &transcript.sub_agents[0];
    assert!(
        is_dropped(&sub.calls[0].arguments) && sub.input.len() < SHORT,
        "{sub:?}"
    );
}

#[test]
fn what_is_too_large_is_named() {
    let mut transcript = Transcript::default();
    turn(&mut transcript, &"x".repeat(2000), &["r"]);
    let why = transcript.fit(1000).err().unwrap_or_default();
    assert!(
        why.starts_with("the model's last answer, with 1 tool calls, takes 2"),
        "{why}"
    );
    turn(&mut transcript, "{}", &["r"]);
    for _ in 0..20 {
        turn(&mut transcript, "{}", &["r"]);
    }
    let why = transcript.fit(1000).err().unwrap_or_default();
    assert!(why.starts_with("the conversation takes "), "{why}");
}

#[test]
fn a_short_text_is_kept_and_one_beyond_is_dropped() {
    for (bytes, kept) in [(SHORT, true), (SHORT + 1, false)] {
        let (mut over, mut text) = (Over(1), "x".repeat(bytes));
        over.drop(&mut text, |bytes| format!("{bytes} dropped"));
        assert_eq!(text.starts_with('x'), kept, "{text}");
        assert_eq!(over.0 > 0, kept);
    }
}
