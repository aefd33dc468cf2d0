//! The listing of each kind that was ever listed. It is read from the file at the first list, and follows the writer from
//! then on, commit by commit.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard},
};

use redb::ReadOnlyTable;
use stigmer_api::Kind;

use super::{
    handle::Handle,
    keys,
    listing::{Listing, Ulid},
    seal::Stored,
};
use crate::error::Result;

type Table = ReadOnlyTable<&'static str, &'static [u8]>;

enum State {
    /// The file is being read; these were changed meanwhile.
    Begun(Vec<String>),
    Whole(Listing),
}

pub(super) struct Listings {
    db: Arc<Handle>,
    kinds: RwLock<HashMap<Kind, State>>,
    /// Held by who reads the file.
    reading: Mutex<()>,
}

impl Listings {
    pub(super) fn new(db: Arc<Handle>) -> Self {
        Self {
            db,
            kinds: RwLock::default(),
            reading: Mutex::default(),
        }
    }

    /// Shows the listing of a kind to `see`, which should be quick: the writer waits for it.
    pub(super) fn with<R: Stored, T>(&self, see: impl FnOnce(&Listing) -> T) -> Result<T> {
        loop {
            let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(State::Whole(listing)) = kinds.get(&R::KIND) {
                return Ok(see(listing));
            }
            drop(kinds);
            self.read::<R>()?;
        }
    }

    /// Reads a kind from the file, unless somebody else has done so.
    fn read<R: Stored>(&self) -> Result<()> {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if self.begin(R::KIND) {
            let listing = self.db.read().and_then(|table| all::<R>(&table));
            self.finish(R::KIND, listing)?;
        }
        Ok(())
    }

    /// From here on it is noted what changes; whether the file is to be read.
    pub(super) fn begin(&self, kind: Kind) -> bool {
        let mut kinds = self.lock();
        let whole = matches!(kinds.get(&kind), Some(State::Whole(_)));
        if !whole {
            kinds.insert(kind, State::Begun(Vec::new()));
        }
        !whole
    }

    /// Takes up what was read, and what has changed since [`Listings::begin`]. What was forgotten meanwhile stays so.
    pub(super) fn finish(&self, kind: Kind, listing: Result<Listing>) -> Result<()> {
        let mut kinds = self.lock();
        if let Some(State::Begun(changed)) = kinds.remove(&kind) {
            let mut listing = listing?;
            update(&mut listing, &self.db.read()?, changed.iter())?;
            kinds.insert(kind, State::Whole(listing));
        }
        Ok(())
    }

    /// Follows a commit that changed these resources, before anybody is told of it. They are read from the file, so
    /// whatever was taken back in the meantime is of no account.
    pub(super) fn follow(&self, changed: &[String]) {
        let mut kinds = self.lock();
        if kinds.is_empty() || changed.is_empty() {
            return;
        }
        let followed = self.db.read().and_then(|table| {
            kinds.iter_mut().try_for_each(|(kind, state)| {
                let prefix = keys::ids(*kind);
                let own = changed.iter().filter(|id| id.starts_with(&prefix));
                match state {
                    State::Begun(noted) => noted.extend(own.cloned()),
                    State::Whole(listing) => update(listing, &table, own)?,
                }
                Ok(())
            })
        });
        if let Err(why) = followed {
            tracing::warn!(%why, "lists are read from the file anew");
            kinds.clear();
        }
    }

    /// After a failed commit nobody knows what of it is in the file.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> RwLockWriteGuard<'_, HashMap<Kind, State>> {
        self.kinds.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All of a kind.
pub(super) fn all<R: Stored>(table: &Table) -> Result<Listing> {
    let mut listing = Listing::new::<R>();
    let prefix = keys::resource(&keys::ids(R::KIND));
    for entry in table.range(prefix.as_str()..keys::after(&prefix).as_str())? {
        let (key, value) = entry?;
        if let Some(ulid) = keys::id_of_resource(key.value()).and_then(Ulid::of) {
            listing.note(ulid, Some(value.value()));
        }
    }
    Ok(listing)
}

fn update<'a>(
    listing: &mut Listing,
    table: &Table,
    ids: impl Iterator<Item = &'a String>,
) -> Result<()> {
    for id in ids {
        if let Some(ulid) = Ulid::of(id) {
            let value = table.get(keys::resource(id).as_str())?;
            listing.note(ulid, value.as_ref().map(|it| it.value()));
        }
    }
    Ok(())
}
