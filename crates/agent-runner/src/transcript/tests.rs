use super::*;

fn requested(id: &str) -> RequestedCall {
    RequestedCall {
        id: id.to_owned(),
        name: "t".to_owned(),
        arguments: String::new(),
    }
}

fn ids(transcript: &Transcript) -> Vec<&str> {
    transcript.calls().map(|c| c.id.as_str()).collect()
}

#[test]
fn every_call_has_an_id_of_its_own() {
    let mut transcript = Transcript::default();
    transcript.answer(
        String::new(),
        String::new(),
        vec![requested("a"), requested("")],
    );
    transcript.answer(
        String::new(),
        String::new(),
        vec![requested("a"), requested("a"), requested("")],
    );
    transcript.answer(
        String::new(),
        String::new(),
        vec![requested("call_7"), requested("")],
    );
    let long = "x".repeat(65);
    transcript.answer(String::new(), String::new(), vec![requested(&long)]);
    assert_eq!(
        ids(&transcript),
        [
            "a", "call_2", "a~2", "a~3", "call_5", "call_7", "call_7~2", "call_8"
        ]
    );
}

/// It is in the history of the workflow, with every turn.
#[test]
fn nothing_is_written_of_what_nobody_said() {
    let turn = Turn {
        text: "a".to_owned(),
        at: "b".to_owned(),
        ..Turn::default()
    };
    let written = serde_json::to_value(&turn).unwrap();
    assert_eq!(written, serde_json::json!({"text": "a", "at": "b"}));
    let ending = Ending {
        model: "m".to_owned(),
        ..Ending::default()
    };
    let written = serde_json::to_value(Turn { ending, ..turn }).unwrap();
    assert_eq!(written["ending"]["model"], "m");
}

#[test]
fn arguments_are_an_object_or_the_model_is_told() {
    assert!(arguments("").unwrap().is_empty());
    assert_eq!(arguments(r#"{"a":1}"#).unwrap()["a"], 1);
    assert!(arguments("[1]").unwrap_err().contains("no JSON object"));
    let nested = |levels| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    assert!(arguments(&nested(24)).is_ok());
    assert!(arguments(&nested(25)).unwrap_err().contains("24 deep"));
    let lists = |levels| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(arguments(&lists(23)).is_ok());
    assert!(arguments(&lists(24)).unwrap_err().contains("24 deep"));
    assert!(arguments("{\"a\"").unwrap_err().contains("no JSON (EOF"));
}

#[test]
fn what_is_under_way_is_abandoned_and_the_rest_stays() {
    let mut transcript = Transcript::default();
    transcript.answer(
        String::new(),
        String::new(),
        vec![requested("a"), requested("b")],
    );
    transcript.turns[0].calls[0].end(false, "done".to_owned(), "1".to_owned());
    assert!(transcript.abandon("cancelled", "2"));
    assert!(!transcript.abandon("again", "3"));
    let calls = &transcript.turns[0].calls;
    assert_eq!(
        (calls[0].result.as_str(), calls[0].state),
        ("done", CallState::Completed)
    );
    assert_eq!(
        (calls[1].result.as_str(), calls[1].state),
        ("cancelled", CallState::Failed)
    );
}
