//! A span for each request that is part of a trace, by `OpenTelemetry`'s conventions for gRPC.
//!
//! A request that is part of none has none: most of those are a runner's, several a second while a model answers.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::future::{BoxFuture, Either, FutureExt};
use http_body::Frame;
use otlp::{Kind, Span};
use prost::bytes::Bytes;
use stigmer_api::trace::{TRACEPARENT, TraceContext};
use tonic::{
    Code, Status,
    body::Body,
    codegen::http::{HeaderMap, HeaderValue, Request, Response},
};
use tower::{Layer, Service};

/// Puts [`Spans`] around a service.
#[derive(Clone, Copy)]
pub(crate) struct SpansLayer;

impl<S> Layer<S> for SpansLayer {
    type Service = Spans<S>;

    fn layer(&self, service: S) -> Spans<S> {
        Spans(service)
    }
}

/// A service whose requests have spans.
#[derive(Clone)]
pub(crate) struct Spans<S>(S);

impl<S, B> Service<Request<B>> for Spans<S>
where
    S: Service<Request<B>, Response = Response<Body>, Future: Send + 'static>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, BoxFuture<'static, Result<Self::Response, Self::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if !otlp::enabled() {
            return self.0.call(request).left_future();
        }
        let told = request.headers().get(TRACEPARENT);
        let part_of = told.and_then(|it| TraceContext::of(it.to_str().ok()?));
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let mut span = Span::begin(Kind::Server, part_of, || method.clone());
        span.text("rpc.system.name", "grpc");
        // What comes of the request is part of its span.
        let own = span.context().map(|it| it.to_string());
        if let Some(own) = own.and_then(|it| HeaderValue::from_str(&it).ok()) {
            request.headers_mut().insert(TRACEPARENT, own);
        }
        let answer = self.0.call(request);
        let mut answering = Answering {
            body: Body::empty(),
            method,
            span: Some(span),
        };
        async move {
            let answer = answer.await?;
            // An answer without a message says at once how the request ended.
            answering.said(answer.headers());
            Ok(answer.map(|body| match answering.span {
                None => body,
                Some(_) => {
                    answering.body = body;
                    Body::new(answering)
                }
            }))
        }
        .boxed()
        .right_future()
    }
}

/// What the conventions call a method that is none of the server's: there are as many names as clients make up.
const OTHER: &str = "_OTHER";

/// An answer, awaited or under way, which ends its span.
struct Answering {
    body: Body,
    method: String,
    span: Option<Span>,
}

impl Answering {
    /// Ends the span, where that is said.
    fn said(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.ended(status.code());
        }
    }

    fn ended(&mut self, code: Code) {
        let Some(mut span) = self.span.take() else {
            return;
        };
        if code == Code::Unimplemented {
            span.rename(OTHER);
            span.text("rpc.method", OTHER);
        } else {
            span.text("rpc.method", &self.method);
        }
        span.text("rpc.response.status_code", name(code));
        if is_fault(code) {
            span.fail(name(code));
        }
        span.end();
    }
}

impl Drop for Answering {
    /// Before the answer's end it is the client that lets go, or the server's own end: no fault.
    fn drop(&mut self) {
        self.ended(Code::Cancelled);
    }
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.said(trailers);
                }
            }
            Some(Err(broken)) => self.ended(broken.code()),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

/// Of the codes, those that the conventions take for a fault of the server and not of its client.
fn is_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// As gRPC writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
