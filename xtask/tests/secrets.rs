//! Keys of a run are told to those who need them, and stand in nothing that people read or share.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::played::behind_a_key;
use support::services::{environment, phase2, with_services, world};
use support::text_of;

#[test]
fn a_models_key_is_its_runners_and_in_no_file() {
    const CANARY: &str = "canary-of-the-model-5b1e";
    let (world, model) = (world(), behind_a_key(CANARY));
    let url = format!("http://{}/v1", model.address);
    let mut command = phase2(&world, &["--model-url", &url, "--exec", "true"]);
    command
        .env("STIGMER_LLM_API_KEY", CANARY)
        .env("OPENAI_API_KEY", "of-somebody-else");
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
fn a_models_key_is_a_secret_of_whoever_reuses_its_stack() {
    const CANARY: &str = "canary-of-the-model-9e4c";
    let (world, model) = (world(), behind_a_key(CANARY));
    let url = format!("http://{}/v1", model.address);
    let up = with_services(&world, &["up", "--runtime", "native", "--model-url", &url])
        .env("STIGMER_LLM_API_KEY", CANARY)
        .output()
        .unwrap();
    let said =
        "grep STIGMER_LLM_API_KEY $E2E_FAKE/runner.env > $(dirname $E2E_STACK)/logs/said.log";
    let reuse = [
        "e2e", "phase2", "--reuse", "--model", "replay", "--exec", said,
    ];
    let reuse = with_services(&world, &reuse).output().unwrap();
    let down = with_services(&world, &["down"]).output().unwrap();
    assert_eq!(up.status.code(), Some(0), "{}", text_of(&up));
    let text = text_of(&reuse);
    assert_eq!(reuse.status.code(), Some(50), "{text}");
    assert!(text.contains("logs/said.log: do not share it"), "{text}");
    assert_eq!(down.status.code(), Some(0), "{}", text_of(&down));
    world.assert_nothing_left();
}

#[test]
fn server_runner_and_tests_hear_of_a_collector_and_its_key_is_in_no_file() {
    const CANARY: &str = "canary-of-the-collector-3c9d";
    const NAMES: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"];
    let world = world();
    let noted = "env > $E2E_FAKE/script.env; \
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
    world.ready_after("runner", "echo key=$STIGMER_RUNNER_KEY", "exec sleep 60");
    let output = phase2(&world, &["--model", "replay", "--exec", "true"])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(50), "{text}");
    assert!(text.contains("logs/runner.log: do not share it"), "{text}");
}

#[test]
fn a_key_that_a_dying_service_says_is_shown_nowhere() {
    const CANARY: &str = "canary-of-the-collector-3c9d";
    let said = "echo key=$OTEL_EXPORTER_OTLP_HEADERS; exit 7";
    let dying = || {
        let world = world();
        world.server(said);
        world
    };
    let headers = format!("x-key={CANARY}");
    let hidden = |text: &str| {
        assert!(
            text.contains("server died during start with exit code 7"),
            "{text}"
        );
        assert!(text.contains("key=x-key=***"), "{text}");
        assert!(!text.contains(CANARY), "{text}");
    };
    let world = dying();
    let step = world.fake().join("step");
    let mut command = phase2(&world, &["--model", "replay", "--exec", "true"]);
    command
        .env("OTEL_EXPORTER_OTLP_HEADERS", &headers)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &step);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(40), "{}", text_of(&output));
    hidden(&text_of(&output));
    let run = std::fs::read_to_string(world.runs().join("latest/run.json")).unwrap();
    hidden(&run);
    assert!(step.exists());

    let world = dying();
    let mut command = with_services(&world, &["up", "--model", "replay"]);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", &headers);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(40), "{}", text_of(&output));
    hidden(&text_of(&output));
    world.assert_nothing_left();
}

#[test]
fn a_key_that_a_service_says_before_it_dies_under_the_tests_is_shown_nowhere() {
    let world = world();
    let said = "echo key=$STIGMER_RUNNER_KEY; echo $$ > $E2E_FAKE/runner.pid";
    world.ready_after("runner", said, "exec sleep 60");
    let kill = "kill -9 $(cat $E2E_FAKE/runner.pid); sleep 300";
    let mut command = phase2(&world, &["--model", "replay", "--exec", kill]);
    let output = command.output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(10), "{text}");
    let key = &environment(&world, "server")["STIGMER_RUNNER_KEY"];
    assert!(text.matches("key=***").count() >= 2, "{text}");
    assert!(!text.contains(key), "{text}");
    let run = std::fs::read_to_string(world.runs().join("latest/run.json")).unwrap();
    assert!(run.contains("key=***") && !run.contains(key), "{run}");
}
