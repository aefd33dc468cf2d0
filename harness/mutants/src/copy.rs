//! The copy of the checkout that is built with mutants in it, in a folder of `target`. Its own target folder stays from run to
//! run, and a file that is as it was keeps its time, so that cargo compiles only what changed.

use anyhow::{Context, ensure};
use harness_base::cargo::cargo;
use harness_base::{Command, git, query};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// git reads its index and looks at each file.
const GIT: Duration = Duration::from_secs(60);
/// cargo reads the manifests.
const METADATA: Duration = Duration::from_secs(60);

/// Makes the copy what the checkout is now: files that git knows or would know, changed ones as they are.
///
/// # Errors
/// When git does not tell, or a file cannot be copied.
pub async fn refresh(root: &Path, copy: &Path) -> anyhow::Result<()> {
    let list = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let files: BTreeSet<PathBuf> = git(root, &list)
        .await?
        .split('\0')
        .filter(|it| !it.is_empty())
        .map(PathBuf::from)
        .collect();
    for file in &files {
        let (from, to) = (root.join(file), copy.join(file));
        if from.is_file() {
            put(&from, &to)?;
        }
    }
    let gone = |file: &Path| !files.contains(file) || !root.join(file).is_file();
    for file in found(copy)?.into_iter().filter(|file| gone(file)) {
        let path = copy.join(file);
        std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}

/// What cargo says of the copy's packages.
///
/// # Errors
/// When it fails, with its words.
pub async fn metadata(copy: &Path) -> anyhow::Result<Value> {
    let command = Command::new(cargo()).args(["metadata", "--no-deps", "--format-version", "1"]);
    let said = query(command.cwd(copy), METADATA).await;
    let said = said.map_err(anyhow::Error::msg)?;
    ensure!(said.ok, "cargo metadata: {}", said.stderr);
    serde_json::from_str(&said.stdout).context("read cargo's metadata")
}

/// What git says.
///
/// # Errors
/// When it fails, with its words.
pub async fn git(root: &Path, args: &[&str]) -> anyhow::Result<String> {
    let said = query(git::git(root).args(args.iter().copied()), GIT).await;
    let said = said.map_err(anyhow::Error::msg)?;
    ensure!(said.ok, "git {}: {}", args.join(" "), said.stderr);
    Ok(said.stdout)
}

/// Copies a file where it differs.
fn put(from: &Path, to: &Path) -> anyhow::Result<()> {
    let what = || format!("copy {}", from.display());
    let text = std::fs::read(from).with_context(what)?;
    if std::fs::read(to).is_ok_and(|there| there == text) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).with_context(what)?;
    }
    std::fs::copy(from, to).map(drop).with_context(what)
}

/// Files of the copy, from its root, but for what was built.
fn found(copy: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut open, mut files) = (vec![copy.to_owned()], Vec::new());
    while let Some(folder) = open.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path == copy.join("target") {
                continue;
            }
            match path.strip_prefix(copy) {
                _ if path.is_dir() && !path.is_symlink() => open.push(path),
                Ok(file) => files.push(file.to_owned()),
                Err(_) => {}
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test]
    async fn it_becomes_what_the_checkout_is() {
        let dir = tempfile::tempdir().unwrap();
        let (root, copy) = (dir.path().join("root"), dir.path().join("root/target/copy"));
        fs::create_dir_all(root.join("src")).unwrap();
        git(&dir.path().join("root"), &["init", "-q"])
            .await
            .unwrap();
        for (file, text) in [
            (".gitignore", "/target\n"),
            ("src/a.rs", "a"),
            ("src/b.rs", "b"),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        fs::create_dir_all(copy.join("target/debug")).unwrap();
        fs::write(copy.join("target/debug/built"), "").unwrap();
        refresh(&root, &copy).await.unwrap();
        assert_eq!(fs::read_to_string(copy.join("src/b.rs")).unwrap(), "b");
        assert!(!copy.join("target/copy").exists());

        let time = || {
            fs::metadata(copy.join("src/a.rs"))
                .unwrap()
                .modified()
                .unwrap()
        };
        let before = time();
        fs::write(copy.join("src/b.rs"), "a mutant that was left").unwrap();
        fs::write(copy.join("src/new.rs.snap.new"), "left by a test").unwrap();
        git(&root, &["add", "."]).await.unwrap();
        fs::write(root.join("src/c.rs"), "c").unwrap();
        fs::remove_file(root.join("src/b.rs")).unwrap();
        refresh(&root, &copy).await.unwrap();
        let mut files = found(&copy).unwrap();
        files.sort();
        assert_eq!(
            files,
            [".gitignore", "src/a.rs", "src/c.rs"].map(PathBuf::from)
        );
        assert!(copy.join("target/debug/built").exists());
        assert_eq!(time(), before);
    }
}
