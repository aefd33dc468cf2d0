//! What a script was asked, and what is left of it, told piece by piece: all of it may be large.

use std::{iter, sync::Arc};

use axum::body::Bytes;
use serde::Serialize;

use super::{answer::ScriptedAnswer, script_state::Script};

#[derive(Serialize)]
struct Unused<'a> {
    index: usize,
    answer: &'a ScriptedAnswer,
}

/// A report as JSON, in parts.
pub fn report(script: Arc<Script>) -> impl Iterator<Item = Bytes> + Send {
    let (requests, answers) = {
        let state = script.state();
        (state.requests.len(), state.answers.len())
    };
    // What is JSON once is so always: neither a key nor an answer can fail.
    let key = serde_json::to_string(script.key()).unwrap_or_default();
    let head = Bytes::from(format!("{{\"key\":{key},\"requests\":["));
    let [asked, middle, left] = [(); 3].map(|()| Arc::clone(&script));
    let requests = (0..requests).flat_map(move |at| {
        let parts = asked.state().requests.get(at).map(|seen| seen.json());
        let comma = (at > 0).then_some(Bytes::from_static(b","));
        comma.into_iter().chain(parts.into_iter().flatten())
    });
    let middle = iter::once_with(move || {
        let missing = middle.state().missing;
        format!("],\"missing\":{missing},\"unused\":[").into()
    });
    let mut first = true;
    let unused = (0..answers).filter_map(move |index| {
        let answer = left.state().answers.get(index)?.clone()?;
        let answer = &*answer;
        let unused = serde_json::to_string(&Unused { index, answer }).unwrap_or_default();
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        Some(Bytes::from(format!("{comma}{unused}")))
    });
    let end = Bytes::from_static(b"]}");
    iter::once(head)
        .chain(requests)
        .chain(middle)
        .chain(unused)
        .chain([end])
}
