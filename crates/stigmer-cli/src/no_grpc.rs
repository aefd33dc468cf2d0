//! What answers by HTTP/2 and speaks no gRPC: the page of a proxy, say.

use std::task::{Context, Poll};

use tonic::{
    body::Body,
    codegen::{
        BoxFuture, Service, StdError,
        http::{Request, Response, StatusCode, header::CONTENT_TYPE},
    },
    transport::Channel,
};

/// An answer that is none of gRPC.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("what answers there speaks no gRPC (HTTP {}{})", .status.as_u16(), .kind.as_deref().map(|it| format!(", {it}")).unwrap_or_default())]
pub(crate) struct NoGrpc {
    status: StatusCode,
    /// What the answer says that it is.
    kind: Option<String>,
}

/// Refuses what is no answer of gRPC: read as one, a page's first letter is the flag of a compression that nobody knows.
fn check<B>(answer: &Response<B>) -> Result<(), NoGrpc> {
    let headers = answer.headers();
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
    let is_grpc = match &kind {
        Some(kind) => {
            let rest = kind.strip_prefix("application/grpc");
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';', ' ']))
        }
        None => answer.status() == StatusCode::OK,
    };
    // Who says how the call ended speaks gRPC, whatever else it says.
    if is_grpc || headers.contains_key("grpc-status") {
        return Ok(());
    }
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().to_owned());
    let status = answer.status();
    Err(NoGrpc { status, kind })
}

/// A connection whose answers are gRPC's or errors.
#[derive(Clone, Debug)]
pub(crate) struct GrpcAlone(pub(crate) Channel);

impl Service<Request<Body>> for GrpcAlone {
    type Response = Response<Body>;
    type Error = StdError;
    type Future = BoxFuture<Self::Response, StdError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            check(&answer)?;
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(status: u16, headers: &[(&str, &str)]) -> Option<String> {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let refused = answer.body(()).ok().map(|answer| check(&answer));
        refused?.err().map(|why| why.to_string())
    }

    #[test]
    fn answers_of_grpc_pass() {
        for kind in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc; charset=utf-8",
        ] {
            assert_eq!(checked(200, &[("content-type", kind)]), None, "{kind}");
        }
        assert_eq!(checked(200, &[]), None);
        let said = [("content-type", "text/plain"), ("grpc-status", "14")];
        assert_eq!(checked(503, &said), None);
    }

    #[test]
    fn others_are_told_by_what_they_are() {
        for (status, kind, told) in [
            (
                502,
                Some("text/html; charset=utf-8"),
                "(HTTP 502, text/html)",
            ),
            (200, Some("text/html"), "(HTTP 200, text/html)"),
            (
                200,
                Some("application/grpc-web"),
                "(HTTP 200, application/grpc-web)",
            ),
            (302, None, "(HTTP 302)"),
        ] {
            let headers: Vec<_> = kind
                .map(|kind| ("content-type", kind))
                .into_iter()
                .collect();
            let said = checked(status, &headers).unwrap_or_default();
            assert_eq!(said, format!("what answers there speaks no gRPC {told}"));
        }
    }
}
