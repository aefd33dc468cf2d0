//! What a request can fail by, and its gRPC status.

use stigmer_api::{Kind, limits::cut, validate::Violations};
use tonic::{Code, Status};

/// How long a refusal may be, in bytes. It travels in a header, percent-encoded, and clients take
/// headers of 16 kB together.
const MOST_BYTES: usize = 4_000;

/// How much of what a request said is said again.
const ECHO_BYTES: usize = 300;

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

    /// What is told, as it would have to be, is longer than a message may be.
    #[error(
        "validation error: with what is kept of it this has {bytes} bytes; at most {most} can be told"
    )]
    TooLarge { bytes: usize, most: usize },

    /// What is told would take too much of whoever reads it.
    #[error(
        "validation error: with what is kept of it this has too many entries: it would take more than {most} MiB \
         once it was read"
    )]
    TooMany { most: usize },

    /// Whoever asks may not.
    #[error("{0}")]
    Denied(String),

    /// Nothing can be stored at the moment; it will go on by itself.
    #[error("nothing can be stored at the moment: {0}")]
    Unwritable(String),

    #[error("the store failed: {0}")]
    Storage(String),

    /// The database's file could not be read or written.
    #[error("the database failed: {0}")]
    Disk(String),
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn not_found(kind: Kind, what: impl Into<String>) -> Self {
        let what = cut(&what.into(), ECHO_BYTES);
        Self::NotFound { kind, what }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        let message = cut(&message.into(), MOST_BYTES);
        Self::Invalid { field, message }
    }

    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::NotFound,
            Self::AlreadyExists { .. } => Code::AlreadyExists,
            Self::Broken(_)
            | Self::Invalid { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. } => Code::InvalidArgument,
            Self::Precondition(_) => Code::FailedPrecondition,
            Self::Denied(_) => Code::PermissionDenied,
            Self::Unwritable(_) | Self::Disk(_) => Code::Unavailable,
            Self::Storage(_) => Code::Internal,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        if let Error::Storage(why) | Error::Disk(why) = &error {
            tracing::error!(why, "the store failed");
        }
        Self::new(error.code(), cut(&error.to_string(), MOST_BYTES))
    }
}

/// Everything that redb reports is trouble with the file.
macro_rules! storage_errors {
    ($($ty:ty),+) => {
        $(impl From<$ty> for Error {
            fn from(error: $ty) -> Self {
                Self::Disk(error.to_string())
            }
        })+
    };
}
storage_errors!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);

impl From<prost::DecodeError> for Error {
    fn from(error: prost::DecodeError) -> Self {
        Self::Storage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use stigmer_api::limits::{TOLD, TOLD_BYTES};

    use super::*;
    use crate::documented::documented;

    #[test]
    fn the_figures_are_those_of_the_docs() {
        documented(&[format!(
            "| a refusal | {MOST_BYTES} bytes {TOLD} rules one by one {TOLD_BYTES} bytes of a field or a rule {ECHO_BYTES} of a name that is not found |"
        )]);
    }

    #[test]
    fn a_refusal_fits_the_header_that_it_travels_in() {
        for (bytes, cut) in [(MOST_BYTES, false), (MOST_BYTES + 1, true), (1 << 20, true)] {
            // Percent-encoded, each of these takes three times as much.
            let status = Status::from(Error::Precondition("%".repeat(bytes)));
            let told = status.message();
            assert_eq!(told.ends_with(&format!("… ({bytes} bytes)")), cut);
            assert!(3 * told.len() < 16_000, "{}", told.len());
        }
        for (bytes, cut) in [(ECHO_BYTES, false), (ECHO_BYTES + 1, true)] {
            let status = Status::from(Error::not_found(Kind::Agent, "x".repeat(bytes)));
            assert_eq!(status.message().contains('…'), cut);
        }
    }
}
