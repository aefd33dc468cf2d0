//! A database from before secrets were sealed.
//!
//! It is written anew as a whole: what is only overwritten in a database file stays readable in
//! its free pages.

use std::{fs, path::Path};

use anyhow::Context;
use redb::{Database, ReadableDatabase, ReadableTable};
use stigmer_api::{
    Kind, agent::Agent, agentexecution::AgentExecution, environment::Environment,
    executioncontext::ExecutionContext,
};

use super::{
    file::{DATA, restrict},
    keys,
    read::Read,
    seal::Sealer,
    tx::Tx,
};
use crate::error::Result;

impl dyn Read + '_ {
    /// Whether default instances are in the organization of their agent.
    pub(crate) fn has_default_instances_moved(&self) -> Result<bool> {
        Ok(self.value(keys::DEFAULT_INSTANCES)?.is_some())
    }
}

impl Tx<'_> {
    /// Says that they are.
    pub(crate) fn default_instances_moved(&mut self) -> Result<()> {
        self.set(keys::DEFAULT_INSTANCES.to_owned(), &[])
    }
}

/// Copies `old` with its secrets sealed and `check` added, and puts the copy in its place at `path`.
pub(super) fn run(
    old: Database,
    path: &Path,
    sealer: &Sealer,
    check: &str,
) -> anyhow::Result<Database> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    if part.exists() {
        fs::remove_file(part).with_context(|| format!("cannot remove {}", part.display()))?;
    }
    let cannot = || format!("cannot seal the secrets of {}", path.display());
    let new = Database::create(part).with_context(cannot)?;
    restrict(part)?;
    let from = old.begin_read()?.open_table(DATA)?;
    let transaction = new.begin_write()?;
    {
        let mut to = transaction.open_table(DATA)?;
        for entry in from.iter()? {
            let (key, value) = entry?;
            let sealed = seal(key.value(), value.value(), sealer).with_context(cannot)?;
            to.insert(key.value(), sealed.as_slice())?;
        }
        to.insert(keys::CHECK, check.as_bytes())?;
    }
    transaction.commit()?;
    fs::rename(part, path).with_context(cannot)?;
    // Or a crash could bring the old file back, without what is written from now on.
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
    let folder = fs::File::open(folder.unwrap_or(Path::new(".")));
    folder.and_then(|f| f.sync_all()).with_context(cannot)?;
    drop(from);
    drop(old);
    tracing::info!(path = %path.display(), "the database's secrets are sealed now");
    Ok(new)
}

fn seal(key: &str, value: &[u8], sealer: &Sealer) -> Result<Vec<u8>> {
    let of = |kind: Kind| key.starts_with(&keys::resource(&keys::ids(kind)));
    macro_rules! sealed {
        ($type:ty) => {
            sealer.encode(&mut sealer.decode_clear::<$type>(value)?)
        };
    }
    match () {
        () if of(Kind::Agent) => sealed!(Agent),
        () if of(Kind::AgentExecution) => sealed!(AgentExecution),
        () if of(Kind::Environment) => sealed!(Environment),
        () if of(Kind::ExecutionContext) => sealed!(ExecutionContext),
        () => Ok(value.to_vec()),
    }
}
