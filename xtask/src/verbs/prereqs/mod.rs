//! `cargo xtask prereqs`: everything that is missing, at once, each with the command that mends it.

mod docker;

use crate::phase_choice::PhaseChoice;
use harness_base::{Code, Config, Phases};
use harness_provision::prereqs::finding::State;
use harness_provision::prereqs::{checks, finding, provided, table};
use harness_provision::{
    Located, Model, ModelChoice, ModelKind, Program, choose, programs, python_tools,
};
use std::path::Path;

/// Flags of `cargo xtask prereqs`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Only what this phase needs
    #[arg(value_enum, default_value = "all")]
    pub phase: PhaseChoice,
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
    let model = choose::model(config, &ModelChoice::new(None, None)?).await?;
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

/// What phase 2 lacks on this machine to run with `model`, or without any, each with its fix. Only what must be fetched
/// needs something that fetches.
pub async fn missing_for_run(config: &Config, model: Option<&Model>) -> Vec<String> {
    let serves = model.is_some_and(|model| model.kind == ModelKind::Embedded);
    let temporal = programs::locate(config, Program::Temporal).await;
    let mut wanted = vec![("temporal", temporal)];
    if serves {
        wanted.extend(
            python_tools::locate_model(config)
                .into_iter()
                .map(|part| ("model", part)),
        );
    }
    let mut findings = vec![checks::c_compiler()];
    let fetches = |located: &Located| matches!(located, Located::Fetchable { .. });
    if wanted.iter().any(|(_, located)| fetches(located)) {
        let python = checks::python(true, serves).await;
        let there = python.state == State::Ok;
        for (name, located) in wanted {
            findings.push(provided::provisionable(
                name,
                &finding::BOTH,
                located,
                there,
            ));
        }
        findings.extend([python, checks::cache(true)]);
    } else {
        for (name, located) in wanted {
            findings.push(provided::program(name, &finding::BOTH, located));
        }
    }
    findings
        .into_iter()
        .filter(|finding| finding.state == State::Missing)
        .map(|finding| table::line(&finding))
        .collect()
}
