//! The store: one embedded transactional file (redb).
//!
//! Writes go through one thread that commits whatever is waiting in one transaction, so that
//! many clients share one flush to disk. A write is answered after its commit: what was
//! answered is there after a crash. Reads see the last commit and never wait for a write.

mod file;
mod handle;
mod keep;
mod key;
mod keys;
mod listing;
mod listings;
mod outgoing;
mod page;
mod read;
mod referrers;
mod seal;
mod size;
mod skills;
mod terms;
mod tx;
mod upgrade;
mod writer;

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, bail};
use redb::{Database, DatabaseError, ReadOnlyTable, ReadableTable, ReadableTableMetadata};
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use keep::Keep;
pub(crate) use keys::{artifact as artifact_key, hash_of_artifact};
pub(crate) use outgoing::Outgoing;
pub(crate) use page::{PAGE_BYTES, Page, Wanted};
pub(crate) use read::Read;
pub(crate) use size::told;
pub(crate) use tx::Tx;

use file::{DATA, restrict};
use handle::{Handle, Opener, closed};
use listings::Listings;
use read::Sealed;
use seal::{Sealer, Stored};
use writer::{Order, Writer};

use crate::{error::Result, hub::Hub};

/// A handle on the store; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    db: Arc<Handle>,
    sealer: Arc<Sealer>,
    listings: Arc<Listings>,
    orders: mpsc::UnboundedSender<Order>,
    writable: watch::Receiver<bool>,
}

impl Store {
    /// Opens the file at `path`, or makes it with its folders, and starts the writer. The key in
    /// `key_file`, made where there is none, seals its secrets. Changes of executions are published
    /// to `hub` once they are on disk.
    pub(crate) fn open(path: &Path, key_file: &Path, hub: Arc<Hub>) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        refuse_lost(path, key_file)?;
        let opened = Handle::create(path);
        Self::open_by(opened, Handle::opener(path), path, key_file, hub)
    }

    /// Goes on with what was `opened`; after a write that failed, with what `open` opens.
    fn open_by(
        opened: Result<Database, DatabaseError>,
        open: Opener,
        path: &Path,
        key_file: &Path,
        hub: Arc<Hub>,
    ) -> anyhow::Result<Self> {
        let in_use = matches!(opened, Err(DatabaseError::DatabaseAlreadyOpen));
        let db = opened.with_context(|| {
            let hint = if in_use {
                "; is another server using it?"
            } else {
                ""
            };
            format!(
                "cannot open the database {} (DB_PATH){hint}",
                path.display()
            )
        })?;
        restrict(path)?;
        let (db, sealer) = unlock(db, path, key_file)?;
        let (db, sealer) = (Arc::new(Handle::new(open, db)), Arc::new(sealer));
        let listings = Arc::new(Listings::new(Arc::clone(&db)));
        let (orders, queue) = mpsc::unbounded_channel();
        let (is_writable, writable) = watch::channel(true);
        let writer = Writer {
            db: Arc::clone(&db),
            sealer: Arc::clone(&sealer),
            listings: Arc::clone(&listings),
            queue,
            hub,
            writable: is_writable,
        };
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .context("cannot start the store's writer")?;
        Ok(Self {
            db,
            sealer,
            listings,
            orders,
            writable,
        })
    }

    /// Whether anything can be stored, as it changes.
    pub(crate) fn writable(&self) -> watch::Receiver<bool> {
        self.writable.clone()
    }

    /// Closes the database after all that was asked before, so that the next start finds nothing to
    /// mend. Whatever is asked later fails.
    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.orders.send(Order::Close(reply)).is_ok() {
            let _ = closed.await;
        }
    }

    /// Runs `f` in a write transaction and answers once it is on disk. When `f` fails, nothing
    /// that it did remains.
    pub(crate) async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: writer::Job = Box::new(move |tx| {
            let result = tx.and_then(|tx| tx.run(f));
            Box::new(move |committed| {
                // Whoever asked may have gone; the work is done all the same.
                let _ = reply.send(committed.and(result));
            })
        });
        self.orders.send(Order::Do(job)).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Runs `f` on the last committed state.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&dyn Read) -> Result<T>) -> Result<T> {
        f(&self.view()?)
    }

    fn view(&self) -> Result<Sealed<ReadOnlyTable<&'static str, &'static [u8]>>> {
        let table = self.db.read()?;
        let sealer = Arc::clone(&self.sealer);
        Ok(Sealed { table, sealer })
    }

    /// A page of the resources that `keep` keeps.
    pub(crate) fn page<R: Stored>(&self, wanted: Wanted, keep: &Keep) -> Result<Page<R>> {
        page::page(&self.listings, || self.view(), wanted, keep)
    }

    /// A page of the children of `parents`, which are of one kind.
    pub(crate) fn page_of_children<R: Stored>(
        &self,
        wanted: Wanted,
        parents: &[String],
    ) -> Result<Page<R>> {
        self.read(|view| page::page_of_children(&self.listings, view, wanted, parents))
    }
}

/// Where and what the check text is sealed as.
const CHECK: (&str, &str, &str) = ("check", "", "the right key opens this");

/// The database with what seals its secrets. A new one gets its check text here, and an old one
/// that never had a key is sealed first.
fn unlock(db: Database, path: &Path, key_file: &Path) -> anyhow::Result<(Database, Sealer)> {
    // So that readers find the table before the first write.
    let init = db.begin_write()?;
    let table = init.open_table(DATA)?;
    let check = table.get(keys::CHECK)?.map(|guard| guard.value().to_vec());
    let is_new = table.is_empty()?;
    drop(table);
    init.commit()?;

    let (id, name, text) = CHECK;
    let shown = (path.display(), key_file.display());
    let Some(check) = check else {
        let sealer = Sealer::new(&key::read_or_make(key_file)?)?;
        let check = sealer.seal(id, name, text)?;
        if !is_new {
            let db = upgrade::run(db, path, &sealer, &check)?;
            return Ok((db, sealer));
        }
        let init = db.begin_write()?;
        init.open_table(DATA)?
            .insert(keys::CHECK, check.as_bytes())?;
        init.commit()?;
        return Ok((db, sealer));
    };
    let Some(key) = key::read(key_file)? else {
        bail!(
            "the secrets in {} are sealed and their key {} is missing: put it back, or name it by STIGMER_SECRETS_KEY_FILE",
            shown.0,
            shown.1
        );
    };
    let sealer = Sealer::new(&key)?;
    let check = String::from_utf8_lossy(&check);
    if sealer.open(id, name, &check).as_deref() != Some(text) {
        bail!(
            "the key in {} (STIGMER_SECRETS_KEY_FILE) is not the one that sealed the secrets in {}",
            shown.1,
            shown.0
        );
    }
    Ok((db, sealer))
}

/// Refuses an empty file that has a key: there were data, and a new database would hide the loss.
fn refuse_lost(path: &Path, key_file: &Path) -> anyhow::Result<()> {
    let is_empty = |m: fs::Metadata| m.is_file() && m.len() == 0;
    if fs::metadata(path).is_ok_and(is_empty) && key_file.exists() {
        bail!(
            "the database {} (DB_PATH) is empty, and its key {} says that it was not: put the database \
             back, or remove both to begin anew",
            path.display(),
            key_file.display()
        );
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
