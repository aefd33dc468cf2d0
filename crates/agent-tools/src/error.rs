//! What stands between an agent and its tools.

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but a change of the agent, its environment or the server helps.
    Permanent,
    /// Later, or elsewhere, it may work.
    Transient,
}

/// Tools that an agent cannot have. The sentence names the server and says what to do; it holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ToolsError {
    /// Whether trying again can help.
    pub kind: Kind,
    /// What, where, why, and what to do.
    pub message: String,
}

impl ToolsError {
    pub(crate) fn permanent(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Permanent,
            message: message.into(),
        }
    }

    pub(crate) fn transient(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Transient,
            message: message.into(),
        }
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind == Kind::Transient
    }
}
