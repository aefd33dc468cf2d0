//! A file of people's that is told its places: each of its values has a line.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;

/// A TOML file as it was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Reads one.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn read(path: &Path) -> Result<Arc<Self>, String> {
        let bytes =
            std::fs::read(path).map_err(|error| format!("read {}: {error}", path.display()))?;
        match str::from_utf8(&bytes) {
            Ok(text) => Ok(Self::new(path, text)),
            Err(error) => {
                let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
                Err(format!("{}:{line}: this is no UTF-8 text", path.display()))
            }
        }
    }

    /// One of this text.
    pub(crate) fn new(path: &Path, text: &str) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            text: text.to_owned(),
        })
    }

    /// What it says.
    ///
    /// # Errors
    /// `FILE:LINE: why`.
    pub(crate) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, String> {
        toml::from_str(&self.text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            format!("{}: {}", self.line(start), error.message())
        })
    }

    /// Where a value of it stands: `FILE:LINE`.
    pub(crate) fn at<T>(&self, value: &Spanned<T>) -> String {
        self.line(value.span().start)
    }

    fn line(&self, offset: usize) -> String {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", self.path.display())
    }
}
