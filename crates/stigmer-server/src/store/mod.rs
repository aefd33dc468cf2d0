//! The store: one embedded transactional file (redb).
//!
//! Writes go through one thread that commits whatever is waiting in one transaction, so that
//! many clients share one flush to disk. A write is answered after its commit: what was
//! answered is there after a crash. Reads see the last commit and never wait for a write.

mod keys;
mod read;
mod tx;
mod writer;

use std::{fs, path::Path, sync::Arc};

use anyhow::Context;
use redb::{Database, ReadableDatabase, TableDefinition};
use tokio::sync::{mpsc, oneshot};

pub(crate) use read::{Outgoing, Page, Read};
pub(crate) use tx::Tx;

use crate::{
    error::{Error, Result},
    hub::Hub,
};

/// All data, under the keys of [`keys`]. The name carries the version of the layout.
const DATA: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("v1");

/// A handle on the store; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    db: Arc<Database>,
    jobs: mpsc::UnboundedSender<writer::Job>,
}

impl Store {
    /// Opens the file at `path`, or makes it with its folders, and starts the writer. Changes of
    /// executions are published to `hub` once they are on disk.
    pub(crate) fn open(path: &Path, hub: Arc<Hub>) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let opened = Database::create(path);
        let db = Arc::new(opened.with_context(|| {
            format!(
                "cannot open the database {} (DB_PATH); is another server using it?",
                path.display()
            )
        })?);
        restrict(path)?;
        // So that readers find the table before the first write.
        let init = db.begin_write()?;
        init.open_table(DATA)?;
        init.commit()?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let writer_db = Arc::clone(&db);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer::run(&writer_db, queue, &hub))
            .context("cannot start the store's writer")?;
        Ok(Self { db, jobs })
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
        f(&table)
    }
}

fn closed() -> Error {
    Error::Storage("its writer has ended; the log says why".to_owned())
}

/// Executions hold secrets: the file is the owner's alone.
fn restrict(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            .with_context(|| format!("cannot restrict {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
