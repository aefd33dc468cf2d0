//! How large what is stored may be, to the byte.

use prost::Message;
use stigmer_api::{
    Kind,
    agentexecution::{AgentExecution, ExecutionPhase as Phase},
    id,
};

use super::*;
use crate::{
    documented::{documented, kib, mib},
    store::tx::FOR_THE_END,
};

/// An execution of so many bytes.
fn execution(id: &str, phase: Phase, bytes: usize) -> AgentExecution {
    let with = |text: usize| {
        let mut execution = AgentExecution::default();
        execution.metadata_mut().id = id.to_owned();
        let status = execution.status.get_or_insert_default();
        status.phase = phase.into();
        status.error = "x".repeat(text);
        execution
    };
    let around = with(bytes).encoded_len() - bytes;
    let made = with(bytes - around);
    assert_eq!(made.encoded_len(), bytes);
    made
}

#[tokio::test]
async fn an_execution_leaves_room_for_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let most = size::LARGEST;
    for (phase, bytes, taken) in [
        (Phase::ExecutionInProgress, most - FOR_THE_END, true),
        (Phase::ExecutionInProgress, most - FOR_THE_END + 1, false),
        (Phase::ExecutionFailed, most, true),
        (Phase::ExecutionFailed, most + 1, false),
    ] {
        let mut execution = execution(&id::new(Kind::AgentExecution), phase, bytes);
        let put = store
            .write(move |tx| tx.put_execution(&mut execution))
            .await;
        assert_eq!(put.is_ok(), taken, "{phase:?}, {bytes}: {put:?}");
    }
}

#[tokio::test]
async fn what_is_too_large_from_before_grows_by_its_end_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let large = size::LARGEST + 1;
    for (more, taken) in [(FOR_THE_END, true), (FOR_THE_END + 1, false)] {
        let id = id::new(Kind::AgentExecution);
        let mut before = execution(&id, Phase::ExecutionInProgress, large);
        store
            .write(move |tx| tx.put_unchecked(&mut before))
            .await
            .unwrap();
        let mut ended = execution(&id, Phase::ExecutionFailed, large + more);
        let put = store.write(move |tx| tx.put_execution(&mut ended)).await;
        assert_eq!(put.is_ok(), taken, "{more}: {put:?}");
    }
}

#[test]
fn the_figures_are_those_of_the_docs() {
    documented(&[
        format!(
            "| an execution that has not ended | {} less than that |",
            kib(FOR_THE_END)
        ),
        format!(
            "| what it keeps of its database in memory | {} |",
            mib(handle::CACHE)
        ),
        format!(
            "| a store that cannot be written | tried again every {} ms |",
            writer::RETRY.as_millis()
        ),
    ]);
}

/// What was stored before there was a limit is told with the beginnings of its texts.
#[test]
fn the_texts_of_one_that_is_shortened_have_so_many_bytes() {
    for (bytes, cut) in [(1_000, false), (1_001, true)] {
        let id = id::new(Kind::AgentExecution);
        let mut whole = execution(&id, Phase::ExecutionFailed, size::LARGEST + 1);
        whole.spec.get_or_insert_default().message = "x".repeat(bytes);
        let told = size::told(whole);
        let message = told.spec.unwrap_or_default().message;
        assert_eq!(message.contains('…'), cut, "{bytes}: {message}");
        let error = told.status.unwrap_or_default().error;
        assert!(error.contains('…') && error.len() < 1_100, "{error}");
    }
    documented(&["| texts of one that is told shortened | 1000 bytes each |".to_owned()]);
}
