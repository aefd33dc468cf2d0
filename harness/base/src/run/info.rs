//! `run.json`: who owns a run folder, and how the run ended.

use super::clock;
use crate::git::git;
use crate::process::{Ident, query};
use crate::random::hex;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The content of `run.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Info {
    /// The folder's name.
    pub run_id: String,
    /// The xtask process that owns the run.
    pub owner: Ident,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// Hash of the checkout's path: two checkouts never mean the same.
    pub checkout: String,
    /// `git rev-parse HEAD`; `None` outside git.
    pub commit: Option<String>,
    /// What ran on what, filled in as it becomes known.
    pub versions: BTreeMap<String, String>,
    /// How the tests of each phase went, where some are known to differ.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tests: BTreeMap<String, Judged>,
    /// The file of `--parts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PathBuf>,
    /// For everything in the tests that is random but should be repeatable.
    pub seed: u64,
    /// The stack outlives its owner on purpose (`up`, `--keep`).
    pub kept: bool,
    /// Why it did not pass, in the order that decides the exit code.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Exit code; `None` while it runs. The sweep writes 137 where the owner was killed.
    pub exit_code: Option<i32>,
}

/// The tests of a phase, held against those that are known to differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// How many passed, as they should.
    pub passed: usize,
    /// Failed, and listed nowhere.
    pub failed: Vec<String>,
    /// Failed, as they are known to.
    pub known: Vec<Difference>,
    /// Passed, though they are known to differ.
    pub stale: Vec<Difference>,
}

/// A test that is known to differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The test.
    pub test: String,
    /// Why.
    pub because: String,
    /// Where that is said: `FILE:LINE`.
    pub at: String,
}

impl Info {
    /// A new run of this process.
    ///
    /// # Errors
    /// When this process cannot be identified.
    pub fn new(id: &str, root: &Path) -> anyhow::Result<Self> {
        let mut seed = DefaultHasher::new();
        id.hash(&mut seed);
        Ok(Self {
            run_id: id.to_owned(),
            owner: Ident::own().context("read this process's start time")?,
            started_at: clock::rfc3339(std::time::SystemTime::now()),
            checkout: checkout_hash(root),
            commit: None,
            versions: BTreeMap::new(),
            tests: BTreeMap::new(),
            parts: None,
            seed: seed.finish() >> 12, // exact in JSON readers that only have doubles
            kept: false,
            causes: Vec::new(),
            exit_code: None,
        })
    }

    /// Reads `run.json` of a run folder.
    ///
    /// # Errors
    /// When it is not there or not ours.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("run.json");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))
    }

    /// Writes `run.json` by rename.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let (draft, path) = (dir.join(".run.json"), dir.join("run.json"));
        let text = serde_json::to_string_pretty(self).context("describe the run")?;
        std::fs::write(&draft, text).with_context(|| format!("write {}", draft.display()))?;
        std::fs::rename(&draft, &path).with_context(|| format!("name {}", path.display()))
    }

    /// Reads, changes and writes `run.json`.
    ///
    /// # Errors
    /// As reading and writing.
    pub fn change(dir: &Path, change: impl FnOnce(&mut Self)) -> anyhow::Result<()> {
        let mut info = Self::read(dir)?;
        change(&mut info);
        info.write(dir)
    }
}

/// Twelve hexadecimal digits of the checkout's path.
pub fn checkout_hash(root: &Path) -> String {
    let path = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    hex(&hmac_sha256::Hash::hash(path.to_string_lossy().as_bytes())[..6])
}

/// `git rev-parse HEAD`, which knows worktrees and packed refs; `None` outside git.
pub async fn commit(root: &Path) -> Option<String> {
    let head = git(root).args(["rev-parse", "--verify", "HEAD"]);
    let said = query(head, Duration::from_secs(5)).await.ok()?;
    said.ok.then_some(said.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Command;

    fn git(dir: &Path, args: &[&str]) -> String {
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let command = Command::new("git").args(who).args(args.iter().copied());
        let said = crate::process::query_blocking(&command.cwd(dir), Duration::from_secs(30));
        let said = said.unwrap();
        assert!(said.ok, "{args:?}: {}", said.stderr);
        said.stdout
    }

    #[tokio::test]
    async fn the_commit_of_a_worktree_with_packed_refs() {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("main");
        std::fs::create_dir(&main).unwrap();
        assert_eq!(commit(&main).await, None, "no repository");
        git(&main, &["init", "--quiet"]);
        assert_eq!(commit(&main).await, None, "nothing committed");
        git(&main, &["commit", "--quiet", "--allow-empty", "-m", "one"]);
        git(&main, &["worktree", "add", "--quiet", "../other"]);
        git(&main, &["pack-refs", "--all"]);
        let head = git(&main, &["rev-parse", "HEAD"]);
        assert_eq!(commit(&main).await, Some(head.clone()));
        assert_eq!(commit(&dir.path().join("other")).await, Some(head));
    }
}
