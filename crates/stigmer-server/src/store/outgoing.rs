//! Executions that have not ended, and what Temporal must still be told of them.

use std::ops::ControlFlow;

use super::{keys, read::Read, tx::Tx};
use crate::error::Result;

/// What Temporal must still be told of an execution. There is one note of each at most: who is
/// cancelled before it was started need not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Outgoing {
    Start = 0,
    Cancel = 1,
}

impl dyn Read + '_ {
    /// Executions that have not ended, oldest first.
    pub(crate) fn open_executions(&self) -> Result<Vec<String>> {
        let mut open = Vec::new();
        let prefix = keys::open("");
        self.scan(&prefix, false, &mut |key, _| {
            open.push(key[prefix.len()..].to_owned());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(open)
    }

    /// Whether there is such an execution and it has not ended.
    pub(crate) fn is_open(&self, execution: &str) -> Result<bool> {
        Ok(self.value(&keys::open(execution))?.is_some())
    }

    /// Everything that Temporal must still be told, oldest execution first.
    pub(crate) fn outbox(&self) -> Result<Vec<(String, Outgoing)>> {
        let mut entries = Vec::new();
        self.scan(keys::OUTBOX, false, &mut |key, _| {
            if let Some((id, order)) = key[keys::OUTBOX.len()..].split_once('/') {
                let what = if order == "0" {
                    Outgoing::Start
                } else {
                    Outgoing::Cancel
                };
                entries.push((id.to_owned(), what));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(entries)
    }
}

impl Tx<'_> {
    /// Notes what Temporal must be told of an execution.
    pub(crate) fn send(&mut self, execution: &str, what: Outgoing) -> Result<()> {
        self.set(keys::outgoing(execution, what as u8), &[])
    }

    /// Takes a note back, or off once Temporal was told; whether it was there.
    pub(crate) fn unsend(&mut self, execution: &str, what: Outgoing) -> Result<bool> {
        self.unset(keys::outgoing(execution, what as u8))
    }
}
