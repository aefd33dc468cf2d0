//! The store: one embedded transactional file (redb).
//!
//! Writes go through one thread that commits whatever is waiting in one transaction, so that
//! many clients share one flush to disk. A write is answered after its commit: what was
//! answered is there after a crash. Reads see the last commit and never wait for a write.

mod file;
mod key;
mod keys;
mod outgoing;
mod page;
mod read;
mod seal;
mod skills;
mod tx;
mod upgrade;
mod writer;

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, bail};
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata};
use tokio::sync::{mpsc, oneshot};

pub(crate) use keys::{artifact as artifact_key, hash_of_artifact};
pub(crate) use outgoing::Outgoing;
pub(crate) use page::{Page, Wanted};
pub(crate) use read::Read;
pub(crate) use tx::Tx;

use file::{DATA, restrict};
use read::Sealed;
use seal::Sealer;

use crate::{
    error::{Error, Result},
    hub::Hub,
};

/// A handle on the store; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    db: Arc<Database>,
    sealer: Arc<Sealer>,
    jobs: mpsc::UnboundedSender<writer::Job>,
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
        let opened = Database::create(path);
        let db = opened.with_context(|| {
            format!(
                "cannot open the database {} (DB_PATH); is another server using it?",
                path.display()
            )
        })?;
        restrict(path)?;
        let (db, sealer) = unlock(db, path, key_file)?;
        let (db, sealer) = (Arc::new(db), Arc::new(sealer));
        let (jobs, queue) = mpsc::unbounded_channel();
        let (writer_db, writer_sealer) = (Arc::clone(&db), Arc::clone(&sealer));
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer::run(&writer_db, &writer_sealer, queue, &hub))
            .context("cannot start the store's writer")?;
        Ok(Self { db, sealer, jobs })
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
            let result = tx.run(f);
            Box::new(move |committed| {
                // Whoever asked may have gone; the work is done all the same.
                let _ = reply.send(committed.and(result));
            })
        });
        self.jobs.send(job).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Runs `f` on the last committed state.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&dyn Read) -> Result<T>) -> Result<T> {
        let table = self.db.begin_read()?.open_table(DATA)?;
        let sealer = Arc::clone(&self.sealer);
        f(&Sealed { table, sealer })
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

fn closed() -> Error {
    Error::Storage("its writer has ended; the log says why".to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
