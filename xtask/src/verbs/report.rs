//! `cargo xtask explain` and `report`: what a run tells, by `harness-report`.

use crate::page;
use harness_base::{Code, Command, coded, query, quoted, runs_dir};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Flags of `cargo xtask explain`.
#[derive(Clone, Debug, clap::Args)]
pub struct ExplainArgs {
    /// Tests whose name has this in it, passed ones too [default: those that failed]
    pub test: Option<String>,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// The name of a run's folder below target/e2e [default: the latest]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// Flags of `cargo xtask report`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReportArgs {
    /// The name of a run's folder below target/e2e [default: the latest]
    pub run: Option<String>,
    /// Show it in the browser
    #[arg(long)]
    pub open: bool,
}

fn folder(root: &Path, run: Option<&str>) -> anyhow::Result<PathBuf> {
    let dir = runs_dir(root).join(run.unwrap_or("latest"));
    // Not the link, which names another run soon.
    dir.canonicalize().map_err(|_| {
        let what = format!(
            "there is no run in {}; ls {} names all",
            dir.display(),
            quoted(&runs_dir(root).to_string_lossy())
        );
        coded(Code::Usage, what)
    })
}

/// Prints why tests failed.
///
/// # Errors
/// When there is no such run, or `harness-report` cannot be built.
pub async fn explain(root: &Path, args: &ExplainArgs) -> anyhow::Result<Code> {
    let dir = folder(root, args.run.as_deref())?;
    let dir = dir.to_string_lossy();
    let mut words = vec!["explain", &*dir];
    words.extend(args.test.as_deref());
    words.extend(args.json.then_some("--json"));
    Ok(match page::print(root, &words).await? {
        Some(0) => Code::Passed,
        Some(2) => Code::Usage,
        _ => Code::Fault,
    })
}

/// Writes a run's page.
///
/// # Errors
/// When there is no such run, or it cannot be written.
pub async fn report(root: &Path, args: &ReportArgs) -> anyhow::Result<Code> {
    let dir = folder(root, args.run.as_deref())?;
    let Some(page) = page::write(root, &dir).await else {
        return Ok(Code::Fault);
    };
    println!("{}", page.display());
    if args.open {
        let opener = if cfg!(target_os = "macos") {
            "open"
        } else {
            "xdg-open"
        };
        let command = Command::new(opener).args([page.to_string_lossy()]);
        if let Err(why) = query(command, Duration::from_secs(10)).await {
            eprintln!("{why}: open the file above");
        }
    }
    Ok(Code::Passed)
}
