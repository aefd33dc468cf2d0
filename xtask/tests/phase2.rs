//! Phase 2's stack on made-up services: who is told what, and what becomes of a model that cannot be had.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use nix::sys::signal::Signal;
use support::services::{environment, phase2, world};
use support::{ANNOUNCED, send, text_of};

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
    let output = phase2(&world, &["--model", "replay", "--exec", "true"])
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
    let noted = "env > $E2E_FAKE/script.env";
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
fn programs_that_are_named_from_here_are_found_from_everywhere() {
    let world = world();
    let whole = format!(
        "grep -q '\"stigmer\": \"{}/' $E2E_STACK && grep -q '\"stdio\": \"/' $E2E_STACK",
        world.fake().display()
    );
    let output = phase2(&world, &["--model", "replay", "--exec", &whole])
        .current_dir(world.root())
        .env("E2E_CLI_BIN", "fake/true")
        .env("E2E_MCP_BIN", "./fake/mcp")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    world.assert_nothing_left();
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

#[test]
fn those_whom_others_ask_end_last_and_temporal_at_once() {
    let world = world();
    let ends = |service: &str, more: &str| {
        let note = "trap 'echo $(basename $0) >> $E2E_FAKE/ended; exit' TERM";
        world.ready_after(service, note, &format!("{more} sleep 60 & wait"));
    };
    ends("server", &format!("{ANNOUNCED};"));
    ends("gateway", &format!("{ANNOUNCED};"));
    ends("runner", "");
    ends("temporal", "");
    let output = phase2(&world, &["--model", "replay", "--exec", "true"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    let ended = std::fs::read_to_string(world.fake().join("ended")).unwrap();
    let ended: Vec<&str> = ended.lines().collect();
    assert_eq!(ended.len(), 3, "{ended:?}");
    assert_eq!(ended[2], "gateway", "{ended:?}");
    assert!(!ended.contains(&"temporal"), "{ended:?}");
}

#[test]
fn a_port_that_somebody_took_over_is_said() {
    let world = world();
    // It is none of the run's processes, as far as can be seen.
    let script = r#"at=$(sed -n 's/.*"address": "127.0.0.1:\([0-9]*\)".*/\1/p' $E2E_STACK | head -n 1)
env -u E2E_RUN_ID PATH=${PATH#*:} setsid python3 -c '
import os, socket, sys, time
held = socket.create_server(("127.0.0.1", int(sys.argv[1])))
open(os.environ["E2E_FAKE"] + "/taken.pid", "w").write(str(os.getpid()))
time.sleep(60)' $at > /dev/null 2>&1 &
until [ -s $E2E_FAKE/taken.pid ]; do sleep 0.01; done"#;
    let output = phase2(&world, &["--model", "replay", "--exec", script]).output();
    let output = output.unwrap();
    let taken = world.pid("taken").unwrap();
    send(u32::try_from(taken).unwrap(), Signal::SIGKILL);
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(50), "{text}");
    let said = "somebody still listens on this run's ports [";
    assert!(text.contains(said), "{text}");
}
