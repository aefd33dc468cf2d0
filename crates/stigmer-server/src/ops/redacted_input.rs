//! Secrets that come back in requests as they were shown in answers, and values that are none.

use std::collections::BTreeMap;

use stigmer_api::{
    executioncontext::ExecutionValue,
    secret::REDACTED,
    validate::{Violation, Violations},
};

use super::entity::Entity;
use crate::error::{Error, Result};

/// Variables by their names.
pub(super) type Variables = BTreeMap<String, ExecutionValue>;

/// Refuses what stands for a secret in answers as a value: a copy of an answer has lost them.
pub(super) fn refuse_redacted<R: Entity>(resource: &mut R) -> Result<()> {
    let mut variables = resource.variables().into_iter();
    match variables.find(|v| v.value == REDACTED) {
        Some(variable) => Err(no_secret::<R>(variable.name)),
        None => Ok(()),
    }
}

fn no_secret<R: Entity>(name: &str) -> Error {
    let field = format!("{}[{name}]", R::VARIABLES);
    let message =
        format!("`{REDACTED}` stands for a stored secret and there is none: give a value");
    Error::Broken(Violations(vec![Violation { field, message }]))
}

/// Puts the secrets of `old` where `new` has what stands for them.
pub(super) fn keep_secrets<R: Entity>(new: &mut R, old: &mut R) -> Result<()> {
    let old = old.variables();
    for variable in new.variables() {
        if variable.value != REDACTED {
            continue;
        }
        let mut kept = old.iter().filter(|v| v.is_secret && variable.is_secret);
        let kept = kept.find(|v| v.name == variable.name);
        let kept = kept.ok_or_else(|| no_secret::<R>(variable.name))?;
        variable.value.clone_from(kept.value);
    }
    Ok(())
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
