//! The one thread that writes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    file::DATA, handle::Handle, keys, listings::Listings, read::Sealed, seal::Sealer, tx::Tx,
};
use crate::{
    error::{Error, Result},
    hub::{Event, Hub},
};

/// Does its work in a transaction, or hears why there is none, and returns what to do once it is
/// known whether that transaction is on disk.
pub(super) type Job = Box<dyn FnOnce(Result<&mut Tx<'_>>) -> AfterCommit + Send>;
pub(super) type AfterCommit = Box<dyn FnOnce(Result<()>) + Send>;

/// What the writer is asked.
pub(super) enum Order {
    Do(Job),
    /// Close the database and end.
    Close(oneshot::Sender<()>),
}

/// How many requests share a transaction at most: enough to make the flush cheap, few enough
/// that the first of them does not wait long.
const BATCH: usize = 256;

/// How often a store that cannot be written is tried again. Nothing tells us when a disk has room.
pub(super) const RETRY: Duration = Duration::from_millis(250);

pub(super) struct Writer {
    pub(super) db: Arc<Handle>,
    pub(super) sealer: Arc<Sealer>,
    pub(super) listings: Arc<Listings>,
    pub(super) queue: mpsc::UnboundedReceiver<Order>,
    pub(super) hub: Arc<Hub>,
    /// Whether anything can be stored, for who is asked for the server's health.
    pub(super) writable: watch::Sender<bool>,
}

impl Writer {
    /// Runs jobs until it is told to close, or every [`Store`](super::Store) handle is gone.
    pub(super) fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let mut close = None;
            let mut jobs = Vec::new();
            let mut next = Some(first);
            while let Some(order) = next {
                match order {
                    Order::Do(job) => jobs.push(job),
                    Order::Close(reply) => close = Some(reply),
                }
                let more = jobs.len() < BATCH && close.is_none();
                next = more.then(|| self.queue.try_recv().ok()).flatten();
            }
            let mut answers = Vec::with_capacity(jobs.len());
            let done = catch_unwind(AssertUnwindSafe(|| self.commit(jobs, &mut answers)));
            let done = done.unwrap_or_else(|_| Err("a request's work panicked".to_owned()));
            match done {
                Ok(events) => {
                    // Subscribers first: whoever reads after its write was answered finds it told.
                    events.into_iter().for_each(|event| self.hub.tell(event));
                    answers.into_iter().for_each(|answer| answer(Ok(())));
                }
                Err(why) => {
                    let failed = || Err(Error::Unwritable(why.clone()));
                    answers.into_iter().for_each(|answer| answer(failed()));
                    if close.is_none() {
                        close = self.mend(&why);
                    }
                }
            }
            if let Some(reply) = close {
                self.db.close();
                let _ = reply.send(());
                return;
            }
        }
    }

    /// The events of the jobs once they are on disk; else why nothing is.
    fn commit(&self, jobs: Vec<Job>, answers: &mut Vec<AfterCommit>) -> Result<Vec<Event>, String> {
        let transaction = self.db.begin_write().map_err(|e| e.to_string())?;
        let table = transaction.open_table(DATA).map_err(|e| e.to_string())?;
        let sealer = Arc::clone(&self.sealer);
        let mut tx = Tx::new(Sealed { table, sealer });
        answers.extend(jobs.into_iter().map(|job| job(Ok(&mut tx))));
        let (dirty, failed) = (tx.dirty, tx.failed.take());
        let changed = std::mem::take(&mut tx.changed);
        let events = tx.into_events();
        // What comes after the first failure only says that there was one.
        if let Some(why) = failed {
            let _ = transaction.abort();
            return Err(why);
        }
        if dirty {
            transaction.commit().map_err(|e| e.to_string())?;
            self.listings.follow(&changed);
        } else {
            transaction.abort().map_err(|e| e.to_string())?;
        }
        Ok(events)
    }

    /// Refuses all that comes, with the reason, until the database can be written again. Returns who
    /// asked to close it in the meantime.
    fn mend(&mut self, why: &str) -> Option<oneshot::Sender<()>> {
        tracing::error!(why, "nothing can be stored; trying again until it can");
        self.writable.send_replace(false);
        let mut told = why.to_owned();
        loop {
            let why = match self.reopen().and_then(|()| self.probe()) {
                Ok(()) => break,
                Err(error) => error.to_string(),
            };
            // Reads are refused with no more than that the log says why.
            if !why.ends_with(&told) {
                tracing::error!(why, "still nothing can be stored");
                told.clone_from(&why);
            }
            while let Ok(order) = self.queue.try_recv() {
                match order {
                    Order::Do(job) => {
                        let refused = || Error::Unwritable(why.clone());
                        job(Err(refused()))(Err(refused()));
                    }
                    Order::Close(reply) => return Some(reply),
                }
            }
            if self.queue.is_closed() && self.queue.is_empty() {
                return None;
            }
            std::thread::sleep(RETRY);
        }
        tracing::info!("the database can be written again");
        self.writable.send_replace(true);
        None
    }

    /// Opens the database anew, in which what failed to be committed may be or not.
    fn reopen(&self) -> Result<()> {
        self.db.reopen()?;
        self.listings.forget();
        Ok(())
    }

    /// Whether something can be written.
    fn probe(&self) -> Result<()> {
        let transaction = self.db.begin_write()?;
        transaction.open_table(DATA)?.insert(keys::PROBE, &[][..])?;
        transaction.commit()?;
        Ok(())
    }
}
