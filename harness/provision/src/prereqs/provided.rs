//! Checks of what xtask can fetch by itself.

use super::finding::{Finding, State, finding};
use super::fix;
use crate::model::{Model, ModelKind};
use crate::programs::{Located, Source};
use crate::python_tools;
use harness_base::Config;

/// A program as it was located.
pub fn program(name: &'static str, phases: &[&'static str], located: Located) -> Finding {
    match located {
        Located::There(found) => {
            let version = &found.version;
            let said = match found.source {
                Source::Configured => format!("{version}, {}, as configured", found.bin.display()),
                Source::Path => format!("{version} on PATH"),
                Source::Cache => format!("{version} in the tools cache"),
                Source::Stack(whose) => format!("{version} {whose}"),
            };
            finding(name, phases, Ok(said), String::new())
        }
        Located::Fetchable {
            version,
            instead_of,
        } => {
            let said = format!("{instead_of}{version} will be fetched");
            finding(name, phases, Ok(said), String::new())
        }
        Located::Absent { why, mend } => finding(name, phases, Err(why), mend),
    }
}

/// The same where nothing can be fetched: what would be is missing.
pub fn provisionable(
    name: &'static str,
    phases: &[&'static str],
    located: Located,
    python: bool,
) -> Finding {
    let fetchable = matches!(located, Located::Fetchable { .. });
    let mut finding = program(name, phases, located);
    if fetchable && !python {
        finding.state = State::Missing;
        finding.found = format!("{}, but there is no pip to fetch it", finding.found);
        finding.fix = Some(fix::python(fix::manager()));
    }
    finding
}

/// The model that a run would use, and why that one.
pub fn model_finding(config: &Config, model: &Model, python: bool) -> Finding {
    let about = format!("{} ({}): {}", model.name, model.kind, model.why);
    if model
        .unlisted
        .as_ref()
        .is_some_and(|names| !names.is_empty())
    {
        let fix = "say --model-name with one that is there, or `ollama pull` this one".to_owned();
        return finding("model", &["phase2"], Err(model.not_there("")), fix);
    }
    if model.kind != ModelKind::Embedded {
        return finding("model", &["phase2"], Ok(about), String::new());
    }
    let fix = "set E2E_MODEL_URL, or start Ollama and `ollama pull smollm2:135m`, or mend python3 and pip".to_owned();
    let mut parts = python_tools::locate_model(config)
        .into_iter()
        .map(|located| provisionable("model", &["phase2"], located, python));
    match parts.find(|part| part.state == State::Missing) {
        Some(part) => {
            let found = format!("{about}; {}; the live lane is left out", part.found);
            let mut finding = finding("model", &["phase2"], Err(found), fix);
            finding.state = State::Optional;
            finding
        }
        None => finding("model", &["phase2"], Ok(about), fix),
    }
}
