//! Addresses that people give: what is wrong with one is said at once, by the name of what gave it, and no key of it is shown.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use support::World;
use support::services::{phase2, world};
use support::text_of;

/// Refused before there is a run.
fn refused(world: &World, mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(!world.runs().join("latest").exists(), "{text}");
    text
}

#[test]
fn a_models_address_is_refused_before_anything_begins() {
    let world = world();
    for url in [
        "http://bob:hunter2@h/v1",
        "http://h/v1?key=hunter2",
        "hunter2@h",
        "ftp://bob:hunter2@h",
    ] {
        let text = refused(
            &world,
            phase2(&world, &["--model-url", url, "--exec", "true"]),
        );
        assert!(text.contains("--model-url "), "{text}");
        let mut command = phase2(&world, &["--exec", "true"]);
        command.env("E2E_MODEL_URL", url);
        let told = refused(&world, command);
        assert!(told.contains("E2E_MODEL_URL "), "{told}");
        let mut command = world.xtask(&["prereqs"]);
        command.env("E2E_MODEL_URL", url);
        let asked = refused(&world, command);
        for text in [text, told, asked] {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
    let mut command = phase2(&world, &["--exec", "true"]);
    command.env("E2E_MODEL_URL", std::ffi::OsStr::from_bytes(b"http://\xff"));
    let text = refused(&world, command);
    assert!(text.contains("E2E_MODEL_URL is no UTF-8"), "{text}");
    let mut command = phase2(&world, &["--exec", "true", "--model-url", "http://h"]);
    command.env("STIGMER_LLM_API_KEY", "hunter2\n");
    let text = refused(&world, command);
    assert!(
        text.contains("STIGMER_LLM_API_KEY holds") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn a_stack_of_somebody_elses_is_looked_at_once() {
    let world = world();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server.local_addr().unwrap().to_string();
    let free = "127.0.0.1:1";
    let external = |server: &str, temporal: &str, gateway: &str| {
        let mut command = phase2(&world, &["--reuse=external", "--exec", "true"]);
        command
            .env("E2E_SERVER_ADDR", server)
            .env("E2E_TEMPORAL_ADDR", temporal)
            .env("E2E_GATEWAY_URL", gateway);
        command
    };
    for (at, name) in [
        (["x", free, ""], "E2E_SERVER_ADDR"),
        (["https://bob:hunter2@h", free, ""], "E2E_SERVER_ADDR"),
        ([&server, "h:99999", ""], "E2E_TEMPORAL_ADDR"),
        ([&server, "http://h:1", ""], "E2E_TEMPORAL_ADDR"),
        ([&server, free, "nope"], "E2E_GATEWAY_URL"),
    ] {
        let text = refused(&world, external(at[0], at[1], at[2]));
        assert!(text.contains(name) && !text.contains("hunter2"), "{text}");
    }
    let output = external(&server, free, "").output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(40), "{text}");
    assert!(
        text.contains(&format!("nobody answers at E2E_TEMPORAL_ADDR={free}")),
        "{text}"
    );
}
