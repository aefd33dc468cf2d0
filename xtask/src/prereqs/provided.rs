//! Checks of what xtask can fetch by itself.

use super::finding::{BOTH, Finding, State, finding};
use super::fix;
use crate::config::{Config, platform};
use crate::e2e::provision::temporal_version;
use crate::model::{Kind, Model};
use crate::stack::bins::swapped;
use crate::stack::temporal;
use crate::tools;

/// Temporal: as configured, on PATH, in the cache, or to be fetched.
pub async fn temporal(config: &Config) -> Finding {
    if let Some(bin) = swapped("E2E_TEMPORAL_BIN", &config.services.temporal.bin) {
        let shown = bin.display();
        let found = match temporal_version(&bin).await {
            Ok(version) => Ok(format!("{version}, {shown}, as configured")),
            Err(why) => Err(format!("{shown}, as configured: {why}")),
        };
        let fix = "correct or unset E2E_TEMPORAL_BIN or services.temporal.bin".into();
        return finding("temporal", &["phase2"], found, fix);
    }
    let mut old = None;
    if let Ok(bin) = which::which("temporal") {
        match temporal_version(&bin).await {
            Ok(version) if temporal::accepted(&version) => {
                return finding(
                    "temporal",
                    &["phase2"],
                    Ok(format!("{version} on PATH")),
                    String::new(),
                );
            }
            Ok(version) => old = Some(format!("{version} on PATH is too old; ")),
            Err(why) => old = Some(format!("{why}; ")),
        }
    }
    tool(config, "temporal", &["phase2"], &old.unwrap_or_default())
}

/// nextest, which runs the tests.
pub async fn nextest(config: &Config) -> Finding {
    if let Ok(bin) = which::which("cargo-nextest") {
        return finding(
            "nextest",
            &BOTH,
            Ok(bin.display().to_string()),
            String::new(),
        );
    }
    tool(config, "nextest", &BOTH, "")
}

fn tool(config: &Config, name: &'static str, phases: &[&'static str], before: &str) -> Finding {
    let fix = format!("cargo xtask tools install {name}");
    let Some(tool) = config.tools.get(name) else {
        return finding(name, phases, Err("not pinned in e2e.toml".into()), fix);
    };
    let result = if tools::installed(config, name).is_some() {
        Ok(format!("{before}{} in the tools cache", tool.version))
    } else if tool.archive_for(&platform()).is_some() {
        Ok(format!("{before}{} will be fetched", tool.version))
    } else {
        Err(format!(
            "{before}not on PATH, and none is pinned for {}",
            platform()
        ))
    };
    finding(name, phases, result, fix)
}

/// A tool that would be fetched is missing where nothing can fetch it.
pub fn provisionable(mut finding: Finding, python: bool) -> Finding {
    if finding.state == State::Ok && finding.found.ends_with("will be fetched") && !python {
        finding.state = State::Missing;
        finding.found = format!("{}, but there is no pip to fetch it", finding.found);
        finding.fix = Some(fix::python(fix::manager()));
    }
    finding
}

/// The model that a run would use, and why that one.
pub fn model_finding(config: &Config, model: &Model, python: bool) -> Finding {
    let about = format!("{} ({}): {}", model.name, model.kind.word(), model.why);
    if model.kind != Kind::Embedded {
        return finding("model", &["phase2"], Ok(about), String::new());
    }
    let parts =
        ["llama", "smollm2"].map(|name| provisionable(tool(config, name, &["phase2"], ""), python));
    let fix = "set E2E_MODEL_URL, or start Ollama and `ollama pull smollm2:135m`, or mend python3 and pip".to_owned();
    match parts.into_iter().find(|part| part.state == State::Missing) {
        Some(part) => {
            let found = format!("{about}; {}; the live lane is left out", part.found);
            let mut finding = finding("model", &["phase2"], Err(found), fix);
            finding.state = State::Optional;
            finding
        }
        None => finding("model", &["phase2"], Ok(about), fix),
    }
}
