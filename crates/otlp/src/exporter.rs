//! Sends what has ended to the collector, in batches, beside all else.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prost::Message;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};

use crate::{
    collector::Collector,
    messages::opentelemetry::proto::{
        collector::trace::v1::ExportTraceServiceRequest,
        common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
        resource::v1::Resource,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
    settings::Settings,
    span::{QUEUE, Queue},
};

/// How many spans wait at most, as `OpenTelemetry` has it; more are dropped.
const WAITING: usize = 2048;
/// How many go at once, as `OpenTelemetry` has it.
const BATCH: usize = 512;
/// How long a span waits for others.
const DELAY: Duration = Duration::from_secs(1);
/// How long the end of a process waits for what is not exported yet.
pub const END: Duration = Duration::from_secs(1);

/// The conventions that the names of spans and attributes follow.
const CONVENTIONS: &str = "https://opentelemetry.io/schemas/1.41.0";

/// Whom is told what went wrong.
type Warn = Arc<dyn Fn(&str) + Send + Sync>;

/// The export of this process's spans, until it is ended.
pub struct Exporting {
    end: oneshot::Sender<oneshot::Sender<()>>,
    dropped: Arc<AtomicU64>,
    warn: Warn,
}

/// Exports the spans of this process, which calls itself `service`, if the environment says to whom. Of variables that
/// it cannot do, and of the first batch that is not taken, `warn` is told.
///
/// To be called once, within a runtime.
pub fn start(service: &str, warn: fn(&str)) -> Option<Exporting> {
    let settings = match Settings::of(service, |name| env::var(name).ok()) {
        Ok(settings) => settings?,
        Err(why) => {
            warn(&format!("no spans are exported: {why}"));
            return None;
        }
    };
    match begin(settings, Arc::new(warn)) {
        Ok((queue, exporting)) => {
            let _ = QUEUE.set(queue); // once
            Some(exporting)
        }
        Err(why) => {
            warn(&format!("no spans are exported: {why}"));
            None
        }
    }
}

fn begin(settings: Settings, warn: Warn) -> Result<(Queue, Exporting), String> {
    let (spans, waiting) = mpsc::channel(WAITING);
    let (end, asked) = oneshot::channel();
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = Queue {
        spans,
        dropped: Arc::clone(&dropped),
        always: settings.always,
    };
    let mut exporter = Exporter {
        collector: Collector::new(&settings)?,
        resource: settings.resource.into_iter().map(attribute).collect(),
        dropped: Arc::clone(&dropped),
        warn: Some(Arc::clone(&warn)),
    };
    tokio::spawn(async move { exporter.run(waiting, asked).await });
    Ok((queue, Exporting { end, dropped, warn }))
}

impl Exporting {
    /// Exports what has ended, waiting for that no longer than [`END`], and says how many spans were dropped.
    pub async fn end(self) {
        let (done, exported) = oneshot::channel();
        let asked = self.end.send(done).is_ok();
        let in_time = !asked || timeout(END, exported).await.is_ok();
        let dropped = self.dropped.load(Ordering::Relaxed);
        if !in_time {
            let end = END.as_secs();
            (self.warn)(&format!(
                "the last spans were not taken within {end} s and are dropped; before them: {dropped}"
            ));
        } else if dropped > 0 {
            (self.warn)(&format!("spans that were dropped: {dropped}"));
        }
    }
}

struct Exporter {
    collector: Collector,
    resource: Vec<KeyValue>,
    dropped: Arc<AtomicU64>,
    /// Whom the first failure is told.
    warn: Option<Warn>,
}

impl Exporter {
    async fn run(
        &mut self,
        mut waiting: mpsc::Receiver<Span>,
        mut end: oneshot::Receiver<oneshot::Sender<()>>,
    ) {
        let mut batch = Vec::new();
        loop {
            let done = tokio::select! {
                done = &mut end => Some(done),
                () = gather(&mut waiting, &mut batch) => None,
            };
            let Some(done) = done else {
                self.send(std::mem::take(&mut batch)).await;
                continue;
            };
            waiting.close();
            loop {
                while batch.len() < BATCH
                    && let Ok(span) = waiting.try_recv()
                {
                    batch.push(span);
                }
                if batch.is_empty() {
                    break;
                }
                self.send(std::mem::take(&mut batch)).await;
            }
            // Whoever began the export may not wait for its end.
            let _ = done.map(|done| done.send(()));
            return;
        }
    }

    /// A batch that is not taken is dropped: what the collector missed is of less worth than the platform's memory.
    async fn send(&mut self, spans: Vec<Span>) {
        let count = u64::try_from(spans.len()).unwrap_or_default();
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource {
                    attributes: self.resource.clone(),
                    ..Resource::default()
                }),
                scope_spans: vec![ScopeSpans {
                    scope: Some(InstrumentationScope {
                        name: "stigmer".to_owned(),
                        version: env!("CARGO_PKG_VERSION").to_owned(),
                        ..InstrumentationScope::default()
                    }),
                    spans,
                    schema_url: CONVENTIONS.to_owned(),
                }],
                schema_url: CONVENTIONS.to_owned(),
            }],
        };
        let (dropped, why) = match self.collector.take(request.encode_to_vec()).await {
            Ok(0) => return,
            Ok(rejected) => (rejected.min(count), "it rejects some".to_owned()),
            Err(why) => (count, why),
        };
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        if let Some(warn) = self.warn.take() {
            warn(&format!(
                "the collector {} does not take spans: {why}; what it does not take is dropped, and told once",
                self.collector.shown()
            ));
        }
    }
}

/// Waits for a batch: for its first span as long as it takes, for the others [`DELAY`].
async fn gather(waiting: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) {
    if batch.is_empty() && waiting.recv_many(batch, BATCH).await == 0 {
        // Nothing comes any more.
        return std::future::pending().await;
    }
    let until = Instant::now() + DELAY;
    while batch.len() < BATCH {
        let more = waiting.recv_many(batch, BATCH - batch.len());
        if !timeout_at(until, more).await.is_ok_and(|more| more > 0) {
            return;
        }
    }
}

fn attribute((key, value): (String, String)) -> KeyValue {
    KeyValue {
        key,
        value: Some(AnyValue {
            value: Some(Value::StringValue(value)),
        }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests;
