//! `cargo xtask images` on a made-up Docker client that speaks as the real one does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::checkout::{ALL, Checkout};
use support::text_of;

#[test]
fn only_what_changed_is_built_again() {
    let checkout = Checkout::new("one");
    checkout.docker("");
    let build = || {
        let output = checkout.xtask(&["images"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
        let calls = checkout.calls();
        let compiled = calls.iter().any(|call| call.starts_with("cargo build"));
        let at = |part: &str| {
            let tag = format!(" --tag stigmer-e2e/{part}:");
            calls.iter().position(|call| call.contains(&tag))
        };
        let (base, on_it) = (at("runner"), at("runner-e2e"));
        assert!(base.is_none() || base < on_it, "{calls:?}");
        (Checkout::built(&calls), compiled)
    };
    assert_eq!(build(), (ALL.to_vec(), true));
    assert_eq!(build(), (vec![], false));
    checkout.write("crates/agent-runner/src/main.rs", "another line");
    assert_eq!(build().0, ["runner", "runner-e2e"]);
    checkout.write("crates/mcp-probe/src/main.rs", "another line");
    assert_eq!(build().0, ["mcp", "runner-e2e"]);
    checkout.write("compose/Dockerfile.runner-e2e", "another line");
    assert_eq!(build().0, ["runner-e2e"]);
}

#[test]
fn a_target_folder_of_cargos_configuration_hides_no_new_binary() {
    let checkout = Checkout::new("elsewhere");
    checkout.docker("");
    let mut command = checkout.xtask(&["images"]);
    let elsewhere = checkout.world.fake().join("elsewhere");
    let output = command.env("CARGO_BUILD_TARGET_DIR", &elsewhere).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    assert_eq!(Checkout::built(&checkout.calls()), ALL);
    assert!(!elsewhere.exists());
}

#[test]
fn a_build_that_fails_is_one_message_with_its_mend() {
    let cases = [
        (
            "COPY failed: no such thing",
            30,
            "COPY failed: no such thing",
        ),
        (
            "write /x: no space left on device",
            30,
            "docker system prune makes room",
        ),
        (
            "ERROR: BuildKit is enabled but the buildx component is missing or broken.",
            30,
            "mend: unset DOCKER_BUILDKIT",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
            20,
            "the Docker daemon does not answer",
        ),
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///x",
            20,
            "mend: sudo usermod",
        ),
    ];
    for (said, code, part) in cases {
        let checkout = Checkout::new("one");
        checkout.docker(&format!(
            "case \"$1 $*\" in build*/server:*) echo 'Step 1/7 : FROM scratch'; echo '{said}' >&2; exit 1;; esac"
        ));
        let output = checkout.xtask(&["images", "build"]).output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(part), "{text}");
        let log = checkout.world.root().join("target/images/server.log");
        let named = format!(
            "the image of server was not built; all of it in {}",
            log.display()
        );
        assert!(text.contains(&named), "{text}");
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.contains("Step 1/7") && log.contains(said), "{log}");
        let left = std::fs::read_dir(checkout.world.root().join("target/images")).unwrap();
        assert_eq!(left.count(), ALL.len(), "a context was left");
        // The others are built to their end.
        assert_eq!(Checkout::built(&checkout.calls()).len(), ALL.len());
    }
}

#[test]
fn binaries_that_do_not_compile_or_are_too_large_make_no_image() {
    let checkout = Checkout::new("one");
    checkout.docker("");
    checkout.script("cargo", "exit 101");
    let output = checkout.xtask(&["images"]).output().unwrap();
    assert_eq!(output.status.code(), Some(30));
    assert!(
        text_of(&output).contains("were not built (exit code 101)"),
        "{}",
        text_of(&output)
    );

    let large = Checkout::new("one");
    large.docker("");
    let file = std::fs::File::create(large.world.fake().join("program")).unwrap();
    file.set_len(25_000_001).unwrap();
    let output = large.xtask(&["images"]).output().unwrap();
    assert_eq!(output.status.code(), Some(30));
    let text = text_of(&output);
    assert!(
        text.contains("stigmer-server is 25000001 bytes, more than the 25000000"),
        "{text}"
    );
    assert!(Checkout::built(&large.calls()).is_empty());
}

#[test]
fn sources_that_change_while_they_compile_make_no_image() {
    let checkout = Checkout::new("one");
    checkout.docker("");
    let edit = "echo another line >> crates/stigmer-server/src/main.rs";
    checkout.script("cargo", edit);
    let output = checkout.xtask(&["images"]).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(30), "{text}");
    let why = "the sources of server changed while it was built: build again";
    assert!(text.contains(why), "{text}");
    assert!(Checkout::built(&checkout.calls()).is_empty());
}

#[test]
fn an_engine_that_takes_no_single_layer_builds_whole_images() {
    let like = r#"[{"RootFS":{"Layers":["sha256:1","sha256:2"]},"Config":{},"Os":"linux"}]"#;
    for (takes, built) in [(true, vec![]), (false, ALL.to_vec())] {
        let checkout = Checkout::new("one");
        checkout.docker(&format!(
            "case \"$1 $2 $3\" in
            \"image ls --quiet\") echo sha256:1; exit;;
            \"image inspect \"*) echo '{like}'; exit;;
            \"load \"*) echo 'layer \"0.tar\" not found' >&2; {takes}; exit;;
            esac"
        ));
        let output = checkout.xtask(&["images"]).output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert_eq!(text.matches("built in").count(), ALL.len(), "{text}");
        let calls = checkout.calls();
        let loads = calls.iter().filter(|it| it.starts_with("docker load "));
        assert_eq!(loads.count(), ALL.len(), "{calls:?}");
        assert_eq!(Checkout::built(&calls), built);
    }
}
