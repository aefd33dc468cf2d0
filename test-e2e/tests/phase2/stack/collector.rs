//! A collector of the tests' own: it takes what is exported by OTLP over HTTP, and shows it as a tree.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use otlp::messages::opentelemetry::proto::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;
use test_e2e::{Result, ensure};
use tokio::{net::TcpListener, sync::watch};

/// The header that each export carries, and that nothing else may.
pub(super) const HEADER: (&str, &str) = ("x-collector-key", "hush-collector-8814");

/// A span, and the service whose it is.
#[derive(Clone, Debug)]
pub(super) struct Exported {
    pub(super) service: String,
    pub(super) span: Span,
}

impl Exported {
    /// An attribute, as text.
    pub(super) fn attribute(&self, key: &str) -> String {
        let found = self.span.attributes.iter().find(|it| it.key == key);
        found.map(text).unwrap_or_default()
    }
}

fn text(attribute: &KeyValue) -> String {
    let of = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = attribute.value.as_ref().and_then(|it| it.value.as_ref());
    match value {
        Some(Value::ArrayValue(list)) => {
            let values = list.values.iter().filter_map(|it| it.value.as_ref());
            values.map(of).collect::<Vec<_>>().join(",")
        }
        other => other.map(of).unwrap_or_default(),
    }
}

/// What was exported, in its own bytes too.
#[derive(Default)]
struct Taken {
    spans: Vec<Exported>,
    bytes: Vec<u8>,
    refused: Vec<String>,
}

pub(super) struct Collector {
    pub(super) address: String,
    taken: Arc<Mutex<Taken>>,
    more: watch::Receiver<usize>,
}

type Shared = (Arc<Mutex<Taken>>, watch::Sender<usize>);

async fn take(
    State((taken, more)): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    let said = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    if said(HEADER.0) != Some(HEADER.1) || said("content-type") != Some("application/x-protobuf") {
        taken.refused.push(format!("{headers:?}"));
        return (StatusCode::UNAUTHORIZED, Vec::new());
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body.clone()) else {
        taken.refused.push("no message of OTLP".to_owned());
        return (StatusCode::BAD_REQUEST, Vec::new());
    };
    taken.bytes.extend_from_slice(&body);
    for of_service in request.resource_spans {
        let resource = of_service.resource.unwrap_or_default().attributes;
        let service = resource.iter().find(|it| it.key == "service.name");
        let service = service.map(text).unwrap_or_default();
        let spans = of_service.scope_spans.into_iter().flat_map(|it| it.spans);
        taken.spans.extend(spans.map(|span| Exported {
            service: service.clone(),
            span,
        }));
    }
    more.send_replace(taken.spans.len());
    (StatusCode::OK, Vec::new())
}

impl Collector {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let taken = Arc::<Mutex<Taken>>::default();
        let (sender, more) = watch::channel(0);
        let router = Router::new().route("/v1/traces", post(take));
        let router = router.with_state((Arc::clone(&taken), sender));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            taken,
            more,
        })
    }

    /// All that was exported until a span of this name was.
    pub(super) async fn until(&self, name: &str) -> Result<()> {
        let mut more = self.more.clone();
        while !self.spans()?.iter().any(|it| it.span.name == name) {
            more.changed().await?;
        }
        Ok(())
    }

    pub(super) fn spans(&self) -> Result<Vec<Exported>> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(taken.refused.is_empty(), "{:?}", taken.refused);
        Ok(taken.spans.clone())
    }

    /// Whether some bytes of what was exported are these.
    pub(super) fn has_heard(&self, words: &str) -> bool {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut windows = taken.bytes.windows(words.len());
        windows.any(|window| window == words.as_bytes())
    }
}

/// A line a span, those of one parent by their beginning, deeper by two.
pub(super) fn tree(spans: &[Exported]) -> Vec<String> {
    let mut below = BTreeMap::<&[u8], Vec<&Exported>>::new();
    let known = |id: &[u8]| spans.iter().any(|it| it.span.span_id == id);
    for exported in spans {
        let parent = exported.span.parent_span_id.as_slice();
        let parent: &[u8] = if known(parent) { parent } else { &[] };
        below.entry(parent).or_default().push(exported);
    }
    for children in below.values_mut() {
        children.sort_by_key(|it| it.span.start_time_unix_nano);
    }
    let mut lines = Vec::new();
    let mut open: Vec<(usize, &Exported)> = Vec::new();
    let mut push = |open: &mut Vec<_>, depth: usize, id: &[u8]| {
        let children = below.remove(id).unwrap_or_default();
        open.extend(children.into_iter().rev().map(|it| (depth, it)));
    };
    push(&mut open, 0, &[]);
    while let Some((depth, exported)) = open.pop() {
        let name = exported.span.name.rsplit('.').next().unwrap_or_default();
        lines.push(format!(
            "{}{}: {name}",
            "  ".repeat(depth),
            exported.service
        ));
        push(&mut open, depth + 1, &exported.span.span_id);
    }
    lines
}
