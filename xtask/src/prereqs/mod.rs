//! `cargo xtask prereqs`: everything that is missing, at once, each with the command that mends it.

mod checks;
mod docker;
mod engine;
mod finding;
mod fix;
mod provided;
mod table;

use crate::config::Config;
use crate::e2e::{Phases, Which};
use crate::exit::Code;
use crate::model::{self, Kind, Model, Wish};
use finding::State;
use std::path::Path;

/// Flags of `cargo xtask prereqs`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Only what this phase needs
    #[arg(value_enum, default_value = "all")]
    pub phase: Which,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// Runs `cargo xtask prereqs`.
///
/// # Errors
/// When the model that was asked for cannot be one.
pub async fn run(root: &Path, config: &Config, args: &Args) -> anyhow::Result<Code> {
    let phases = Phases::from(args.phase);
    let model = model::choose(config, &Wish::new(None, None)).await?;
    let (mut findings, docker) = tokio::join!(
        checks::all(config, phases, &model),
        docker::all(root, config)
    );
    if phases.two {
        findings.extend(docker);
    }
    let ok = findings
        .iter()
        .all(|finding| finding.state != State::Missing);
    if args.json {
        println!("{}", table::json(&findings, ok));
    } else {
        print!("{}", table::text(&findings));
    }
    Ok(if ok { Code::Passed } else { Code::Missing })
}

/// What phase 2 lacks on this machine to run with `model`, or without any, each with its fix; asks other programs only
/// where something is not in the cache.
pub async fn missing_for_run(config: &Config, model: Option<&Model>) -> Vec<String> {
    let mut findings = vec![checks::c_compiler()];
    let fetched = |name: &str| crate::tools::installed(config, name).is_some();
    let temporal = which::which("temporal").is_ok()
        || crate::stack::bins::swapped("E2E_TEMPORAL_BIN", &config.services.temporal.bin).is_some()
        || fetched("temporal");
    let own_model = std::env::var_os("E2E_MODEL_BIN").is_some();
    let serves = model.is_some_and(|model| model.kind == Kind::Embedded) && !own_model;
    let embedded = !serves || (fetched("llama") && fetched("smollm2"));
    if !temporal || !embedded {
        findings.push(checks::python(true, serves).await);
        findings.push(checks::cache());
    }
    findings
        .into_iter()
        .filter(|finding| finding.state == State::Missing)
        .map(|finding| table::line(&finding))
        .collect()
}
