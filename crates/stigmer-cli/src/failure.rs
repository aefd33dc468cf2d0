//! What can go wrong, in words for people and exit codes for scripts.

use std::{
    error::Error,
    io::{self, ErrorKind},
    process::ExitCode,
    time::Duration,
};

use anyhow::Chain;
use tonic::{Code, Status};

use crate::no_grpc::NoGrpc;

/// The exit codes other than 0; `stigmer --help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    Unreachable = 4,
    Interrupted = 130,
    /// Nobody reads on, as in `| head`; what a process has that SIGPIPE ended.
    Pipe = 141,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error with an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    text: String,
}

impl Failure {
    pub(crate) fn with(exit: Exit, text: impl Into<String>) -> anyhow::Error {
        let text = text.into();
        Self { exit, text }.into()
    }

    pub(crate) fn failed(text: impl Into<String>) -> anyhow::Error {
        Self::with(Exit::Failed, text)
    }

    pub(crate) fn usage(text: impl Into<String>) -> anyhow::Error {
        Self::with(Exit::Usage, text)
    }

    pub(crate) fn not_found(text: impl Into<String>) -> anyhow::Error {
        Self::with(Exit::NotFound, text)
    }
}

pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.exit;
        }
        if let Some(error) = cause.downcast_ref::<io::Error>()
            && error.kind() == ErrorKind::BrokenPipe
        {
            return Exit::Pipe;
        }
    }
    Exit::Failed
}

/// No server for `error`; `heard` says whether it has answered anything before.
pub(crate) fn unreachable(
    address: &str,
    error: &(dyn Error + 'static),
    heard: bool,
) -> anyhow::Error {
    let why = innermost(error);
    let mut to_do = "start it, or name another one with --server or STIGMER_SERVER_ADDR".to_owned();
    let no_grpc = Chain::new(error).any(|cause| cause.is::<NoGrpc>());
    if !heard && !no_grpc && !is_nobody(error) {
        let there = match address.split_once("://") {
            Some(("https", _)) if why.starts_with("invalid peer certificate") => {
                "its certificate is not trusted: SSL_CERT_FILE names a file with its authority"
                    .to_owned()
            }
            // ALPN of a server that has no HTTP/2, or what it took without saying.
            Some(("https", _))
                if why.contains("NoApplicationProtocol") || why.starts_with("HTTP/2 was not") =>
            {
                "what answers there speaks TLS and no HTTP/2, and so no gRPC".to_owned()
            }
            Some(("https", _)) if why.starts_with("received fatal alert") => {
                "what answers there speaks TLS, and refused this connection".to_owned()
            }
            Some(("https", rest)) => {
                format!("what answers there may speak no TLS: then write http://{rest}")
            }
            Some((_, rest)) => {
                format!("what answers there may speak TLS: then write https://{rest}")
            }
            None => String::new(),
        };
        to_do = format!("{there}; else {to_do}");
    }
    let text = format!("the server at {address} cannot be reached: {why}\n{to_do}");
    Failure::with(Exit::Unreachable, text)
}

/// Whether nobody is there who could speak another protocol.
fn is_nobody(error: &(dyn Error + 'static)) -> bool {
    Chain::new(error).any(|cause| match cause.downcast_ref::<io::Error>() {
        Some(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::TimedOut
        ),
        None => cause.to_string().starts_with("dns error"),
    })
}

pub(crate) fn too_late(address: &str, limit: Duration) -> anyhow::Error {
    let text = format!(
        "the server at {address} has not answered within {limit:?}; --timeout sets how long to wait"
    );
    Failure::with(Exit::Unreachable, text)
}

/// The innermost cause: the outer ones only say that transport failed.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A status of the server in plain words; `heard` as in [`unreachable`].
pub(crate) fn of_status(status: &Status, address: &str, heard: bool) -> anyhow::Error {
    if let Some(source) = status.source() {
        return unreachable(address, source, heard);
    }
    let said = status.message();
    let text = |prefix: &str| match said {
        "" => prefix.to_owned(),
        _ => format!("{prefix}: {said}"),
    };
    match status.code() {
        Code::NotFound if said.contains("not found") => Failure::not_found(said),
        Code::NotFound => Failure::not_found(text("not found")),
        Code::InvalidArgument => Failure::failed(text("the server refused this")),
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted if !said.is_empty() => {
            Failure::failed(said)
        }
        Code::Unavailable => {
            let text = text(&format!("the server at {address} is not available"));
            Failure::with(Exit::Unreachable, text)
        }
        Code::DeadlineExceeded | Code::Cancelled => Failure::failed(text("the call was given up")),
        Code::Unimplemented => Failure::failed(text(
            "the server does not know this call; is it older than this command?",
        )),
        Code::Unauthenticated | Code::PermissionDenied => {
            Failure::failed(text("the server does not allow this"))
        }
        code => Failure::failed(text(&format!(
            "the server failed ({})",
            code.description().to_lowercase()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_become_plain_words() {
        let shown: Vec<String> = [
            Status::not_found("Agent not found: x"),
            Status::not_found(""),
            Status::invalid_argument("validation error: spec.message: must not be empty"),
            Status::already_exists("Agent already exists: x (agt-1)"),
            Status::unavailable("shutting down"),
            Status::unimplemented(""),
            Status::internal("the store failed"),
        ]
        .iter()
        .map(|status| {
            let error = of_status(status, "http://h:1", false);
            format!("{} {error}", exit_of(&error) as u8)
        })
        .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        3 Agent not found: x
        3 not found
        1 the server refused this: validation error: spec.message: must not be empty
        1 Agent already exists: x (agt-1)
        4 the server at http://h:1 is not available: shutting down
        1 the server does not know this call; is it older than this command?
        1 the server failed (internal error): the store failed
        ");
    }

    #[test]
    fn a_closed_pipe_is_known_below_any_context() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(exit_of(&error.context("writing")), Exit::Pipe);
    }
}
