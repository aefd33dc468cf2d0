//! The open database. One that a failed write has spoilt is closed and opened again.

use std::{
    path::Path,
    sync::{PoisonError, RwLock},
};

use redb::{Database, DatabaseError, ReadOnlyTable, ReadableDatabase, WriteTransaction};

use super::file::DATA;
use crate::error::{Error, Result};

/// How much of the file is kept in memory, in bytes; redb would take 1 GiB, more than a container of the server has. The
/// system keeps more of the file, where it has room.
pub(super) const CACHE: usize = 64 << 20;

/// How the database is opened again.
pub(super) type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

pub(super) struct Handle {
    open: Opener,
    db: RwLock<Option<Database>>,
}

impl Handle {
    pub(super) fn new(open: Opener, db: Database) -> Self {
        let db = RwLock::new(Some(db));
        Self { open, db }
    }

    /// Opens the file at `path`, or makes it where there is none.
    pub(super) fn create(path: &Path) -> Result<Database, DatabaseError> {
        Database::builder().set_cache_size(CACHE).create(path)
    }

    /// Opens the file at `path`, which is there: one that is gone, as with a disk that was taken away, is waited for. A new
    /// one in its place would hide all that was stored.
    pub(super) fn opener(path: &Path) -> Opener {
        let path = path.to_owned();
        Box::new(move || Database::builder().set_cache_size(CACHE).open(&path))
    }

    /// The table as it was last committed.
    pub(super) fn read(&self) -> Result<ReadOnlyTable<&'static str, &'static [u8]>> {
        Ok(self.with(Database::begin_read)?.open_table(DATA)?)
    }

    pub(super) fn begin_write(&self) -> Result<WriteTransaction> {
        self.with(Database::begin_write)
    }

    fn with<T, E>(&self, f: impl FnOnce(&Database) -> Result<T, E>) -> Result<T>
    where
        Error: From<E>,
    {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let db = db.as_ref().ok_or_else(closed)?;
        Ok(f(db)?)
    }

    /// Opens it anew: redb does nothing more with a database in which a write has failed.
    pub(super) fn reopen(&self) -> Result<()> {
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // The old one first: two cannot have the file.
        *db = None;
        *db = Some((self.open)()?);
        Ok(())
    }

    /// Closes it, so that the next start finds nothing to mend.
    pub(super) fn close(&self) {
        *self.db.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

pub(super) fn closed() -> Error {
    Error::Unwritable("the database is closed; the log says why".to_owned())
}
