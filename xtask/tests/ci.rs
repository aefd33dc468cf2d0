//! `ci` with a cargo made of shell.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::{World, text_of};

/// `cargo nextest run --workspace` links this very program anew while it runs.
#[test]
fn a_build_that_replaces_xtask_does_not_end_ci() {
    let world = World::new();
    let program = world.fake().join("xtask");
    std::fs::copy(env!("CARGO_BIN_EXE_xtask"), &program).unwrap();
    let cargo = world.program(
        "cargo",
        "printf '#!/bin/sh\necho built anew: \"$@\"\n' > $E2E_FAKE/xtask.new && chmod +x $E2E_FAKE/xtask.new && \
         mv $E2E_FAKE/xtask.new $E2E_FAKE/xtask",
    );
    let output = world
        .xtask_at(&program, &["ci", "--docker", "skip"])
        .env("CARGO", cargo)
        .output()
        .unwrap();
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("built anew: e2e all"), "{text}");
}

/// A test that waits for what never comes is ended, whoever runs it: each profile says when, and nothing takes it back.
#[test]
fn every_test_has_a_time_limit() {
    let config: toml::Table = toml::from_str(include_str!("../../.config/nextest.toml")).unwrap();
    let profiles = config["profile"].as_table().unwrap();
    for (name, profile) in profiles {
        assert!(ends(profile), "{name}");
        let overrides = profile.get("overrides").and_then(toml::Value::as_array);
        for it in overrides.into_iter().flatten() {
            assert!(it.get("slow-timeout").is_none() || ends(it), "{it:?}");
        }
    }
    assert!(profiles.contains_key("default") && profiles.contains_key("e2e"));
}

fn ends(profile: &toml::Value) -> bool {
    let limit = profile.get("slow-timeout");
    limit.is_some_and(|limit| limit.get("terminate-after").is_some())
}
