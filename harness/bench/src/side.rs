//! What is measured: this checkout, and another commit beside it, built in a worktree of its own below `target/`.

use crate::child::Runner;
use anyhow::Context;
use harness_base::cargo::cargo;
use harness_base::{Artifacts, Code, Command, Output, coded, git, query, runs_dir, target_dir};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest that git takes.
const GIT: Duration = Duration::from_secs(60);

/// One of the builds that are measured by turns.
#[derive(Clone, Debug)]
pub struct Side {
    /// For people.
    pub name: String,
    /// Its checkout.
    pub root: PathBuf,
    /// Whether it is not the checkout that asked.
    other: bool,
}

/// Where the other commits' checkouts lie, and what is written while measuring.
pub fn folder(root: &Path) -> PathBuf {
    target_dir(root).join("bench")
}

async fn git(root: &Path, args: &[&str]) -> Result<String, String> {
    let command = git::git(root).args(args.iter().copied());
    let said = query(command, GIT).await?;
    if said.ok {
        Ok(said.stdout)
    } else {
        Err(said.stderr)
    }
}

/// The commit of a checkout, with a word about changes on top.
pub async fn commit(root: &Path) -> String {
    let Ok(commit) = git(root, &["rev-parse", "--short=12", "HEAD"]).await else {
        return "outside git".to_owned();
    };
    match git(root, &["status", "--porcelain"]).await {
        Ok(changes) if changes.is_empty() => format!("commit {commit}"),
        _ => format!("commit {commit} with changes on top"),
    }
}

impl Side {
    /// This checkout.
    pub fn here(root: &Path) -> Self {
        Self {
            name: "here".to_owned(),
            root: root.to_owned(),
            other: false,
        }
    }

    /// Another commit, checked out where it is not yet.
    ///
    /// # Errors
    /// [`Code::Usage`] where there is no such commit; git's own words where it cannot be checked out.
    pub async fn against(root: &Path, rev: &str) -> anyhow::Result<Self> {
        let commit = format!("{rev}^{{commit}}");
        let hash = git(root, &["rev-parse", "--verify", "--short=12", &commit]).await;
        let hash = hash.map_err(|why| coded(Code::Usage, format!("--against {rev}: {why}")))?;
        let there = folder(root).join(&hash);
        if !there.join("Cargo.toml").exists() {
            // What git still knows of a folder that somebody removed.
            git(root, &["worktree", "prune"])
                .await
                .map_err(anyhow::Error::msg)?;
            let path = there.to_string_lossy();
            let added = git(root, &["worktree", "add", "--detach", &path, &hash]).await;
            added.map_err(|why| anyhow::anyhow!("check out {hash} at {path}: {why}"))?;
        }
        Ok(Self {
            name: hash,
            root: there,
            other: true,
        })
    }

    /// Where its runs lie: another commit's cargo is told of no target folder.
    pub fn runs(&self) -> PathBuf {
        match self.other {
            true => self.root.join("target/e2e"),
            false => runs_dir(&self.root),
        }
    }

    /// A call of its cargo.
    pub fn cargo<S: Into<String>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let command = Command::new(cargo())
            .args(args)
            .cwd(&self.root)
            .unset("E2E_ROOT");
        match self.other {
            true => command.unset("CARGO_TARGET_DIR"),
            false => command,
        }
    }

    /// The same of its xtask.
    pub fn xtask<S: Into<String>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let args = args.into_iter().map(Into::into);
        self.cargo(std::iter::once("xtask".to_owned()).chain(args))
    }

    /// Builds all that a run needs, and fetches what it lacks.
    ///
    /// # Errors
    /// What a run fails with.
    pub async fn build(&self, runner: &Runner) -> anyhow::Result<()> {
        let command = self.xtask([
            "e2e",
            "--runtime",
            "native",
            "--if-missing",
            "fail",
            "--exec",
            "true",
        ]);
        runner
            .run(&command)
            .await
            .with_context(|| format!("build {}", self.name))?;
        Ok(())
    }

    /// Builds the bench that asks a stack; where it is. One does for all commits: it speaks the platform's contract.
    ///
    /// # Errors
    /// When it does not compile.
    pub async fn measure(&self, runner: &Runner) -> anyhow::Result<PathBuf> {
        let messages = folder(&self.root).join("build.json");
        let build = [
            "build",
            "--message-format",
            "json-render-diagnostics",
            "--bench",
            "measure",
        ];
        let output = Output::StdoutOnly(messages.clone());
        runner.run_to(&self.cargo(build), &output).await?;
        let artifacts = Artifacts::read(&messages);
        let measure = artifacts.test("measure").context("measure was not built")?;
        Ok(measure.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::code_of;

    #[tokio::test]
    async fn a_commit_that_is_not_there_is_the_users_fault() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let error = Side::against(root, "no-such-commit").await.unwrap_err();
        assert_eq!(code_of(&error), Code::Usage, "{error}");
    }

    #[test]
    fn another_commit_has_a_target_folder_of_its_own() {
        let mut side = Side::here(Path::new("/w"));
        assert!(
            !side
                .xtask(["down"])
                .unset
                .contains(&"CARGO_TARGET_DIR".to_owned())
        );
        side.other = true;
        let command = side.xtask(["down"]);
        assert!(command.unset.contains(&"CARGO_TARGET_DIR".to_owned()));
        assert_eq!(command.args, ["xtask", "down"]);
    }
}
