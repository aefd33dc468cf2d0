//! A machine that lacks things hears of all of them at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::process::Command;
use support::checkout::Checkout;
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
        "nextest",
        "temporal",
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
fn builds_of_others_are_looked_at_and_nothing_is_made() {
    let world = World::new();
    let mut command = bare(&world, &[]);
    let home = world.fake().join("home");
    std::fs::create_dir(&home).unwrap();
    let builds = [
        ("SERVER", "/nope"),
        ("RUNNER", "~/x"),
        ("CLI", home.to_str().unwrap()),
        ("TEMPORAL", "/bin/true"),
    ];
    for (part, bin) in builds {
        command.env(format!("E2E_{part}_BIN"), bin);
    }
    command
        .env("HOME", &home)
        .env_remove("XDG_CACHE_HOME")
        .env_remove("E2E_TOOLS_DIR");
    let text = text_of(&command.current_dir(&home).output().unwrap());
    for name in ["stigmer-server", "agent-runner", "stigmer ", "temporal"] {
        assert!(text.contains(&format!("MISSING  {name}")), "{name}: {text}");
    }
    assert!(text.contains("correct or unset E2E_SERVER_BIN"), "{text}");
    let mut folder = bare(&world, &[]);
    folder.env("E2E_TOOLS_DIR", "~/x").current_dir(&home);
    let output = folder.output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("E2E_TOOLS_DIR is \"~/x\""), "{text}");
    assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0);
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
fn a_cache_that_cannot_be_written_is_needed_by_whoever_fetches() {
    let world = World::new();
    let state = || {
        let output = bare(&world, &["phase1", "--json"]).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let cache = findings.iter().find(|it| it["name"] == "tools cache");
        cache.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "missing");
    world.program("cargo-nextest", "echo cargo-nextest 9.9.9");
    assert_eq!(state(), "optional");
}

#[test]
fn what_is_optional_fails_nobody() {
    let world = World::new();
    world.program("rustc", "echo rustc 9.9.9");
    world.program("cc", "");
    world.program("cargo-nextest", "echo cargo-nextest 9.9.9");
    let df = "echo Filesystem; echo /dev/a 9 1";
    world.program("df", &format!("{df} 4194304 1% /"));
    let output = bare(&world, &["phase1"]).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("optional tools cache"), "{text}");
    assert!(
        text.contains("everything that is needed is there"),
        "{text}"
    );

    world.program("df", &format!("{df} 1048576 1% /"));
    let output = bare(&world, &["phase1"]).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(20), "{text}");
    assert!(
        text.ends_with("mend: cargo clean, or make room on this disk\n1 thing is missing\n"),
        "{text}"
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

/// What `prereqs` says of containers, on a machine whose Docker client answers this and whose Compose is a script.
fn containers(docker: &str, more: &[(&str, &str)]) -> String {
    let checkout = Checkout::new("one");
    checkout.docker(docker);
    checkout.script("compose", "echo v2.40.3");
    let output = checkout
        .xtask(&["prereqs", "phase2"])
        .env("E2E_COMPOSE", checkout.world.fake().join("compose"))
        .env_remove("DOCKER_BUILDKIT")
        .envs(more.iter().copied())
        .output()
        .unwrap();
    let text = text_of(&output);
    let from = text.find("docker  ").unwrap_or_else(|| panic!("{text}")) - 9;
    let text = text[from..].replace(&*checkout.world.fake().to_string_lossy(), "E2E_FAKE");
    let end = text
        .find("python")
        .or(text.find("everything"))
        .or(text.find("MISSING"));
    text[..end.unwrap_or(text.len())].trim_end().to_owned()
}

/// A client whose engine is at another machine, so that nothing of this one is in what is said.
fn answers(server: &str, info: &str) -> String {
    format!(
        "case $1 in\n\
         version) echo '{{\"Client\":{{\"Version\":\"28.2.2\"}},\"Server\":{server}}}';;\n\
         info) echo '{info}';;\n\
         context) echo tcp://build.example:2376;;\n\
         esac"
    )
}

#[test]
fn containers_are_described_with_what_is_wrong_and_its_mend() {
    let server = r#"{"Version":"27.0.1","Components":[{"Name":"Engine"}]}"#;
    let arch = std::env::consts::ARCH;
    let good = format!(
        r#"{{"OperatingSystem":"Ubuntu 24.04","OSType":"linux","Architecture":"{arch}","MemTotal":8000000000,"DockerRootDir":"/d","ClientInfo":{{"Plugins":[{{"Name":"buildx","Version":"v0.24"}}]}}}}"#
    );
    let said = containers(&answers(server, &good), &[]);
    insta::assert_snapshot!(said.replace(arch, "ARCH"));
    let bad = r#"{"OperatingSystem":"Docker Desktop","OSType":"linux","Architecture":"riscv64","MemTotal":1500000000,"ClientInfo":{"Plugins":null}}"#;
    let said = containers(&answers(server, bad), &[("DOCKER_BUILDKIT", "1")]);
    insta::assert_snapshot!(said.replace(arch, "ARCH"));
}

#[test]
fn an_engine_that_does_not_answer_is_one_finding() {
    let down = "[ $1 = version ] && { echo 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?' >&2; exit 1; }";
    let said = containers(down, &[]);
    assert!(
        said.starts_with("optional docker          the Docker daemon does not answer; only"),
        "{said}"
    );
    assert_eq!(said.matches("docker machine").count(), 0, "{said}");
    assert!(
        said.ends_with("native, since the Docker daemon does not answer"),
        "{said}"
    );
    let none = containers("exit 0", &[("E2E_COMPOSE", "/no/such/compose")]);
    assert!(none.contains("docker version gives no JSON"), "{none}");
    assert!(
        none.contains("no Docker Compose answers (E2E_COMPOSE=/no/such/compose)"),
        "{none}"
    );
}

#[test]
fn a_check_fetches_nothing_even_where_a_run_would() {
    let checkout = Checkout::new("one");
    checkout.docker("exit 1");
    checkout.script("python3", "echo 3.11 25.1");
    checkout.script("docker-compose", "echo 1.29.2");
    let prereqs = || {
        let mut command = checkout.xtask(&["prereqs", "phase2"]);
        let output = command.env_remove("E2E_COMPOSE").output().unwrap();
        (text_of(&output), checkout.calls())
    };
    let fetches = |calls: &[String]| calls.iter().any(|call| call.contains("pip download"));
    let (text, calls) = prereqs();
    assert!(!fetches(&calls), "{calls:?}");
    assert!(
        text.contains("compose         none answers; a run that uses Docker would fetch one"),
        "{text}"
    );
    assert!(!text.contains("will be fetched, since no other"), "{text}");
    assert!(
        !checkout.tools().exists() || std::fs::read_dir(checkout.tools()).unwrap().count() == 0
    );
    let arch = std::env::consts::ARCH;
    checkout.docker(&answers(
        r#"{"Version":"27.0.1"}"#,
        &format!(r#"{{"OSType":"linux","Architecture":"{arch}","MemTotal":8000000000}}"#),
    ));
    let (text, calls) = prereqs();
    assert!(!fetches(&calls), "{calls:?}");
    assert!(
        text.contains("will be fetched, since no other answers"),
        "{text}"
    );
}

#[test]
fn a_temporal_that_is_too_old_is_missing_where_nothing_can_be_fetched() {
    let world = World::new();
    world.good_server();
    world.program("temporal", "echo temporal version 1.0.0");
    world.program("python3", "exit 1");
    let path = std::env::var("PATH").unwrap();
    let mut run = world.e2e(&["phase2", "--model", "replay", "--exec", "true"]);
    let output = run
        .env("PATH", format!("{}:{path}", world.fake().display()))
        .env("E2E_TOOLS_DIR", world.fake().join("tools"))
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("phase2: SKIPPED, nothing of it ran"),
        "{text}"
    );
    assert!(
        text.contains("1.0.0 on PATH is too old; 1.9.1 will be fetched"),
        "{text}"
    );
}

#[test]
fn an_engine_of_another_machine_is_not_taken() {
    let checkout = Checkout::new("one");
    let arch = std::env::consts::ARCH;
    checkout.docker(&answers(
        r#"{"Version":"27.0.1"}"#,
        &format!(r#"{{"OSType":"linux","Architecture":"{arch}","MemTotal":8000000000}}"#),
    ));
    checkout.script("compose", "echo v2.40.3");
    let at = |args: &[&str]| {
        let mut command = checkout.xtask(args);
        let output = command
            .env("E2E_COMPOSE", checkout.world.fake().join("compose"))
            .env("DOCKER_HOST", "tcp://build.example:2376")
            .env(
                "E2E_TEMPORAL_BIN",
                checkout.world.program("temporal", "echo temporal 9.9.9"),
            )
            .env("OLLAMA_HOST", "127.0.0.1:1")
            .output()
            .unwrap();
        (output.status.code(), text_of(&output))
    };
    let why = "the Docker engine is another machine's (tcp://build.example:2376)";
    let (_, text) = at(&["prereqs", "phase2"]);
    assert!(
        text.contains(&format!("runtime         native, since {why}")),
        "{text}"
    );
    let asked = [
        "e2e",
        "phase2",
        "--runtime",
        "docker",
        "--model",
        "replay",
        "--exec",
        "true",
    ];
    let (code, text) = at(&asked);
    assert_eq!(code, Some(20), "{text}");
    assert!(
        text.contains(why) && text.contains("mend: --runtime native"),
        "{text}"
    );
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let world = World::new();
    let unset = text_of(&bare(&world, &["phase2"]).output().unwrap());
    let mut empty = bare(&world, &["phase2"]);
    for name in [
        "E2E_MODEL_BIN",
        "E2E_TEMPORAL_BIN",
        "E2E_MODEL_URL",
        "E2E_COMPOSE",
    ] {
        empty.env(name, "");
    }
    let empty = text_of(&empty.output().unwrap());
    assert!(
        empty.contains("but there is no pip to fetch it; the live lane"),
        "{empty}"
    );
    assert_eq!(empty, unset);
}
