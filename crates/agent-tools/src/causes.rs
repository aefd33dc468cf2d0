//! What stands behind an error of the MCP library.

use std::error::Error;

use rmcp::{
    ServiceError,
    service::ClientInitializeError,
    transport::{DynamicTransportError, streamable_http_client::StreamableHttpError},
};

use crate::{refusal::HttpError, wire};

/// An error and what is behind it, also where the library does not say that something is.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        behind(error).or_else(|| error.source())
    })
}

/// What an error that only wraps another one wraps.
fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(ClientInitializeError::TransportError { error, .. }) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(ServiceError::TransportSend(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(error) = error.downcast_ref::<DynamicTransportError>() {
        return Some(&*error.error);
    }
    if let Some(HttpError::Failed(error)) = error.downcast_ref() {
        return Some(error);
    }
    match error.downcast_ref() {
        Some(StreamableHttpError::<HttpError>::Client(error)) => Some(error),
        _ => None,
    }
}

/// Whether something came in place of an answer.
pub(crate) fn answered(error: &(dyn Error + 'static)) -> bool {
    let mut told = chain(error).filter_map(|link| link.downcast_ref::<HttpError>());
    told.any(|error| !matches!(error, HttpError::Failed(_)))
}

/// What a server says that refuses the handshake, or what it answered to it instead.
pub(crate) fn refusal(error: &ClientInitializeError) -> Option<String> {
    match error {
        ClientInitializeError::JsonRpcError(error) => {
            Some(format!("refuses to be asked: {}", wire::words(error)))
        }
        ClientInitializeError::ExpectedInitResult(result) => {
            let result = serde_json::to_string(result).unwrap_or_default();
            Some(format!("does not speak MCP: its first answer is {result}"))
        }
        _ => None,
    }
}

/// All that an error has to say, each thing once. Wrappers only name types.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let links = chain(error).filter(|error| behind(*error).is_none());
    for link in links.map(ToString::to_string) {
        if text.is_empty() {
            text = link;
        } else if !text.contains(&link) {
            text = format!("{text}: {link}");
        }
    }
    text
}
