//! Why an activity failed, and whether trying again can help.

use std::time::Duration;

use temporalio_common::{
    error::ApplicationFailure,
    protos::temporal::api::failure::v1::{Failure, failure::FailureInfo},
};
use temporalio_sdk::{ActivityExecutionError, activities::ActivityError};

/// The execution has ended elsewhere (cancelled, deleted): there is nothing left to do for it.
pub(crate) const GONE: &str = "ExecutionGone";

/// A failure that the next attempt may not meet.
pub(crate) fn transient(kind: &str, why: impl Into<String>) -> ActivityError {
    fail(kind, why.into(), false, None)
}

/// A failure that the next attempt, not before `wait` has passed, may not meet.
pub(crate) fn transient_after(kind: &str, why: impl Into<String>, wait: Duration) -> ActivityError {
    fail(kind, why.into(), false, Some(wait))
}

/// A failure that every attempt would meet.
pub(crate) fn permanent(kind: &str, why: impl Into<String>) -> ActivityError {
    fail(kind, why.into(), true, None)
}

/// In words.
pub(crate) fn words(error: &ActivityError) -> String {
    match error {
        ActivityError::Application(failure) => failure.to_string(),
        other => format!("{other:?}"),
    }
}

/// What kind of failure it is, in a word.
pub(crate) fn kind(error: &ActivityError) -> &str {
    match error {
        ActivityError::Application(failure) => failure.type_name().unwrap_or("_OTHER"),
        _ => "cancelled",
    }
}

/// Whether the server says that the execution has ended elsewhere.
pub(crate) fn is_gone_here(error: &ActivityError) -> bool {
    kind(error) == GONE
}

/// Whether every attempt would meet it.
pub(crate) fn is_permanent(error: &ActivityError) -> bool {
    matches!(error, ActivityError::Application(failure) if failure.is_non_retryable())
}

fn fail(kind: &str, why: String, non_retryable: bool, wait: Option<Duration>) -> ActivityError {
    let failure = ApplicationFailure::builder(anyhow::anyhow!(why))
        .type_name(kind.to_owned())
        .non_retryable(non_retryable)
        .maybe_next_retry_delay(wait)
        .build();
    ActivityError::Application(Box::new(failure))
}

/// The innermost failure of an activity: what the activity itself said, or why Temporal ended it. That of a local activity
/// is in no other.
fn root(error: &ActivityExecutionError) -> Option<&Failure> {
    let mut failure = error.failure()?;
    while let Some(cause) = &failure.cause {
        failure = cause;
    }
    Some(failure)
}

/// In words, for the execution's status.
pub(crate) fn explain(error: &ActivityExecutionError) -> String {
    root(error).map_or_else(|| error.to_string(), |cause| cause.message.clone())
}

/// Whether the execution has ended elsewhere.
pub(crate) fn is_gone(error: &ActivityExecutionError) -> bool {
    let info = root(error).and_then(|cause| cause.failure_info.as_ref());
    matches!(info, Some(FailureInfo::ApplicationFailureInfo(said)) if said.r#type == GONE)
}
