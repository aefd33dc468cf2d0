//! A machine that lacks things hears of all of them at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::process::Command;
use support::{World, text_of};

/// `xtask prereqs` on a machine with nothing on PATH and no folder to write to.
fn bare(world: &World, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let tools = world.fake().join("a-file");
    std::fs::write(&tools, "").unwrap();
    command
        .arg("prereqs")
        .args(args)
        .env("E2E_ROOT", world.root())
        .env("PATH", world.fake())
        .env("E2E_TOOLS_DIR", tools.join("tools"))
        .env("OLLAMA_HOST", "127.0.0.1:1")
        .env_remove("E2E_MODEL_URL");
    command
}

#[test]
fn everything_that_is_missing_is_listed_with_its_mend() {
    let world = World::new();
    let output = bare(&world, &[]).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(20), "{text}");
    for name in [
        "rust",
        "C compiler",
        "python3 and pip",
        "temporal",
        "model",
        "tools cache",
        "disk",
    ] {
        assert!(
            text.contains(&format!("MISSING  {name}")),
            "{name} is not in:\n{text}"
        );
    }
    assert!(text.ends_with("7 things are missing\n"), "{text}");
    assert_eq!(
        text.matches("mend: ").count(),
        text.matches("MISSING").count() + text.matches("optional").count(),
        "{text}"
    );
}

#[test]
fn programs_read_the_same_as_json() {
    let world = World::new();
    let output = bare(&world, &["phase1", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(20));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["schema"], &report["ok"]),
        (&1.into(), &false.into())
    );
    let findings = report["findings"].as_array().unwrap();
    let compiler = findings
        .iter()
        .find(|finding| finding["name"] == "C compiler")
        .unwrap();
    assert_eq!(compiler["state"], "missing");
    assert!(compiler["fix"].is_string() && compiler["found"].is_string());
    assert!(
        !findings.iter().any(|finding| finding["name"] == "model"),
        "phase 1 needs no model"
    );
}

#[test]
fn a_phase_that_lacks_something_is_skipped_loudly_or_fails_in_ci() {
    let world = World::new();
    let lacking = |ci: &str| {
        let mut command = world.e2e(&["phase2", "--exec", "true"]);
        command
            .env("PATH", world.fake())
            .env("E2E_TOOLS_DIR", world.fake().join("tools"))
            .env("OLLAMA_HOST", "127.0.0.1:1")
            .env("CI", ci);
        command.output().unwrap()
    };
    let output = lacking("");
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("phase2: SKIPPED, nothing of it ran"),
        "{text}"
    );
    assert!(
        text.contains("C compiler") && text.contains("python3"),
        "{text}"
    );
    assert_eq!(lacking("true").status.code(), Some(20));
    world.assert_nothing_left();
}
