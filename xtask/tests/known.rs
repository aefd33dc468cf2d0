//! Tests that are known to differ, by a real nextest in a checkout of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;
use support::{World, text_of};

/// What fails is decided by files beside the made-up services.
const TESTS: &str = r#"
fn works(what: &str) { assert!(std::path::Path::new(&std::env::var("E2E_FAKE").unwrap()).join(what).exists(), "no {what}"); }
mod lists { #[test] fn agents() { super::works("list") } #[test] fn skills() { super::works("list") } }
mod run { #[test] fn cancel() { super::works("cancel") } #[test] fn runs() { super::works("server") } }
"#;

const KNOWN: &str = r#"
[[known]]
phase = "phase1"
because = "no list"
tests = ["test(/^lists::/)"]
[[known]]
phase = "phase1"
because = "no cancel"
tests = ["run::cancel"]
[[known]]
phase = "phase1"
because = "of a part that is ours"
part = "runner"
tests = ["run::runs"]
"#;

struct Checkout(World);

impl Checkout {
    fn new() -> Self {
        let world = World::new();
        world.good_server();
        for folder in ["src", "tests", ".config"] {
            std::fs::create_dir(world.root().join(folder)).unwrap();
        }
        let manifest =
            "[package]\nname = \"checked\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
        let nextest =
            "[profile.e2e]\nfail-fast = false\n[profile.e2e.junit]\nreport-name = \"e\"\n";
        let files = [
            ("Cargo.toml", manifest),
            ("src/lib.rs", ""),
            ("tests/phase1.rs", TESTS),
            (".config/nextest.toml", nextest),
        ];
        for (name, text) in files {
            std::fs::write(world.root().join(name), text).unwrap();
        }
        Self(world)
    }

    fn run(&self, known: &str) -> (Output, String) {
        std::fs::write(self.0.root().join("k.toml"), known).unwrap();
        let mut command = self.0.e2e(&["phase1", "--parts", "k.toml"]);
        command.current_dir(self.0.root());
        // This test may run under nextest itself.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NEXTEST") {
                command.env_remove(name);
            }
        }
        let output = command.output().unwrap();
        let text = text_of(&output);
        (output, text)
    }

    fn evidence(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.runs().join("latest").join(name)).unwrap()
    }
}

#[test]
fn what_differs_as_known_passes_and_all_else_is_judged() {
    let checkout = Checkout::new();
    let (output, text) = checkout.run(KNOWN);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let line = "phase1: 1 passed, 3 differ as known: no list (2), no cancel (1) in ";
    assert!(text.contains(line), "{text}");
    let junit = checkout.evidence("phase1/junit.xml");
    assert!(
        junit.contains("skipped=\"3\"")
            && junit.contains("failures=\"0\"")
            && junit.contains("no list (k.toml:5)"),
        "{junit}"
    );
    assert!(junit.contains("thread"), "what it said is kept: {junit}");
    let run: serde_json::Value = serde_json::from_str(&checkout.evidence("run.json")).unwrap();
    let tests = &run["tests"]["phase1"];
    assert_eq!(
        (&tests["passed"], tests["failed"].as_array().unwrap().len()),
        (&1.into(), 0)
    );
    assert_eq!(tests["known"].as_array().unwrap().len(), 3, "{run}");

    // A neighbour's regression fails it as ever.
    let (output, text) = checkout.run(&KNOWN.replace("\"run::cancel\"", "\"lists::skills\""));
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(
        text.contains(
            "phase1: 1 of 4 tests failed, 2 differ as known: no cancel (1), no list (1) in "
        ),
        "{text}"
    );
    let run: serde_json::Value = serde_json::from_str(&checkout.evidence("run.json")).unwrap();
    assert_eq!(run["tests"]["phase1"]["failed"][0], "run::cancel");
    let junit = checkout.evidence("phase1/junit.xml");
    assert!(
        junit.contains("failures=\"1\"") && junit.contains("skipped=\"2\""),
        "{junit}"
    );

    // One that passes although it is listed is named.
    std::fs::write(checkout.0.fake().join("cancel"), "").unwrap();
    let (output, text) = checkout.run(KNOWN);
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(
        text.contains(
            "listed as known to differ: take it off\n      run::cancel (k.toml:9: no cancel)"
        ),
        "{text}"
    );
    let junit = checkout.evidence("phase1/junit.xml");
    assert!(
        junit.contains("failures=\"1\"")
            && junit.contains("skipped=\"2\"")
            && junit.contains("type=\"known difference\""),
        "{junit}"
    );
    let run: serde_json::Value = serde_json::from_str(&checkout.evidence("run.json")).unwrap();
    let tests = &run["tests"]["phase1"];
    assert_eq!(tests["stale"][0]["test"], "run::cancel", "{run}");
    assert_eq!(tests["known"].as_array().unwrap().len(), 2, "{run}");
    assert_eq!(run["exit_code"], 10, "{run}");

    let wrong = [
        (
            "run::cancel",
            "run::cancels",
            "k.toml:9: phase1 has no test named run::cancels",
        ),
        (
            "/^lists::/",
            "/^lost::/",
            "k.toml:5: test(/^lost::/) stands for no test of phase1",
        ),
        ("/^lists::/", "/^(/", "k.toml:5: error: invalid regex"),
    ];
    for (from, to, why) in wrong {
        let (output, text) = checkout.run(&KNOWN.replace(from, to));
        assert_eq!(output.status.code(), Some(2), "{to}: {text}");
        assert!(text.contains(why), "{to}: {text}");
    }
    checkout.0.assert_nothing_left();
}

#[test]
fn what_our_files_list_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("parts/stigmer-go.toml")).unwrap();
    let file: toml::Table = toml::from_str(&text).unwrap();
    let mut count = 0;
    for known in file["known"].as_array().unwrap() {
        let phase = known["phase"].as_str().unwrap();
        let folder = root.join("test-e2e/tests").join(phase);
        for test in known["tests"].as_array().unwrap() {
            let test = test.as_str().unwrap();
            if test.contains('(') {
                continue;
            }
            let mut path: Vec<&str> = test.split("::").collect();
            let function = format!("fn {}(", path.pop().unwrap());
            let file = folder.join(path.join("/"));
            let sources = [file.with_extension("rs"), file.join("mod.rs")];
            let has = |path: &PathBuf| {
                std::fs::read_to_string(path).is_ok_and(|text| text.contains(&function))
            };
            assert!(sources.iter().any(has), "{phase} {test}");
            count += usize::from(phase == "phase1");
        }
    }
    assert_eq!(count, 66, "56 that were measured, and 10 that came later");
}
