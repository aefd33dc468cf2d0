//! Secrets that come back in requests as they were shown in answers, and values that are none.

use stigmer_api::{
    executioncontext::ExecutionValue,
    layers::Variables,
    secret,
    validate::{Violation, Violations},
};

use super::entity::Entity;
use crate::error::{Error, Result};

/// Refuses what stands for a secret in answers as a value.
pub(super) fn refuse_redacted<R: Entity>(resource: &mut R) -> Result<()> {
    Ok(secret::keep(resource, None)?)
}

/// Puts the secrets of `old` where `new` has what stands for them.
pub(super) fn keep_secrets<R: Entity>(new: &mut R, old: &mut R) -> Result<()> {
    Ok(secret::keep(new, Some(old))?)
}

/// Refuses variables without a value, which the contract does not know.
pub(super) fn refuse_empty<R: Entity>(variables: &Variables) -> Result<()> {
    let empty = |(name, value): (&String, &ExecutionValue)| {
        value.value.is_empty().then(|| Violation {
            field: format!("{}[{name}]", R::VARIABLES),
            message: "must not be empty: give a value, or leave the variable out".to_owned(),
        })
    };
    let empty: Vec<Violation> = variables.iter().filter_map(empty).collect();
    if empty.is_empty() {
        return Ok(());
    }
    Err(Error::Broken(Violations(empty)))
}
