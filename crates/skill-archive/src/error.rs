//! Why a skill is refused.

use std::{io, path::PathBuf};

/// A skill that is refused, or that could not be read or written. The sentence says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SkillError {
    /// It is no zip file, or a broken one.
    #[error("not a readable zip file: {0}")]
    Broken(String),
    /// The zip file itself is too large.
    #[error("the zip file has {bytes} bytes; at most {limit} are allowed")]
    TooLarge {
        /// What it has.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// What was packed is too large to be sent.
    #[error(
        "packed, the skill has {bytes} bytes; at most {limit} can be sent. Its largest files: {largest}"
    )]
    TooLargeToSend {
        /// What it has.
        bytes: usize,
        /// What it may have.
        limit: usize,
        /// Names and sizes.
        largest: String,
    },
    /// It would unpack to too much.
    #[error("unpacked, the skill has more than {limit} bytes")]
    Unpacked {
        /// What it may have.
        limit: u64,
    },
    /// It unpacks to far more than its own size, as bombs do.
    #[error("the zip file unpacks to more than {limit} times its own size")]
    Ratio {
        /// What it may grow by.
        limit: u64,
    },
    /// Too many entries.
    #[error("the skill has more than {limit} files and folders")]
    TooMany {
        /// How many it may have.
        limit: usize,
    },
    /// There is no SKILL.md where it must be.
    #[error("there is no SKILL.md at the root{0}")]
    NoSkillMd(String),
    /// What is to be packed is no folder.
    #[error("{} is a file, not a folder: {to_do}", path.display())]
    NoFolder {
        /// What it is.
        path: PathBuf,
        /// What to name in its place.
        to_do: &'static str,
    },
    /// SKILL.md is there and no good.
    #[error("SKILL.md {0}")]
    BadSkillMd(String),
    /// An entry that is not allowed.
    #[error("{name:?} {why}")]
    Entry {
        /// Which.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl SkillError {
    /// Whether the skill is at fault, and not the machine that reads it.
    #[must_use]
    pub fn is_of_the_skill(&self) -> bool {
        !matches!(self, Self::Io { .. })
    }

    pub(crate) fn entry(name: &str, why: impl Into<String>) -> Self {
        Self::Entry {
            name: name.to_owned(),
            why: why.into(),
        }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
