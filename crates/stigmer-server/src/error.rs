//! What a request can fail by, and its gRPC status.

use stigmer_api::{Kind, validate::Violations};
use tonic::{Code, Status};

/// Why an operation on the store was refused or failed. A refused one has changed nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{} not found: {what}", kind.as_str())]
    NotFound { kind: Kind, what: String },

    #[error("{} already exists: {slug} ({id})", kind.as_str())]
    AlreadyExists {
        kind: Kind,
        slug: String,
        id: String,
    },

    #[error(transparent)]
    Broken(#[from] Violations),

    /// An argument outside a resource, or a rule that needs stored data.
    #[error("validation error: {field}: {message}")]
    Invalid {
        field: &'static str,
        message: String,
    },

    #[error("{0}")]
    Precondition(String),

    #[error("the store failed: {0}")]
    Storage(String),
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn not_found(kind: Kind, what: impl Into<String>) -> Self {
        let what = what.into();
        Self::NotFound { kind, what }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Invalid { field, message }
    }

    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::NotFound,
            Self::AlreadyExists { .. } => Code::AlreadyExists,
            Self::Broken(_) | Self::Invalid { .. } => Code::InvalidArgument,
            Self::Precondition(_) => Code::FailedPrecondition,
            Self::Storage(_) => Code::Internal,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        if let Error::Storage(why) = &error {
            tracing::error!(why, "the store failed");
        }
        Self::new(error.code(), error.to_string())
    }
}

/// Everything that redb and prost report is trouble with the store itself.
macro_rules! storage_errors {
    ($($ty:ty),+) => {
        $(impl From<$ty> for Error {
            fn from(error: $ty) -> Self {
                Self::Storage(error.to_string())
            }
        })+
    };
}
storage_errors!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    prost::DecodeError
);
