//! What is wrong with a project, and where.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::types::PROJECT_FILE;

/// A place in a file, both numbers counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named or found.
    pub file: PathBuf,
    /// Where in it.
    pub at: Place,
    /// What is wrong and, where it is not plain, what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, Place { line, column }) = (self.file.display(), self.at);
        write!(f, "{file}:{line}:{column}: {}", self.message)
    }
}

/// How many problems are shown; more help nobody.
const SHOWN: usize = 100;

/// How many are looked for: whoever made a file of a million mistakes does not wait for all.
const MOST: usize = 1_000;

/// Everything that is wrong with a project, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Files stay in the order in which they were read, each sorted by place.
    pub(super) fn of(mut problems: Vec<Problem>) -> Self {
        let mut order: Vec<PathBuf> = Vec::new();
        for problem in &problems {
            if !order.contains(&problem.file) {
                order.push(problem.file.clone());
            }
        }
        problems.sort_by_key(|p| (order.iter().position(|f| *f == p.file), p.at));
        problems.dedup();
        Self(problems)
    }

    /// The same problems with paths relative to `folder` where they are inside it.
    #[must_use]
    pub fn relative_to(mut self, folder: &Path) -> Self {
        for problem in &mut self.0 {
            if let Ok(short) = problem.file.strip_prefix(folder) {
                problem.file = short.to_owned();
            }
        }
        self
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().take(SHOWN).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        match self.0.len() {
            n if n >= MOST => write!(f, "\nand more"),
            n if n > SHOWN => write!(f, "\nand {} more", n - SHOWN),
            _ => Ok(()),
        }
    }
}

/// Why there is no project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// No project file in the folder or above it.
    #[error("no {} in {} or any folder above it", PROJECT_FILE, .0.display())]
    NoProject(PathBuf),
    /// The file that was named is not there.
    #[error("{} does not exist or is not a file", .0.display())]
    Missing(PathBuf),
    /// The project's files are wrong.
    #[error("{0}")]
    Problems(Problems),
}

/// The problems of one file, while it is read.
pub(super) struct Report<'a> {
    pub(super) file: &'a Path,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Report<'_> {
    pub(super) fn add(&mut self, at: Place, message: impl Into<String>) {
        if self.problems.len() >= MOST {
            return;
        }
        self.problems.push(Problem {
            file: self.file.to_owned(),
            at,
            message: message.into(),
        });
    }
}
