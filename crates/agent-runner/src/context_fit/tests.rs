use stigmer_api::{
    agentexecution::{
        AgentExecution, AgentExecutionStatus, AgentMessage, ExecutionPhase, MessageType,
    },
    apiresource::ApiResourceMetadata,
};

use super::*;
use crate::{backend::fake::Fake, transcript::RequestedCall};

fn transcript(results: &[usize]) -> Transcript {
    let mut transcript = Transcript::default();
    for length in results {
        let call = RequestedCall {
            name: "f".to_owned(),
            ..RequestedCall::default()
        };
        transcript.answer(String::new(), String::new(), vec![call]);
        let turn = transcript.turns.last_mut().unwrap();
        turn.calls[0].end(false, "x".repeat(*length), String::new());
    }
    transcript
}

fn fit(results: &[usize], system: usize, context: Option<u32>) -> Result<Fitted, String> {
    let question = Question {
        system: &"s".repeat(system),
        history: &SessionHistory::default(),
        message: "m",
        transcript: &transcript(results),
        tools: 100,
    };
    question.fit(context, 1000)
}

#[test]
fn what_fits_is_sent_as_it_is() {
    for context in [None, Some(100_000)] {
        let fitted = fit(&[20_000], 100, context).unwrap();
        assert_eq!((fitted.cut.as_str(), fitted.most), ("", 1000));
        assert!(sent(&fitted.messages) > 20_000);
    }
}

#[test]
fn what_does_not_fit_is_cut_and_the_instructions_stay() {
    let fitted = fit(&[6000, 6000, 600], 300, Some(2048)).unwrap();
    assert_eq!(fitted.most, 512);
    assert!(
        sent(&fitted.messages) + 100 <= 1536 * 3,
        "{}",
        sent(&fitted.messages)
    );
    assert_eq!(fitted.messages[0].content, Some("s".repeat(300)));
    let last = fitted.messages.last().unwrap();
    assert_eq!(last.content, Some("x".repeat(600)));
    assert!(fitted.cut.contains("2048 tokens"), "{}", fitted.cut);
}

/// An execution that said this, and no more.
fn execution(id: &str, said: &str) -> AgentExecution {
    let message = AgentMessage {
        r#type: MessageType::MessageHuman.into(),
        content: said.to_owned(),
        ..Default::default()
    };
    AgentExecution {
        metadata: Some(ApiResourceMetadata {
            id: id.to_owned(),
            ..Default::default()
        }),
        status: Some(AgentExecutionStatus {
            phase: ExecutionPhase::ExecutionCompleted.into(),
            messages: vec![message],
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn of_a_session_that_does_not_fit_the_newest_stays() {
    let fake = Fake::default();
    let long = "x".repeat(9000);
    let said = [("3", "new"), ("2", long.as_str()), ("1", "old")];
    fake.page(said.map(|(id, said)| execution(id, said)).into());
    let backend = fake.serve().await;
    let history = SessionHistory::load(&backend, "s", "4", None).await;
    let question = Question {
        system: "s",
        history: &history.unwrap(),
        message: "m",
        transcript: &Transcript::default(),
        tools: 100,
    };
    let fitted = question.fit(Some(2048), 1000).unwrap();
    let sent = fitted.messages.iter().skip(1);
    let sent: Vec<_> = sent.filter_map(|it| it.content.as_deref()).collect();
    assert_eq!(sent, ["new", "m"]);
    assert!(fitted.cut.contains("2048 tokens"), "{}", fitted.cut);
}

#[test]
fn what_cannot_be_cut_is_refused_with_the_setting() {
    let why = fit(&[], 6000, Some(2048)).err().unwrap();
    assert!(
        why.contains("OLLAMA_CONTEXT_LENGTH") && why.contains("2048 tokens"),
        "{why}"
    );
}

/// Questions of so many bytes, and the tokens that were counted of them.
fn questions(counted: &[(usize, u32)]) -> Vec<Counted> {
    let counted = counted.iter();
    counted
        .map(|&(bytes, tokens)| Counted { bytes, tokens })
        .collect()
}

#[test]
fn a_count_that_is_far_too_small_shows_a_cut() {
    let was_cut = |bytes, tokens| was_cut(&questions(&[(bytes, tokens)]));
    assert!(was_cut(16_001, 1000));
    assert!(!was_cut(16_000, 1000));
    assert!(!was_cut(4096, 1) && was_cut(4097, 1));
    assert!(!was_cut(1_000_000, 0));
}

#[test]
fn a_server_that_counts_only_what_is_not_in_its_cache_has_read_the_rest() {
    for (counted, cut) in [
        (vec![(12_000, 3100), (12_867, 41)], false),
        (vec![(12_000, 3100), (12_867, 41), (13_400, 60)], false),
        // Too few of what is new.
        (vec![(12_000, 3100), (16_097, 1)], true),
        (vec![(12_000, 3100), (60_000, 2050)], true),
        // Nobody knows that it has read the first one.
        (vec![(12_000, 0), (12_867, 41)], true),
        (vec![(12_000, 41), (12_867, 41)], true),
        // Of the first question all counts.
        (vec![(40_000, 2050)], true),
    ] {
        assert_eq!(was_cut(&questions(&counted)), cut, "{counted:?}");
    }
}

#[test]
fn the_questions_of_an_agent_are_held_against_their_counts() {
    let mut transcript = transcript(&[600, 6000]);
    for (turn, tokens) in transcript.turns.iter_mut().zip([30, 200]) {
        turn.ending.tokens.input = tokens;
    }
    let question = |turns: usize| {
        let mut transcript = transcript.clone();
        transcript.turns.truncate(turns);
        let question = Question {
            system: "s",
            history: &SessionHistory::default(),
            message: "m",
            transcript: &transcript,
            tools: 100,
        };
        question.fit(None, 1000).unwrap().messages
    };
    let counted = counted(&question(2), 100, &transcript.turns, 7);
    let bytes = [0, 1, 2].map(|turns| sent(&question(turns)) + 100);
    let tokens = [30, 200, 7];
    let expected: Vec<_> = bytes.into_iter().zip(tokens).collect();
    assert_eq!(counted, questions(&expected));
}

#[test]
fn what_fits_is_told_before_it_is_cut() {
    for context in [256, 2048, 40_000] {
        let room = room(context, longest_answer(context, 1000));
        assert!(fits(room, context, 1000) && !fits(room + 1, context, 1000));
    }
    // As `fit` has it: an answer takes a quarter at most.
    assert!(fits(1536 * 3, 2048, 1000) && !fits(1536 * 3 + 1, 2048, 1000));
}
