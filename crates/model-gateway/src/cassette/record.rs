//! Keeping an exchange with the model as it passes.

use std::{sync::Arc, time::Instant};

use axum::http::{StatusCode, header};
use futures::{StreamExt, stream::unfold};
use serde_json::Value;

use super::{
    canon,
    cassette_state::CassetteState,
    file::{Chunk, Entry},
    readable::Readable,
    registry::Cassettes,
    secret::Secrets,
};
use crate::{
    budget::Budget,
    request::ChatRequest,
    response::{ChatResponse, Content},
    sse::{self, Events},
};

/// Passes a request for `replay/NAME/MODEL` on to the model by `live` and keeps the exchange.
pub async fn record(
    cassettes: &Cassettes,
    budget: &Budget,
    (name, model): (&str, &str),
    request: ChatRequest,
    live: impl AsyncFnOnce(ChatRequest) -> ChatResponse,
) -> ChatResponse {
    let original: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let mut request = match request.for_model(model) {
        Ok(request) => request,
        Err(refused) => return *refused,
    };
    let cassette = cassettes.recording(name);
    let secrets = Secrets::of(&request.headers);
    let mut recorder = Recorder {
        n: cassette.ask(model),
        cassette,
        budget: budget.clone(),
        request: canon::canonical(&original, model, &secrets),
        secrets,
        began: Instant::now(),
        content_type: String::new(),
        events: None,
        chunks: Vec::new(),
        trouble: None,
        over: false,
    };
    request.headers.remove(header::ACCEPT_ENCODING); // what is compressed cannot be read
    let response = live(request).await;
    let kind = response.headers.get(header::CONTENT_TYPE);
    recorder.content_type = kind
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if recorder.content_type.starts_with("text/event-stream") {
        recorder.events = Some(Events::default());
    }
    if response.status != StatusCode::OK {
        recorder.trouble = Some(format!("the model answered {}", response.status));
    }
    let Content::Chunks(chunks) = response.content else {
        return response; // the model was not reached
    };
    let state = Some((chunks, recorder));
    let chunks = unfold(state, |state| async move {
        let (mut chunks, mut recorder) = state?;
        match chunks.next().await {
            Some(Ok(chunk)) => {
                recorder.push(&chunk);
                Some((Ok(chunk), Some((chunks, recorder))))
            }
            Some(Err(broken)) => {
                recorder.trouble = Some("the model broke off".to_owned());
                Some((Err(broken), None))
            }
            None => {
                recorder.end();
                None
            }
        }
    });
    ChatResponse {
        content: Content::Chunks(chunks.boxed()),
        ..response
    }
}

/// An exchange that is being recorded.
struct Recorder {
    cassette: Arc<CassetteState>,
    n: usize,
    budget: Budget,
    request: Value,
    secrets: Secrets,
    began: Instant,
    content_type: String,
    /// Where an event ends, if the answer is a stream of them.
    events: Option<Events>,
    chunks: Vec<(u64, Vec<u8>)>,
    /// Why it must not be kept.
    trouble: Option<String>,
    over: bool,
}

impl Recorder {
    fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn push(&mut self, chunk: &[u8]) {
        if self.over || self.trouble.is_some() {
            return;
        }
        let ms = self.ms();
        match &mut self.events {
            Some(events) => {
                let events = events.push(chunk);
                self.chunks
                    .extend(events.into_iter().map(|event| (ms, event)));
            }
            None => match self.chunks.first_mut() {
                Some((_, body)) => body.extend_from_slice(chunk),
                None => self.chunks.push((ms, chunk.to_vec())),
            },
        }
        // Clients leave at the mark of the end, and a test may ask for the cassette before the model closes.
        let last = self
            .chunks
            .last()
            .map(|(_, text)| String::from_utf8_lossy(text));
        if last.is_some_and(|text| sse::data(&text).as_deref() == Some("[DONE]")) {
            self.end();
        }
    }

    /// The answer is whole.
    fn end(&mut self) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let rest = self.events.as_mut().and_then(Events::rest);
        let ms = self.ms();
        self.chunks.extend(rest.map(|rest| (ms, rest)));
        let kept = match self.trouble.take() {
            Some(why) => Err(why),
            None => self.entry().and_then(|entry| {
                let bytes = self.request.to_string().len()
                    + entry
                        .chunks
                        .iter()
                        .map(|chunk| chunk.text.len())
                        .sum::<usize>();
                Ok((entry, self.budget.take(bytes)?))
            }),
        };
        match kept {
            Ok((entry, share)) => self.cassette.record(self.n, entry, share),
            Err(why) => self.cassette.refuse(self.n, &why),
        }
    }

    fn entry(&mut self) -> Result<Entry, String> {
        let mut chunks = Vec::new();
        for (ms, bytes) in self.chunks.drain(..) {
            let text = String::from_utf8(bytes).map_err(|_| "the answer is not UTF-8")?;
            let text = self.secrets.removed(&text);
            chunks.push(Chunk { ms, text });
        }
        let said = Readable::by(chunks.iter().map(|chunk| chunk.text.as_str()));
        let arguments = said.tools.iter().map(|call| &call.arguments);
        let mut spoken = std::iter::once(&said.text).chain(arguments);
        if spoken.any(|text| self.secrets.removed(text) != *text) {
            return Err("it spells out a key, piece by piece".to_owned());
        }
        Ok(Entry {
            key: canon::key(&self.request),
            request: self.request.clone(),
            content_type: self.content_type.clone(),
            said,
            chunks,
        })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // Some models end without the mark; once they said why they end, what is left is nothing.
        let texts: Vec<_> = self
            .chunks
            .iter()
            .map(|(_, text)| String::from_utf8_lossy(text))
            .collect();
        let said = Readable::by(texts.iter().map(AsRef::as_ref));
        if said.finish_reason.is_none() && self.trouble.is_none() {
            self.trouble = Some("the client left before the answer's end".to_owned());
        }
        self.end();
    }
}
