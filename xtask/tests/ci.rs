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
