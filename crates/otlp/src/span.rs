//! Spans, which are nothing where none are exported.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use stigmer_api::trace::TraceContext;
use tokio::sync::mpsc;

use crate::messages::opentelemetry::proto::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
    trace::v1::{Span as Message, Status, span::SpanKind, status::StatusCode},
};

/// How many characters a name or an attribute has: some are a stranger's, such as a path or a model's name.
pub(crate) const TEXT: usize = 256;

/// What has ended, on its way to the exporter.
#[derive(Clone)]
pub(crate) struct Queue {
    pub(crate) spans: mpsc::Sender<Message>,
    /// How many spans found no room, or were not taken by the collector.
    pub(crate) dropped: Arc<AtomicU64>,
    /// Whether those are exported too that whoever began their trace does not want.
    pub(crate) always: bool,
}

/// That of this process, once it exports.
pub(crate) static QUEUE: OnceLock<Queue> = OnceLock::new();

/// Whether this process exports spans.
pub fn enabled() -> bool {
    QUEUE.get().is_some()
}

/// On which side of a call a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It stays in the process.
    Internal,
    /// It asks another.
    Client,
    /// It was asked by another.
    Server,
}

/// Something that is under way; it ends with [`Span::end`]. One that is dropped before was cancelled.
#[derive(Default)]
#[must_use = "what is dropped was cancelled"]
pub struct Span(Option<Box<Open>>);

struct Open {
    queue: Queue,
    context: TraceContext,
    message: Message,
}

impl Span {
    /// One that begins now, below `parent`, where spans are exported and `parent` has to do with a trace.
    pub fn begin(kind: Kind, parent: Option<TraceContext>, name: impl FnOnce() -> String) -> Self {
        let begin = || {
            let (queue, parent) = (QUEUE.get()?, parent?);
            Self::open(queue, kind, parent, parent.child(), name)
        };
        Self(begin())
    }

    /// One of an id that whoever is below it can tell by themselves.
    pub fn of_id(
        kind: Kind,
        parent: Option<TraceContext>,
        id: u64,
        name: impl FnOnce() -> String,
    ) -> Self {
        let begin = || {
            let (queue, parent) = (QUEUE.get()?, parent?);
            let context = TraceContext { span: id, ..parent };
            Self::open(queue, kind, parent, context, name)
        };
        Self(begin())
    }

    fn open(
        queue: &Queue,
        kind: Kind,
        parent: TraceContext,
        context: TraceContext,
        name: impl FnOnce() -> String,
    ) -> Option<Box<Open>> {
        let sampled = queue.always || context.sampled;
        let context = TraceContext { sampled, ..context };
        let kind = match kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Client => SpanKind::Client,
            Kind::Server => SpanKind::Server,
        };
        let parent_span_id = match parent.span {
            0 => Vec::new(),
            id => id.to_be_bytes().to_vec(),
        };
        sampled.then(|| {
            Box::new(Open {
                queue: queue.clone(),
                context,
                message: Message {
                    trace_id: context.trace.bytes().to_vec(),
                    span_id: context.span.to_be_bytes().to_vec(),
                    parent_span_id,
                    flags: 1,
                    name: cut(&name()),
                    kind: kind.into(),
                    start_time_unix_nano: nanos(SystemTime::now()),
                    ..Message::default()
                },
            })
        })
    }

    /// Its place, for what is part of it; none where it is not exported.
    pub fn context(&self) -> Option<TraceContext> {
        self.0.as_ref().map(|open| open.context)
    }

    /// Calls it otherwise than at its beginning.
    pub fn rename(&mut self, name: &str) {
        if let Some(open) = &mut self.0 {
            open.message.name = cut(name);
        }
    }

    /// Says more of it. What is empty is left out.
    pub fn text(&mut self, key: &'static str, value: &str) {
        if !value.is_empty() {
            self.set(key, || Value::StringValue(cut(value)));
        }
    }

    /// Says more of it.
    pub fn number(&mut self, key: &'static str, value: impl Into<i64>) {
        let value = value.into();
        self.set(key, || Value::IntValue(value));
    }

    /// Says more of it, as a list of one text. What is empty is left out.
    pub fn one_of(&mut self, key: &'static str, value: &str) {
        if !value.is_empty() {
            let value = || AnyValue {
                value: Some(Value::StringValue(cut(value))),
            };
            self.set(key, || {
                let values = vec![value()];
                Value::ArrayValue(ArrayValue { values })
            });
        }
    }

    fn set(&mut self, key: &'static str, value: impl FnOnce() -> Value) {
        if let Some(open) = &mut self.0 {
            open.message.attributes.push(KeyValue {
                key: key.to_owned(),
                value: Some(AnyValue {
                    value: Some(value()),
                }),
                ..KeyValue::default()
            });
        }
    }

    /// Says that it failed, and by what kind of error: a word that says nothing of what it was about.
    pub fn fail(&mut self, kind: &str) {
        if let Some(open) = &mut self.0 {
            open.message.status = Some(Status {
                code: StatusCode::Error.into(),
                ..Status::default()
            });
        }
        self.text("error.type", kind);
    }

    /// Says that it was otherwise than from its beginning to its end here.
    pub fn lasted(&mut self, from: SystemTime, to: SystemTime) {
        if let Some(open) = &mut self.0 {
            open.message.start_time_unix_nano = nanos(from);
            open.message.end_time_unix_nano = nanos(to);
        }
    }

    /// It has ended.
    pub fn end(mut self) {
        self.send();
    }

    fn send(&mut self) {
        let Some(open) = self.0.take() else {
            return;
        };
        let Open {
            queue, mut message, ..
        } = *open;
        if message.end_time_unix_nano == 0 {
            message.end_time_unix_nano = nanos(SystemTime::now());
        }
        // A collector that is slower than we are must not hold anybody up.
        if queue.spans.try_send(message).is_err() {
            queue.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.fail("cancelled");
            self.send();
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
