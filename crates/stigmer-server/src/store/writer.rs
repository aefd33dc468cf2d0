//! The one thread that writes.

use std::sync::Arc;

use redb::Database;
use tokio::sync::mpsc;

use super::{file::DATA, read::Sealed, seal::Sealer, tx::Tx};
use crate::{
    error::{Error, Result},
    hub::{Event, Hub},
};

/// Does its work in a transaction and returns what to do once it is known whether that
/// transaction is on disk.
pub(super) type Job = Box<dyn FnOnce(&mut Tx<'_>) -> AfterCommit + Send>;
pub(super) type AfterCommit = Box<dyn FnOnce(Result<()>) + Send>;

/// How many requests share a transaction at most: enough to make the flush cheap, few enough
/// that the first of them does not wait long.
const BATCH: usize = 256;

/// Runs jobs until every [`Store`](super::Store) handle is gone.
pub(super) fn run(
    db: &Database,
    sealer: &Arc<Sealer>,
    mut queue: mpsc::UnboundedReceiver<Job>,
    hub: &Hub,
) {
    while let Some(first) = queue.blocking_recv() {
        let mut jobs = vec![first];
        while jobs.len() < BATCH
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        let mut answers = Vec::with_capacity(jobs.len());
        match commit(db, sealer, jobs, &mut answers) {
            Ok(events) => {
                // Subscribers first: whoever reads after its write was answered finds it told.
                events.into_iter().for_each(|event| hub.tell(event));
                answers.into_iter().for_each(|answer| answer(Ok(())));
            }
            Err(error) => {
                let why = error.to_string();
                tracing::error!(why, "a transaction failed");
                let failed = || Err(Error::Storage(why.clone()));
                answers.into_iter().for_each(|answer| answer(failed()));
            }
        }
    }
}

fn commit(
    db: &Database,
    sealer: &Arc<Sealer>,
    jobs: Vec<Job>,
    answers: &mut Vec<AfterCommit>,
) -> Result<Vec<Event>> {
    let transaction = db.begin_write()?;
    let (table, sealer) = (transaction.open_table(DATA)?, Arc::clone(sealer));
    let mut tx = Tx::new(Sealed { table, sealer });
    answers.extend(jobs.into_iter().map(|job| job(&mut tx)));
    let dirty = tx.dirty;
    let events = tx.into_events();
    if dirty {
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok(events)
}
