//! What a command is part of, and its own span where spans are exported.

use std::sync::OnceLock;

use anyhow::Result;
use otlp::{Exporting, Kind, Span};
use stigmer_api::trace::{TRACEPARENT, TraceContext};
use tonic::{Request, Status, metadata::AsciiMetadataValue, service::Interceptor};

use crate::{failure, output};

/// What requests say that they are part of: the command's span where it has one, else what `TRACEPARENT` says.
static PART_OF: OnceLock<Option<AsciiMetadataValue>> = OnceLock::new();

fn told() -> Option<TraceContext> {
    TraceContext::of(&std::env::var("TRACEPARENT").ok()?)
}

fn metadata(context: TraceContext) -> Option<AsciiMetadataValue> {
    context.to_string().parse().ok()
}

/// A command under way.
pub(crate) struct Traced {
    exporting: Option<Exporting>,
    span: Span,
}

impl Traced {
    /// Begins a command, as part of what `TRACEPARENT` says.
    pub(crate) fn begin(name: &'static str) -> Self {
        let exporting = otlp::start("stigmer", output::warning_line);
        let span = match exporting {
            Some(_) => {
                let part_of = told().unwrap_or_else(TraceContext::root);
                Span::begin(Kind::Internal, Some(part_of), || name.to_owned())
            }
            None => Span::default(),
        };
        if let Some(own) = span.context() {
            let _ = PART_OF.set(metadata(own)); // one command a process
        }
        Self { exporting, span }
    }

    /// Ends it, and exports its span.
    pub(crate) async fn end(self, result: &Result<()>) {
        let Self {
            exporting,
            mut span,
        } = self;
        if let Err(error) = result {
            let code = failure::exit_of(error) as u8;
            span.fail(&code.to_string());
        }
        span.end();
        if let Some(exporting) = exporting {
            exporting.end().await;
        }
    }
}

/// Has requests say what they are part of.
#[derive(Clone, Copy)]
pub(crate) struct PartOf;

impl Interceptor for PartOf {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(own) = PART_OF.get_or_init(|| told().and_then(metadata)) {
            request.metadata_mut().insert(TRACEPARENT, own.clone());
        }
        Ok(request)
    }
}
