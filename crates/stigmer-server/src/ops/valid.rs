//! What was found good before the store's one writer gets it, so that nobody waits while the request
//! of another is looked at.

use std::ops::Deref;

use stigmer_api::{
    agentexecution::{AgentExecutionStatus, AgentExecutionUpdateStatusInput},
    validate::{Validate, report},
};

use crate::error::{Error, Result};

/// A resource that keeps the rules of the contract.
pub(crate) struct Valid<R>(R);

impl<R: Validate> Valid<R> {
    /// # Errors
    /// The rules that it breaks.
    pub(crate) fn new(resource: R) -> Result<Self> {
        resource.validate()?;
        Ok(Self(resource))
    }

    pub(super) fn into_inner(self) -> R {
        self.0
    }

    /// To fill in what may be left out.
    pub(super) fn as_mut(&mut self) -> &mut R {
        &mut self.0
    }
}

impl<R> Deref for Valid<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.0
    }
}

/// A runner's report with nothing in it that nobody could read.
pub(crate) struct Report {
    pub(super) execution: String,
    pub(super) status: AgentExecutionStatus,
}

impl Report {
    /// # Errors
    /// The rules that it breaks.
    pub(crate) fn new(input: AgentExecutionUpdateStatusInput) -> Result<Self> {
        let status = input.status;
        let status = status.ok_or_else(|| Error::invalid("status", "is required"))?;
        report::check(&status)?;
        let execution = input.execution_id;
        Ok(Self { execution, status })
    }

    /// What the server itself has to say, in words and numbers of its own.
    pub(crate) fn of_our_own(execution: &str, status: AgentExecutionStatus) -> Self {
        let execution = execution.to_owned();
        Self { execution, status }
    }
}
