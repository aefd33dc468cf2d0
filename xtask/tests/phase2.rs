//! Phase 2's stack on made-up services: who is told what, and what becomes of a model that cannot be had.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use support::played::behind_a_key;
use support::services::{phase2, world};
use support::{World, text_of};

fn environment(world: &World, name: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(world.fake().join(format!("{name}.env"))).unwrap();
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn without_a_model_all_but_the_live_lane_runs_and_says_so() {
    let world = world();
    let output = phase2(&world, &["--exec", "cp $E2E_STACK $E2E_FAKE/stack"])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("NO LIVE MODEL"), "{text}");
    assert!(
        text.contains("LEFT OUT: the live lane has no model: no address was given")
            && text.contains("python3 has no pip")
            && text.contains("to have it: set E2E_MODEL_URL"),
        "{text}"
    );
    let stack = std::fs::read_to_string(world.fake().join("stack")).unwrap();
    let stack: serde_json::Value = serde_json::from_str(&stack).unwrap();
    assert!(stack["model"].is_null(), "{stack}");
    assert_eq!(stack["gateway"]["base_url"], "http://127.0.0.1:4243/v1");
    assert_eq!(stack["gateway"]["mode"], "replay");
    assert_eq!(stack["mcp"]["http"], "http://127.0.0.1:4244/mcp");
    assert!(!environment(&world, "gateway").contains_key("GATEWAY_UPSTREAM"));
    world.assert_nothing_left();
}

#[test]
fn server_and_runner_share_a_key_that_nobody_else_has() {
    let world = world();
    let noted = "until [ -e $E2E_FAKE/runner.env ]; do sleep 0.01; done";
    let output = phase2(&world, &["--model", "replay", "--exec", noted])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("--model replay asks no model"), "{text}");
    let (server, runner) = (environment(&world, "server"), environment(&world, "runner"));
    let key = &server["STIGMER_RUNNER_KEY"];
    assert!(key.len() >= 32 && key != "of-somebody-else", "{key}");
    assert_eq!(key, &runner["STIGMER_RUNNER_KEY"]);
    assert_eq!(runner["STIGMER_LLM_BASE_URL"], "http://127.0.0.1:4243/v1");
    assert!(!runner.contains_key("STIGMER_LLM_API_KEY"));
    let commands = std::fs::read_to_string(world.runs().join("latest/commands.log")).unwrap();
    assert!(
        commands.contains("STIGMER_RUNNER_KEY=***") && !commands.contains(key),
        "{commands}"
    );
}

/// What a user of Temporal Cloud, of models and of proxies may have in the shell all day. None of it is for a stack of ours,
/// but for the gateway's way out.
const OF_THE_USER: [&str; 26] = [
    "TEMPORAL_API_KEY",
    "TEMPORAL_TLS",
    "TEMPORAL_TLS_CERT",
    "TEMPORAL_TLS_KEY",
    "TEMPORAL_CLI_ADDRESS",
    "TEMPORAL_ENV",
    "STIGMER_LLM_API_KEY",
    "STIGMER_LLM_API_KEY_FILE",
    "STIGMER_RUNNER_KEY_FILE",
    "STIGMER_SERVER_ADDR",
    "STIGMER_MAX_SECONDS",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "OLLAMA_MODELS",
    "OLLAMA_KEEP_ALIVE",
    "DB_PATH",
    "GATEWAY_API_KEY",
    "MCP_PROBE_NOTES",
    "LOG_FORMAT",
    "RUST_LOG",
    "XDG_DATA_HOME",
    "DOCKER_API_VERSION",
    "AWS_SECRET_ACCESS_KEY",
    "GITHUB_TOKEN",
    "https_proxy",
    "HTTP_PROXY",
];

#[test]
fn a_stack_of_ours_sees_nothing_of_the_user_that_was_not_chosen() {
    const CANARY: &str = "canary-of-the-user-7f3a";
    let world = world();
    let noted =
        "until [ -e $E2E_FAKE/runner.env ]; do sleep 0.01; done; env > $E2E_FAKE/script.env";
    let mut command = phase2(&world, &["--model", "replay", "--exec", noted]);
    for name in OF_THE_USER {
        command.env(name, CANARY);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    for service in ["temporal", "server", "gateway", "mcp", "runner"] {
        let seen = environment(&world, service);
        let theirs = seen.iter().filter(|(_, value)| *value == CANARY);
        let theirs: Vec<&str> = theirs.map(|(name, _)| name.as_str()).collect();
        match service {
            "gateway" => assert_eq!(theirs, ["HTTP_PROXY", "https_proxy"]),
            _ => assert!(theirs.is_empty(), "{service}: {theirs:?}"),
        }
        assert!(seen.contains_key("PATH") && seen.contains_key("E2E_RUN_ID"));
    }
    // A command of the user's own is not the stack's.
    assert_eq!(environment(&world, "script")["OPENAI_API_KEY"], CANARY);
    world.assert_no_run_has(CANARY);
}

#[test]
fn a_models_key_is_its_runners_and_in_no_file() {
    const CANARY: &str = "canary-of-the-model-5b1e";
    let (world, model) = (world(), behind_a_key(CANARY));
    let url = format!("http://{}/v1", model.address);
    let noted = "until [ -e $E2E_FAKE/runner.env ]; do sleep 0.01; done";
    let mut command = phase2(&world, &["--model-url", &url, "--exec", noted]);
    command.env("STIGMER_LLM_API_KEY", CANARY);
    let output = command.output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains(CANARY), "{text}");
    assert_eq!(environment(&world, "runner")["STIGMER_LLM_API_KEY"], CANARY);
    for service in ["temporal", "server", "gateway", "mcp"] {
        let seen = environment(&world, service);
        assert!(seen.values().all(|value| value != CANARY), "{service}");
    }
    world.assert_no_run_has(CANARY);
}

#[test]
fn server_runner_and_tests_hear_of_a_collector_and_its_key_is_in_no_file() {
    const CANARY: &str = "canary-of-the-collector-3c9d";
    const NAMES: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"];
    let world = world();
    let noted = "until [ -e $E2E_FAKE/runner.env ]; do sleep 0.01; done; env > $E2E_FAKE/script.env; \
                 echo $OTEL_EXPORTER_OTLP_HEADERS > $(dirname $E2E_STACK)/logs/said.log";
    let mut command = phase2(&world, &["--model", "replay", "--exec", noted]);
    let told = [
        "http://127.0.0.1:9".to_owned(),
        format!("x-key={CANARY},y=2"),
    ];
    for (name, value) in NAMES.iter().zip(&told) {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let text = text_of(&output);
    for service in ["server", "runner", "script"] {
        let seen = environment(&world, service);
        let seen = NAMES.map(|name| seen.get(name).cloned().unwrap_or_default());
        assert_eq!(seen, told, "{service}");
    }
    for service in ["temporal", "gateway", "mcp"] {
        let seen = environment(&world, service);
        assert!(
            !seen.keys().any(|name| name.starts_with("OTEL_")),
            "{service}"
        );
    }
    // Whoever writes it down is found.
    assert_eq!(output.status.code(), Some(50), "{text}");
    assert!(text.contains("logs/said.log: do not share it"), "{text}");
    assert!(!text.contains(CANARY), "{text}");
}

#[test]
fn the_runners_key_in_a_log_is_found() {
    let world = world();
    world.service("runner", "echo key=$STIGMER_RUNNER_KEY; exec sleep 60");
    let said = "until [ -s $(dirname $E2E_STACK)/logs/runner.log ]; do sleep 0.01; done";
    let output = phase2(&world, &["--model", "replay", "--exec", said])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(50), "{text}");
    assert!(text.contains("logs/runner.log: do not share it"), "{text}");
}

#[test]
fn whoever_needs_a_model_hears_that_there_is_none() {
    for args in [
        &["--if-missing", "fail"][..],
        &["--model", "record"],
        &["--model", "live"],
    ] {
        let world = world();
        let output = phase2(&world, args).args(["--exec", "true"]).output();
        let output = output.unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(20), "{args:?}\n{text}");
        assert!(
            text.contains("phase2: SKIPPED, nothing of it ran\n    no live model: "),
            "{text}"
        );
        assert!(text.contains("mend: set E2E_MODEL_URL"), "{text}");
        assert!(!world.fake().join("server.env").exists(), "it was started");
    }
}

#[test]
fn a_gateway_that_dies_is_named_and_the_runner_is_not_started() {
    let world = world();
    world.service("gateway", "echo no such mode >&2; exit 2");
    let output = phase2(&world, &["--model", "replay", "--exec", "true"])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(40), "{text}");
    assert!(
        text.contains("gateway died during start with exit code 2")
            && text.contains("no such mode"),
        "{text}"
    );
    assert!(!world.fake().join("runner.env").exists());
    world.assert_nothing_left();
}
