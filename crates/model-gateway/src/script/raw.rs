//! An answer as it stands: status, headers and bytes of any kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::piece::Piece;
use crate::canned::{header_map, status_code};

/// An answer as it stands. Nothing is added to it but what a connection needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// Its status.
    pub status: u16,
    /// Its headers; without a content type it has none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Its body, piece by piece.
    pub pieces: Vec<Piece>,
    /// How it ends.
    pub end: End,
}

/// How a raw answer ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// As answers end.
    #[default]
    Complete,
    /// The connection is reset after the last piece.
    Cut,
    /// The connection is closed after the last piece, without the mark of the body's end.
    Close,
    /// It has none: the connection stays until the client leaves or the script is deleted.
    Open,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            status: 200,
            headers: BTreeMap::new(),
            pieces: Vec::new(),
            end: End::default(),
        }
    }
}

impl Raw {
    /// What is wrong with it.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub(super) fn check(&self) -> Result<(), String> {
        status_code(self.status)?;
        header_map(&self.headers)?;
        for (index, piece) in self.pieces.iter().enumerate() {
            let wrong = |why| format!("piece {index}: {why}");
            piece.check(true).map_err(wrong)?;
        }
        Ok(())
    }
}
