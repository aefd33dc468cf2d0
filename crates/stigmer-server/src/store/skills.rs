//! Versions of skills and their archives.

use std::ops::ControlFlow;

use stigmer_api::{resource::Resource, skill::Skill};

use super::{keys, read::Read, tx::Tx};
use crate::error::Result;

/// A version of a skill.
pub(crate) struct Version {
    key: String,
    number: u32,
    pub(crate) hash: String,
    pub(crate) tag: String,
}

impl dyn Read + '_ {
    /// The versions of a skill, oldest first.
    pub(crate) fn versions(&self, skill: &str) -> Result<Vec<Version>> {
        let mut versions = Vec::new();
        let prefix = keys::versions(skill);
        self.scan(&prefix, false, &mut |key, _| {
            let mut parts = key[prefix.len()..].splitn(3, '/').map(str::to_owned);
            let mut part = || parts.next().unwrap_or_default();
            versions.push(Version {
                key: key.to_owned(),
                number: part().parse().unwrap_or_default(),
                hash: part(),
                tag: part(),
            });
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(versions)
    }

    /// The skill as it was in a version.
    pub(crate) fn version(&self, version: &Version) -> Result<Option<Skill>> {
        let bytes = self.value(&version.key)?;
        bytes.map(|b| self.sealer().decode(&b)).transpose()
    }

    /// The archive of a skill, by its hash.
    pub(crate) fn artifact(&self, hash: &str) -> Result<Option<Vec<u8>>> {
        self.value(&keys::artifact(hash))
    }
}

impl Tx<'_> {
    /// Stores the archive of a skill under its hash.
    pub(crate) fn put_artifact(&mut self, hash: &str, archive: &[u8]) -> Result<()> {
        self.set(keys::artifact(hash), archive)
    }

    pub(crate) fn remove_artifact(&mut self, hash: &str) -> Result<()> {
        self.unset(keys::artifact(hash)).map(drop)
    }

    /// Notes `skill` as the newest of its versions. One with the same archive and tag moves here.
    pub(crate) fn put_version(&mut self, skill: &mut Skill, hash: &str, tag: &str) -> Result<()> {
        let versions = self.view().versions(skill.id())?;
        let number = versions.last().map_or(0, |v| v.number) + 1;
        for same in versions.iter().filter(|v| v.hash == hash && v.tag == tag) {
            self.remove_version(same)?;
        }
        let bytes = self.view().sealer().encode(skill)?;
        self.set(keys::version(skill.id(), number, hash, tag), &bytes)
    }

    pub(crate) fn remove_version(&mut self, version: &Version) -> Result<()> {
        self.unset(version.key.clone()).map(drop)
    }
}
