//! Environments.

use stigmer_api::environment::Environment;

use super::{lifecycle::take_out, references};
use crate::{error::Result, store::Tx};

/// Deletes an environment that no instance refers to.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &str) -> Result<Environment> {
    let environment: Environment = tx.view().named_by("resource_id", id)?;
    references::no_instance_has(tx.view(), &environment)?;
    take_out(tx, &environment)?;
    Ok(environment)
}
