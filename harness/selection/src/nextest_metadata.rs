//! Sparing nextest its own questions to cargo: half a second of each run, for answers that only change with the manifests.
//!
//! The answers are nextest's and cargo's own, kept under `target/e2e/cache`, and used only when the build that just ended
//! names the same test binary and no manifest has changed since. Whatever goes wrong here costs that half second, no more.

use anyhow::Context;
use harness_base::cargo::cargo;
use harness_base::{Command, Inherit, query, runs_dir};
use hmac_sha256::Hash as Sha256;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments that stand in for `--test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    cargo: PathBuf,
    binaries: PathBuf,
}

impl Metadata {
    /// For `cargo nextest run`.
    pub fn args(&self) -> [String; 4] {
        [
            "--cargo-metadata".into(),
            self.cargo.display().to_string(),
            "--binaries-metadata".into(),
            self.binaries.display().to_string(),
        ]
    }
}

/// The answers for test target `phase`, which is this binary now, kept or fresh.
pub async fn metadata(root: &Path, phase: &str, nextest: &Path, binary: &Path) -> Option<Metadata> {
    let binary = binary.to_str()?;
    let key = key(root, nextest, binary).ok()?;
    let folder = runs_dir(root).join("cache").join(&key[..16]);
    let metadata = Metadata {
        cargo: folder.join("cargo.json"),
        binaries: folder.join(format!("{phase}.json")),
    };
    if metadata.cargo.is_file() && names(&metadata.binaries, binary) {
        return Some(metadata);
    }
    std::fs::create_dir_all(&folder).ok()?;
    let describe = Command::new(cargo()).args(["metadata", "--format-version", "1"]);
    let list = Command::new(nextest)
        .args(["nextest", "list", "--list-type", "binaries-only"])
        .args(["--message-format", "json", "--cargo-quiet"])
        .args(["--test", phase]);
    let limit = Duration::from_secs(60);
    let (cargo, binaries) = tokio::join!(
        query(describe.cwd(root), limit),
        query(list.inherit(Inherit::TestTool).cwd(root), limit)
    );
    write(
        &metadata.cargo,
        &cargo.ok().filter(|answer| answer.ok)?.stdout,
    )
    .ok()?;
    write(
        &metadata.binaries,
        &binaries.ok().filter(|answer| answer.ok)?.stdout,
    )
    .ok()?;
    names(&metadata.binaries, binary).then_some(metadata)
}

/// By rename, so that another run never reads half of it.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&part, text).context("keep nextest's answers")?;
    std::fs::rename(&part, path).context("keep nextest's answers")
}

/// Whether kept answers are about this binary.
fn names(binaries: &Path, binary: &str) -> bool {
    let kept = std::fs::read_to_string(binaries).ok();
    let kept: Option<Value> = kept.and_then(|text| serde_json::from_str(&text).ok());
    kept.and_then(|kept| {
        let all = kept["rust-binaries"].as_object()?;
        Some(all.len() == 1 && all.values().all(|one| one["binary-path"] == binary))
    })
    .unwrap_or(false)
}

/// Changes with every manifest, the lock file, nextest and the binary's path.
fn key(root: &Path, nextest: &Path, binary: &str) -> anyhow::Result<String> {
    let mut manifests = vec![root.join("Cargo.lock"), root.join("Cargo.toml")];
    for folder in [root.to_owned(), root.join("crates"), root.join("harness")] {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder).context("list the workspace")? {
            let manifest = entry
                .context("list the workspace")?
                .path()
                .join("Cargo.toml");
            manifests.extend(manifest.is_file().then_some(manifest));
        }
    }
    manifests.sort();
    let mut hash = Sha256::new();
    for path in &manifests {
        hash.update(std::fs::read(path).context("read a manifest")?);
    }
    let version = std::fs::metadata(nextest).and_then(|data| data.modified());
    hash.update(format!("{} {version:?} {binary}", nextest.display()));
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_about_another_binary_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("b.json");
        write(
            &file,
            r#"{"rust-binaries":{"t::p":{"binary-path":"/t/p-1"}}}"#,
        )
        .unwrap();
        assert!(names(&file, "/t/p-1"));
        assert!(!names(&file, "/t/p-2"));
        write(&file, "half").unwrap();
        assert!(!names(&file, "/t/p-1"));
    }

    #[test]
    fn the_key_follows_the_manifests() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("crates/a")).unwrap();
        for name in ["Cargo.lock", "Cargo.toml", "crates/a/Cargo.toml"] {
            std::fs::write(at(name), name).unwrap();
        }
        let before = key(root.path(), Path::new("/n"), "/b").unwrap();
        assert_eq!(before, key(root.path(), Path::new("/n"), "/b").unwrap());
        assert_ne!(before, key(root.path(), Path::new("/n"), "/c").unwrap());
        std::fs::write(at("crates/a/Cargo.toml"), "other").unwrap();
        assert_ne!(before, key(root.path(), Path::new("/n"), "/b").unwrap());
    }
}
