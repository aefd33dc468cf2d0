//! What images and tools are fetched from, on a made-up Docker client, and that --offline fetches nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::checkout::{ALL, Checkout};
use support::text_of;

#[test]
fn what_the_registry_has_is_pulled_and_the_rest_is_built() {
    let checkout = Checkout::new("one");
    checkout.docker(
        "[ $1 = pull ] && case $* in */server:*) exit 0;; *) echo 'Error: manifest unknown' >&2; exit 1;; esac",
    );
    let output = checkout
        .xtask(&["images", "--registry", "r.example/team/"])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("server     pulled in "), "{text}");
    assert!(
        text.contains("runner     is not in the registry r.example/team/stigmer-e2e/runner:"),
        "{text}"
    );
    let calls = checkout.calls();
    assert_eq!(Checkout::built(&calls), ALL[1..]);
    let pulls = calls
        .iter()
        .filter(|call| call.starts_with("docker pull"))
        .count();
    assert_eq!(
        pulls, 5,
        "what is not there is not asked for again: {calls:?}"
    );
}

#[test]
fn a_registry_that_does_not_answer_is_asked_once_and_told() {
    let checkout = Checkout::new("one");
    checkout.docker("[ $1 = pull ] && { echo 'dial tcp: connection refused' >&2; exit 1; }");
    let asked = |args: &[&str]| {
        let output = checkout
            .xtask(args)
            .args(["--registry", "r.example"])
            .output()
            .unwrap();
        let pulls = checkout
            .calls()
            .iter()
            .filter(|call| call.starts_with("docker pull"))
            .count();
        (output.status.code(), pulls, text_of(&output))
    };
    let (code, pulls, text) = asked(&["images", "pull"]);
    assert_eq!((code, pulls), (Some(30), 1), "{text}");
    assert!(
        text.contains("connection refused") && text.contains("mend: is r.example right"),
        "{text}"
    );
    let (code, pulls, text) = asked(&["images", "build"]);
    assert_eq!(
        (code, pulls),
        (Some(0), 1),
        "only the first is asked for: {text}"
    );
    assert!(
        text.contains("nothing comes from r.example, so they are built"),
        "{text}"
    );
}

#[test]
fn a_registry_is_needed_to_push_and_pull() {
    let checkout = Checkout::new("one");
    checkout.docker("");
    for verb in ["push", "pull"] {
        let output = checkout.xtask(&["images", verb]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
        assert!(
            text_of(&output).contains("mend: --registry HOST"),
            "{}",
            text_of(&output)
        );
    }
}

#[test]
fn offline_fetches_nothing() {
    let checkout = Checkout::new("one");
    checkout.docker("");
    checkout.script("python3", "exit 1");
    let offline = |args: &[&str]| {
        let mut command = checkout.xtask(args);
        command.env_remove("E2E_IMAGE_TEMPORAL").arg("--offline");
        let output = command.output().unwrap();
        let calls = checkout.calls();
        let fetch = |call: &&String| call.starts_with("docker pull") || call.starts_with("python3");
        assert_eq!(calls.iter().find(fetch), None, "{args:?}");
        (output.status.code(), text_of(&output), calls)
    };
    // All that is ours is built, by a cargo that is told; then Temporal is not to be had.
    let (code, text, calls) = offline(&["images", "--registry", "r.example"]);
    assert_eq!(code, Some(20), "{text}");
    assert!(
        text.contains(
            "--offline forbids to fetch: temporal\n  mend: cargo xtask tools install temporal"
        ),
        "{text}"
    );
    assert_eq!(Checkout::built(&calls), ALL);
    let cargo = calls
        .iter()
        .find(|call| call.starts_with("cargo build"))
        .unwrap();
    assert!(cargo.ends_with(" --offline"), "{cargo}");
    let (code, text, _) = offline(&["images", "pull", "--registry", "r.example"]);
    assert_eq!(code, Some(30), "{text}");
    assert!(
        text.contains("--offline forbids to fetch: r.example/stigmer-e2e/temporal:"),
        "{text}"
    );
    assert_eq!(
        offline(&["images", "push", "--registry", "r.example"]).0,
        Some(2)
    );
    let (code, text, _) = offline(&["tools", "install"]);
    assert_eq!(code, Some(20), "{text}");
    let (code, text, _) = offline(&["tools", "install", "compose"]);
    assert_eq!(code, Some(20), "{text}");
    // The same commands fetch when they may, so the scripts above do stand where something would be fetched.
    checkout.xtask(&["tools", "install"]).output().unwrap();
    assert!(
        checkout
            .calls()
            .iter()
            .any(|call| call.starts_with("python3"))
    );
}

#[test]
fn binaries_are_compiled_in_a_container_when_asked() {
    let checkout = Checkout::new("one");
    let build = |first: &str| {
        checkout.docker(first);
        let output = checkout
            .xtask(&["images", "--in-container"])
            .output()
            .unwrap();
        (output.status.code(), text_of(&output), checkout.calls())
    };
    let (code, text, calls) = build("");
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("--in-container needs images.builder in e2e.toml"),
        "{text}"
    );
    assert!(Checkout::built(&calls).is_empty());

    checkout.configure("builder = \"rust:1.92@sha256:0f\"");
    let (code, text, _) =
        build("[ $1 = pull ] && { echo 'Error: manifest for rust not found' >&2; exit 1; }");
    assert_eq!(code, Some(30), "{text}");
    assert!(
        text.contains("the image to compile in cannot be had: $ docker pull")
            && text.contains("mend: "),
        "{text}"
    );

    // The container's cargo is the script, outside.
    let run = "[ $1 = run ] && { while [ $1 != cargo ]; do shift; done; \
               shift; CARGO_TARGET_DIR=$E2E_ROOT/target/in-container exec $CARGO \"$@\"; }";
    let (code, text, calls) = build(run);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(Checkout::built(&calls), ALL);
    assert!(
        calls
            .iter()
            .any(|call| call == "docker pull --quiet rust:1.92@sha256:0f"),
        "{calls:?}"
    );
    // By these the next run finds a container whose xtask was killed.
    let run = calls.iter().find(|call| call.starts_with("docker run"));
    for label in ["run=images-", "checkout=", "owner="] {
        let label = format!("--label dev.stigmer.e2e.{label}");
        assert!(run.is_some_and(|run| run.contains(&label)), "{run:?}");
    }
    checkout.write("crates/agent-runner/src/main.rs", "another line");
    let mut offline = checkout.xtask(&["images", "--in-container", "--offline"]);
    let output = offline.output().unwrap();
    assert_eq!(output.status.code(), Some(30));
    assert!(
        text_of(&output).contains("--offline forbids to fetch it\n  mend: docker pull rust"),
        "{}",
        text_of(&output)
    );
}

#[test]
fn temporals_own_image_is_used_where_it_is_pinned() {
    let checkout = Checkout::new("one");
    checkout.docker("");
    checkout.configure("pinned.temporal = \"temporalio/temporal@sha256:0f\"");
    let mut command = checkout.xtask(&["images"]);
    let output = command.env_remove("E2E_IMAGE_TEMPORAL").output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("(on temporalio/temporal@sha256:0f)"),
        "{text}"
    );
    let calls = checkout.calls();
    assert!(
        calls
            .iter()
            .any(|call| call == "docker pull --quiet temporalio/temporal@sha256:0f"),
        "{calls:?}"
    );
    let on_it = "--build-arg TEMPORAL=temporalio/temporal@sha256:0f";
    assert!(calls.iter().any(|call| call.contains(on_it)), "{calls:?}");
    let used = checkout.world.fake().join("Dockerfile.temporal");
    let used = std::fs::read_to_string(used).unwrap();
    assert!(used.contains("FROM ${TEMPORAL}"), "{used}");
}
