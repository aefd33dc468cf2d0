//! An exchange that is being recorded: what of it is kept, and why it is not.

use std::{sync::Arc, time::Instant};

use axum::http::StatusCode;
use serde_json::Value;

use super::{
    canon,
    cassette_state::CassetteState,
    file::{Chunk, Entry},
    readable::Readable,
    secret::Secrets,
};
use crate::{
    aside::{SHORT, aside},
    budget::Share,
    sse::{self, Events},
};

/// What a piece of an answer takes beside its bytes.
const PIECE: usize = 96;

/// How often an answer's bytes are held while it is kept: as they came, and as what they say.
const TIMES: usize = 2;

/// An exchange that is being recorded. One that ends otherwise than by [`Recorder::end`] was left by its client.
pub(super) struct Recorder(Option<Take>);

struct Take {
    cassette: Arc<CassetteState>,
    n: usize,
    secrets: Secrets,
    /// The canonical request, and the room for it and for the answer.
    kept: Result<(Value, Share), String>,
    began: Instant,
    content_type: String,
    /// Where an event ends, if the answer is a stream of them.
    events: Option<Events>,
    chunks: Vec<(u64, Vec<u8>)>,
    bytes: usize,
}

impl Recorder {
    /// One of a cassette's `n`-th request, unless that itself cannot be kept.
    pub(super) fn new(
        cassette: Arc<CassetteState>,
        n: usize,
        secrets: Secrets,
        kept: Result<(Value, Share), String>,
    ) -> Self {
        Self(Some(Take {
            cassette,
            n,
            secrets,
            kept,
            began: Instant::now(),
            content_type: String::new(),
            events: None,
            chunks: Vec::new(),
            bytes: 0,
        }))
    }

    /// The answer begins.
    pub(super) fn begins(&mut self, status: StatusCode, content_type: &str) {
        let Some(take) = &mut self.0 else { return };
        content_type.clone_into(&mut take.content_type);
        if content_type.starts_with("text/event-stream") {
            take.events = Some(Events::default());
        }
        if status != StatusCode::OK {
            take.drop_it(format!("the model answered {status}"));
        }
    }

    /// More of the answer came. Clients leave at the mark of the end, and a test may ask for the cassette before the
    /// model closes: with that mark it is recorded.
    pub(super) async fn push(&mut self, chunk: &[u8]) {
        if self.0.as_mut().is_some_and(|take| take.push(chunk)) {
            self.end().await;
        }
    }

    /// It is not kept.
    pub(super) fn refuse(&mut self, why: &str) {
        if let Some(mut take) = self.0.take() {
            take.drop_it(why.to_owned());
            take.conclude(false);
        }
    }

    /// The answer is whole.
    pub(super) async fn end(&mut self) {
        if let Some(take) = self.0.take() {
            aside(take.bytes, move || take.conclude(false)).await;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let Some(take) = self.0.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if take.bytes > SHORT => {
                drop(runtime.spawn_blocking(move || take.conclude(true)));
            }
            _ => take.conclude(true),
        }
    }
}

impl Take {
    /// Gives up what there is of it.
    fn drop_it(&mut self, why: String) {
        if self.kept.is_ok() {
            self.kept = Err(why);
        }
        (self.events, self.chunks) = (None, Vec::new());
        self.bytes = 0;
    }

    /// Whether this was the mark of the end.
    fn push(&mut self, chunk: &[u8]) -> bool {
        let (request, room) = match std::mem::replace(&mut self.kept, Err(String::new())) {
            Ok(kept) => kept,
            Err(why) => {
                self.kept = Err(why);
                return false;
            }
        };
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let pieces = match &mut self.events {
            Some(events) => events.push(chunk),
            None => Vec::new(),
        };
        let cost = TIMES * chunk.len() + PIECE * pieces.len();
        match room.and(cost) {
            Ok(room) => self.kept = Ok((request, room)),
            Err(why) => {
                self.kept = Err(why);
                self.drop_it(String::new());
                return false;
            }
        }
        self.bytes += chunk.len();
        if self.events.is_none() {
            match self.chunks.first_mut() {
                Some((_, body)) => body.extend_from_slice(chunk),
                None => self.chunks.push((ms, chunk.to_vec())),
            }
            return false;
        }
        let done = pieces.iter().any(|piece| is_done(piece));
        self.chunks
            .extend(pieces.into_iter().map(|piece| (ms, piece)));
        done
    }

    /// Keeps it, or says why not. `left` by its client, it is whole only if it said why it ends.
    fn conclude(mut self, left: bool) {
        let rest = self.events.as_mut().and_then(Events::rest);
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.chunks.extend(rest.map(|rest| (ms, rest)));
        let (cassette, n) = (Arc::clone(&self.cassette), self.n);
        match self.entry(left) {
            Ok((entry, share)) => cassette.record(n, entry, share),
            Err(why) => cassette.refuse(n, &why),
        }
    }

    fn entry(self, left: bool) -> Result<(Entry, Share), String> {
        let (request, share) = self.kept?;
        let mut chunks = Vec::with_capacity(self.chunks.len());
        let mut done = self.events.is_none() && !left;
        for (ms, bytes) in self.chunks {
            done |= is_done(&bytes);
            let text = String::from_utf8(bytes).map_err(|_| "the answer is not UTF-8")?;
            let text = self.secrets.removed(&text);
            chunks.push(Chunk { ms, text });
        }
        let (said, hidden) = Readable::by(chunks.iter().map(|chunk| chunk.text.as_str()));
        if !done && said.finish_reason.is_none() {
            return Err(match left {
                true => "the client left before the answer's end".to_owned(),
                false => "the answer has no end: no finish_reason, no [DONE]".to_owned(),
            });
        }
        let spells = |text: &String| self.secrets.removed(text) != *text;
        let mut calls = said.tools.iter();
        if spells(&said.text) || spells(&hidden) || calls.any(|call| spells(&call.arguments)) {
            return Err("it spells out a key, piece by piece".to_owned());
        }
        let key = canon::key(&request);
        let content_type = self.content_type;
        let entry = Entry {
            key,
            request,
            content_type,
            said,
            chunks,
        };
        Ok((entry, share))
    }
}

/// Whether an event is a stream's mark of the end. Longer ones are not looked at.
fn is_done(event: &[u8]) -> bool {
    let text = std::str::from_utf8(event).ok().filter(|_| event.len() < 64);
    text.is_some_and(|text| sse::data(text).as_deref() == Some("[DONE]"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::budget::Budget;

    /// What becomes of an answer that comes in such chunks, where there are so many bytes of room: the entries' texts,
    /// and why there are none.
    async fn recorded(kind: &str, chunks: &[&[u8]], room: usize) -> (Vec<String>, Value) {
        let budget = Budget::new(room);
        let cassette = Arc::new(CassetteState::recording("test", budget.take(0).unwrap()));
        let kept = budget.take(0).map(|room| (json!({}), room));
        let mut recorder = Recorder::new(Arc::clone(&cassette), 1, Secrets::default(), kept);
        recorder.begins(StatusCode::OK, kind);
        for chunk in chunks {
            recorder.push(chunk).await;
        }
        recorder.end().await;
        drop(recorder);
        let file: Value = serde_json::from_str(&cassette.file()).unwrap();
        let entries = file["entries"].as_array().unwrap().iter();
        let chunks = entries.flat_map(|entry| entry["chunks"].as_array().unwrap());
        let texts = chunks.map(|chunk| chunk["text"].as_str().unwrap().to_owned());
        let report: Value = serde_json::from_str(&cassette.report()).unwrap();
        (texts.collect(), report["refused"].clone())
    }

    const DONE: &[u8] = b"data: [DONE]\n\n";

    #[tokio::test]
    async fn room_is_taken_as_bytes_come() {
        let bytes = [b'x'; 1000];
        let chunks = [&bytes[..], b"\n\n", DONE];
        let cost = TIMES * (1002 + DONE.len()) + 2 * PIECE;
        let (texts, _) = recorded("text/event-stream", &chunks, cost).await;
        assert_eq!(texts.concat().as_bytes(), chunks.concat());
        let (texts, refused) = recorded("text/event-stream", &chunks, cost - 1).await;
        assert_eq!(texts, [""; 0]);
        let why = refused[0].as_str().unwrap();
        assert!(why.contains(&format!("limit of {}", cost - 1)), "{why}");
    }

    /// The 100 MB without a line's end that took 80 s.
    #[tokio::test]
    async fn many_bytes_without_an_end_cost_their_bytes() {
        let bytes = vec![b'x'; 16 * 1024];
        for kind in ["text/event-stream", "application/json"] {
            let budget = Budget::new(usize::MAX);
            let cassette = CassetteState::recording("test", budget.take(0).unwrap());
            let kept = budget.take(0).map(|room| (json!({}), room));
            let mut recorder = Recorder::new(Arc::new(cassette), 1, Secrets::default(), kept);
            recorder.begins(StatusCode::OK, kind);
            let began = Instant::now();
            for _ in 0..1500 {
                recorder.push(&bytes).await;
            }
            // A second; where each chunk costs all that came before it, minutes.
            let took = began.elapsed();
            assert!(took < Duration::from_secs(20), "{kind}: {took:?}");
            recorder.refuse("it was enough");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

        /// Whatever comes is kept as it came or refused, however it was cut.
        #[test]
        fn anything_is_kept_or_refused(
            events in proptest::collection::vec(r#"(data|error)?:? ?[{}"\[\]a-zé\\:\n]{0,30}"#, 0..6),
            size in 1_usize..40,
            done in proptest::bool::ANY,
        ) {
            let mut text: String = events.iter().map(|event| format!("{event}\n\n")).collect();
            if done {
                text += "data: [DONE]\n\n";
            }
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let recording = recorded("text/event-stream", &chunks, usize::MAX);
            let (texts, refused) = runtime.block_on(recording);
            match done {
                true => assert_eq!(texts.concat(), text),
                false => assert!(refused[0].as_str().unwrap().contains("no end"), "{refused}"),
            }
        }
    }
}
