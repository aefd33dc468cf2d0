//! `cargo-mutants`, which knows what can be changed in a source; it lists, and runs nothing. Nothing else needs it, so it is
//! built into the tools cache when it is wanted first.

use crate::step::{self, End};
use anyhow::{Context, bail};
use harness_base::cargo::cargo;
use harness_base::{Code, Command, Interrupt, coded, query};
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
    let diff = crate::copy::git(root, &["diff", "--merge-base", since, "--", "*.rs"]).await;
    let diff = diff.map_err(|why| coded(Code::Usage, format!("{why:#}")))?;
    std::fs::write(file, diff + "\n").with_context(|| format!("write {}", file.display()))
}
