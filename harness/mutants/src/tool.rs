//! `cargo-mutants`, which knows what can be changed in a source; it lists, and runs nothing. Nothing else needs it, so it is
//! built into the tools cache when it is wanted first.

use crate::step::{self, End};
use anyhow::bail;
use harness_base::cargo::cargo;
use harness_base::{Code, Command, Interrupt, coded, git, query};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version whose list we read: it holds diffs.
const VERSION: &str = "27.0.0";
/// Its build takes 100 s on two idle cores.
const BUILD: Duration = Duration::from_secs(1200);
/// It reads all sources: 2 s for the whole platform.
const LIST: Duration = Duration::from_secs(120);

/// Where it is, built first where it is not there.
///
/// # Errors
/// [`Code::Missing`] with what mends it.
pub async fn obtain(tools: &Path, log: &Path, interrupt: &Interrupt) -> anyhow::Result<PathBuf> {
    let folder = tools.join(format!("cargo-mutants-{VERSION}"));
    let bin = folder.join("bin/cargo-mutants");
    if bin.exists() {
        return Ok(bin);
    }
    let install = Command::new(cargo()).args([
        "install",
        "cargo-mutants",
        "--version",
        VERSION,
        "--locked",
        "--root",
    ]);
    let install = install.args([folder.to_string_lossy()]);
    eprintln!(
        "cargo-mutants {VERSION} is built into the tools cache, once\n$ {}",
        install.echo()
    );
    match step::run(&install, log, BUILD, interrupt).await? {
        End::Code(Some(0)) if bin.exists() => Ok(bin),
        _ => {
            let text = format!(
                "cargo-mutants {VERSION} could not be installed, {} says why\n  mend: {}",
                log.display(),
                install.echo()
            );
            Err(coded(Code::Missing, text))
        }
    }
}

/// Its list of a checkout's mutants, as JSON.
///
/// # Errors
/// What it complains of.
pub async fn list(
    bin: &Path,
    copy: &Path,
    crates: &[String],
    diff: Option<&Path>,
) -> anyhow::Result<String> {
    let mut command = Command::new(bin)
        .args(["mutants", "--list", "--json"])
        .cwd(copy);
    for name in crates {
        command = command.args(["--package", name]);
    }
    if let Some(diff) = diff {
        command = command.args(["--in-diff".to_owned(), diff.to_string_lossy().into_owned()]);
    }
    let said = query(command, LIST).await.map_err(anyhow::Error::msg)?;
    if !said.ok {
        bail!("cargo-mutants cannot list: {}", said.stderr);
    }
    // It says nothing at all of a diff that no source is in.
    Ok(if said.stdout.is_empty() {
        "[]".into()
    } else {
        said.stdout
    })
}

/// What changed since a revision, as git says it, in a file.
///
/// # Errors
/// When git does not know the revision.
pub async fn diff(root: &Path, since: &str, file: &Path) -> anyhow::Result<()> {
    let ask = async |args: &[&str]| {
        let said = crate::copy::git(root, args).await;
        said.map_err(|why| coded(Code::Usage, format!("{why:#}")))
    };
    let commit = format!("{since}^{{commit}}");
    let commit = ask(&["rev-parse", "--verify", "--end-of-options", &commit]).await?;
    // By git itself: what is asked for its words loses the blanks at their end, and those are lines of a difference.
    let output = format!("--output={}", file.display());
    let args = ["--merge-base", &output, &commit, "--", "*.rs"];
    ask(&[&git::DIFF[..], &args].concat()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_diff_is_whole_whatever_its_reader_likes_to_see() {
        let dir = tempfile::tempdir().unwrap();
        let (root, file) = (dir.path().join("root"), dir.path().join("diff"));
        std::fs::create_dir(&root).unwrap();
        let git = async |args: &[&str]| {
            let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
            let said = crate::copy::git(&root, &[&who[..], args].concat()).await;
            said.unwrap()
        };
        git(&["init", "-q"]).await;
        std::fs::write(root.join("a.rs"), "one\n \n").unwrap();
        git(&["add", "."]).await;
        git(&["commit", "-q", "-m", "one"]).await;
        std::fs::write(root.join("a.rs"), "two\n \n").unwrap();
        let settings = [
            "diff.noprefix",
            "diff.mnemonicPrefix",
            "color.diff",
            "diff.external",
        ];
        for (setting, value) in settings.iter().zip(["true", "true", "always", "false"]) {
            git(&["config", setting, value]).await;
            diff(&root, "HEAD", &file).await.unwrap();
            let told = std::fs::read_to_string(&file).unwrap();
            let told = told.split_once("--- a/a.rs\n").unwrap().1;
            assert_eq!(
                told, "+++ b/a.rs\n@@ -1,2 +1,2 @@\n-one\n+two\n  \n",
                "{setting}"
            );
        }
        let error = diff(&root, "--output=x", &file).await.unwrap_err();
        assert_eq!(harness_base::code_of(&error), Code::Usage, "{error:#}");
    }
}
