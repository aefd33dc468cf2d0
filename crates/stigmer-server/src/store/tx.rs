//! A write transaction as one request sees it: it reads its own writes, and a failed request
//! leaves none, although the transaction under it is shared with other requests.

use std::sync::Arc;

use redb::Table;
use stigmer_api::{Kind, agentexecution::AgentExecution, resource::Resource, secret::REDACTED};

use super::{
    keys,
    read::{Read, Sealed},
    seal::Stored,
    size::{self, LARGEST},
};
use crate::{
    error::{Error, Result},
    hub::Event,
};

/// What an execution that has not ended leaves free, so that its end can always be told.
pub(super) const FOR_THE_END: usize = 64 << 10;

pub(crate) struct Tx<'t> {
    data: Sealed<Table<'t, &'static str, &'static [u8]>>,
    /// What stood under each key before this request changed it, in the order of the changes.
    undo: Vec<(String, Option<Vec<u8>>)>,
    events: Vec<Event>,
    /// The ids of all resources that requests changed, also of those that took it back.
    pub(super) changed: Vec<String>,
    pub(super) dirty: bool,
    /// Why the database failed, where it did: the transaction is lost, whatever else is in it.
    pub(super) failed: Option<String>,
}

impl<'t> Tx<'t> {
    pub(super) fn new(data: Sealed<Table<'t, &'static str, &'static [u8]>>) -> Self {
        let (undo, events) = (Vec::new(), Vec::new());
        Self {
            data,
            undo,
            events,
            changed: Vec::new(),
            dirty: false,
            failed: None,
        }
    }

    pub(super) fn run<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let events = self.events.len();
        self.undo.clear();
        let result = f(self);
        if let Err(error) = &result {
            self.events.truncate(events);
            match error {
                Error::Disk(why) => drop(self.failed.get_or_insert(why.clone())),
                _ => self.roll_back().inspect_err(|e| {
                    self.failed.get_or_insert(e.to_string());
                })?,
            }
        }
        result
    }

    pub(super) fn into_events(self) -> Vec<Event> {
        self.events
    }

    fn roll_back(&mut self) -> Result<()> {
        while let Some((key, old)) = self.undo.pop() {
            match old {
                Some(value) => self.data.table.insert(key.as_str(), value.as_slice())?,
                None => self.data.table.remove(key.as_str())?,
            };
        }
        Ok(())
    }

    /// What is stored, with this request's own changes.
    pub(crate) fn view(&self) -> &dyn Read {
        &self.data
    }

    /// Tells the subscribers, once the transaction is on disk.
    pub(crate) fn publish(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(super) fn set(&mut self, key: String, value: &[u8]) -> Result<()> {
        self.changes(&key);
        let old = self.data.table.insert(key.as_str(), value)?;
        let old = old.map(|guard| guard.value().to_vec());
        self.undo.push((key, old));
        Ok(())
    }

    pub(super) fn unset(&mut self, key: String) -> Result<bool> {
        let old = self.data.table.remove(key.as_str())?;
        let old = old.map(|guard| guard.value().to_vec());
        let found = old.is_some();
        if found {
            self.changes(&key);
            self.undo.push((key, old));
        }
        Ok(found)
    }

    fn changes(&mut self, key: &str) {
        self.dirty = true;
        let id = keys::id_of_resource(key).map(str::to_owned);
        self.changed.extend(id);
    }

    /// Stores `resource` under its id, its secrets sealed; what the caller holds stays as it is.
    ///
    /// # Errors
    /// When no answer could tell it: it would be there, and keep whoever lists it from all others.
    pub(crate) fn put<R: Stored>(&mut self, resource: &mut R) -> Result<()> {
        self.put_up_to(resource, LARGEST)
    }

    fn put_up_to<R: Stored>(&mut self, resource: &mut R, most: usize) -> Result<()> {
        // A secret may be shorter than what stands for it.
        let hidden = resource.variables().len() * REDACTED.len();
        let bytes = resource.encoded_len() + hidden;
        let wire = self.view().sealer().encode(resource)?;
        let key = keys::resource(resource.id());
        if let Err(why) = size::check::<R>(bytes, &wire, most) {
            // What is larger from before there was a limit can still end.
            let old = self.view().value(&key)?.unwrap_or_default();
            let was = size::check::<R>(old.len(), &old, LARGEST);
            if was.is_ok() || wire.len() > old.len() + FOR_THE_END {
                return Err(why);
            }
        }
        self.set(key, &wire)
    }

    /// Stores `resource` however large it is, as servers of before did.
    #[cfg(test)]
    pub(crate) fn put_unchecked<R: Stored>(&mut self, resource: &mut R) -> Result<()> {
        let wire = self.view().sealer().encode(resource)?;
        self.set(keys::resource(resource.id()), &wire)
    }

    /// Stores an execution, among the open ones as long as it is one, and tells its subscribers.
    pub(crate) fn put_execution(&mut self, execution: &mut AgentExecution) -> Result<()> {
        let most = match execution.phase().is_terminal() {
            true => LARGEST,
            false => LARGEST - FOR_THE_END,
        };
        self.put_up_to(execution, most)?;
        let open = keys::open(execution.id());
        match execution.phase().is_terminal() {
            true => self.unset(open).map(drop)?,
            false => self.set(open, &[])?,
        }
        let shown = size::told(execution.clone());
        self.publish(Event::Changed(Arc::new(shown)));
        Ok(())
    }

    pub(crate) fn remove(&mut self, id: &str) -> Result<()> {
        self.unset(keys::resource(id)).map(drop)
    }

    /// Reserves the slug of `resource` for it.
    pub(crate) fn claim_slug<R: Resource>(&mut self, resource: &R) -> Result<()> {
        let key = keys::slug(R::KIND, resource.slug(), resource.org());
        if let Some(id) = self.view().value(&key)? {
            return Err(Error::AlreadyExists {
                kind: R::KIND,
                slug: resource.slug().to_owned(),
                id: String::from_utf8_lossy(&id).into_owned(),
            });
        }
        self.set(key, resource.id().as_bytes())
    }

    pub(crate) fn free_slug(&mut self, kind: Kind, slug: &str, org: &str) -> Result<()> {
        self.unset(keys::slug(kind, slug, org)).map(drop)
    }

    pub(crate) fn link(&mut self, parent: &str, child: &str) -> Result<()> {
        self.set(keys::child(parent, child), &[])
    }

    pub(crate) fn unlink(&mut self, parent: &str, child: &str) -> Result<()> {
        self.unset(keys::child(parent, child)).map(drop)
    }
}
