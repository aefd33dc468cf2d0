//! What is said when Docker is not as it should be. A made-up client speaks as the real one does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "docker/builder.rs"]
mod builder;
#[path = "docker/daemon.rs"]
mod daemon;
#[path = "docker/world.rs"]
mod docker_world;
#[path = "docker/guest.rs"]
mod guest;
#[path = "docker/kept.rs"]
mod kept;
#[path = "docker/private.rs"]
mod private;
#[path = "docker/real.rs"]
mod real;
#[path = "docker/registry.rs"]
mod registry;
mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::{World, text_of};

/// `xtask images list` with a client that says this and fails.
fn images(world: &World, said: &str) -> Command {
    let docker = world.fake().join("docker");
    std::fs::write(&docker, format!("#!/bin/sh\necho '{said}' >&2\nexit 1\n")).unwrap();
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(["images", "list"])
        .env("E2E_ROOT", world.root())
        .env("PATH", format!("{}:/usr/bin:/bin", world.fake().display()));
    for part in [
        "SERVER",
        "RUNNER",
        "GATEWAY",
        "MCP",
        "RUNNER_E2E",
        "TEMPORAL",
    ] {
        command.env(format!("E2E_IMAGE_{part}"), "somebody/else:1"); // there are no sources to hash
    }
    command
}

#[test]
fn a_trouble_with_docker_is_one_message_with_its_mend() {
    let world = World::new();
    let cases = [
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            20,
            "mend: sudo usermod",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            20,
            "the Docker daemon does not answer",
        ),
        (
            "write /var/lib/docker/tmp/x: no space left on device",
            30,
            "docker system prune makes room",
        ),
        ("something else", 30, "something else"),
    ];
    for (said, code, part) in cases {
        let output = images(&world, said).output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_machine_without_docker_hears_how_to_get_it() {
    let world = World::new();
    let output = images(&world, "")
        .env("PATH", world.root())
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(20), "{text}");
    assert!(text.contains("docker is not on PATH\n  mend: "), "{text}");
}
