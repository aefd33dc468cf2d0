//! The life of a stack, on made-up services and real signals.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::{Duration, Instant};
use support::{ANNOUNCED, World, text_of};

#[test]
fn a_service_that_dies_at_once_is_named_with_its_exit_code_and_last_lines() {
    let world = World::new();
    world.server("echo about to fall; echo no such table >&2; exit 7");
    let began = Instant::now();
    let output = world.e2e(&["phase1", "--exec", "true"]).output().unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "the start's time limit was waited for"
    );
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(40), "{text}");
    assert!(
        text.contains("server died during start with exit code 7"),
        "{text}"
    );
    assert!(
        text.contains("about to fall\n") && text.contains("no such table"),
        "{text}"
    );
    assert!(text.contains("phase1/logs/server.log"), "{text}");
    world.assert_nothing_left();
}

#[test]
fn a_binary_that_is_not_there_is_named_before_anything_is_built() {
    let world = World::new();
    world.good_server();
    let phase1: &[&str] = &["e2e", "phase1", "--exec", "true"];
    let up: &[&str] = &["up", "--runtime", "native", "--model", "replay"];
    for (args, variable) in [
        (phase1, "E2E_SERVER_BIN"),
        (phase1, "E2E_CLI_BIN"),
        (up, "E2E_RUNNER_BIN"),
        (up, "E2E_TEMPORAL_BIN"),
    ] {
        let mut command = world.xtask(args);
        let output = command.env(variable, "/no/such").output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        let why = "/no/such, as configured: no program is there\n  mend: correct or unset ";
        assert!(text.contains(&format!("{why}{variable}")), "{text}");
    }
    assert!(!world.runs().exists(), "something was begun");
    // What the phase does not run is not missed.
    let mut command = world.e2e(&["phase1", "--exec", "true"]);
    let output = command.env("E2E_RUNNER_BIN", "/no/such").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
}

#[test]
fn a_binary_that_is_no_program_is_named() {
    let world = World::new();
    let nonsense = world.program("nonsense", "");
    std::fs::write(&nonsense, "#!/no/such/shell\n").unwrap();
    let mut command = world.e2e(&["phase1", "--exec", "true"]);
    let output = command.env("E2E_SERVER_BIN", &nonsense).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(40), "{text}");
    let why = format!("server cannot be started: start {}", nonsense.display());
    assert!(text.contains(&why), "{text}");
}

#[test]
fn a_service_that_never_gets_ready_ends_the_wait_at_its_limit() {
    let world = World::new().impatient_of("server");
    world.server("echo thinking; exec sleep 60");
    let output = world.e2e(&["phase1", "--exec", "true"]).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(40), "{text}");
    assert!(
        text.contains("server is running but not ready after 2 s: it has not written its address"),
        "{text}"
    );
    world.assert_nothing_left();
}

#[test]
fn a_passing_run_leaves_only_its_evidence() {
    let world = World::new();
    world.good_server();
    let output = world
        .e2e(&["phase1", "--exec", "cat $E2E_STACK"])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("\"server\": \"http://127.0.0.1:4242\""),
        "{text}"
    );
    assert!(text.contains("phase1: passed"), "{text}");
    let latest = world.runs().join("latest");
    assert!(latest.join("phase1/logs/server.log").exists());
    assert!(!latest.join("phase1/data").exists());
    world.assert_nothing_left();
}

#[test]
fn failing_tests_are_exit_code_10_and_grandchildren_do_not_survive_them() {
    let world = World::new();
    world.good_server();
    // A test that leaves a process in a group of its own, as a test runner's children are.
    let output = world
        .e2e(&["phase1", "--exec", "setsid sleep 77 & exit 3"])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(text.contains("tests failed (exit code 3)"), "{text}");
    assert!(
        text.contains("still there after the stop, ended now"),
        "{text}"
    );
    world.assert_nothing_left();
}

#[test]
fn a_left_process_alone_is_exit_code_50() {
    let world = World::new();
    world.good_server();
    let output = world
        .e2e(&["phase1", "--exec", "setsid sleep 77 &"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(50), "{}", text_of(&output));
    world.assert_nothing_left();
}

#[test]
fn a_key_in_the_evidence_is_exit_code_50_and_its_file_is_named() {
    let world = World::new();
    world.good_server();
    let output = world
        .e2e(&[
            "phase1",
            "--exec",
            "cat $E2E_STACK > $(dirname $E2E_STACK)/logs/copy.log",
        ])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(50), "{text}");
    assert!(text.contains("logs/copy.log: do not share it"), "{text}");
}

#[test]
fn a_service_that_dies_under_the_tests_fails_them() {
    let world = World::new();
    world.good_server();
    let began = Instant::now();
    let output = world
        .e2e(&[
            "phase1",
            "--exec",
            // It hears at once that it is to begin nothing more, and nobody waits for what it would do.
            "trap 'echo told > $E2E_FAKE/told; exit' INT; kill -9 $(cat $E2E_FAKE/server.pid); sleep 300 & wait",
        ])
        .output()
        .unwrap();
    let text = text_of(&output);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "the tests went on without it: {text}"
    );
    assert!(world.fake().join("told").exists(), "{text}");
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(
        text.contains("server died during the tests with SIGKILL"),
        "{text}"
    );
}

#[test]
fn tests_that_do_not_hear_of_a_death_end_at_their_limit() {
    let world = World::new();
    world.good_server();
    let script = "trap '' INT; kill -9 $(cat $E2E_FAKE/server.pid); exec sleep 300";
    let began = Instant::now();
    let output = world.e2e(&["phase1", "--exec", script]).output().unwrap();
    let (took, text) = (began.elapsed(), text_of(&output));
    assert_eq!(output.status.code(), Some(10), "{text}");
    // 10 s, and 3 s for one that may only be slow to end.
    assert!(took > Duration::from_secs(10), "given no time: {took:?}");
    assert!(took < Duration::from_secs(25), "took {took:?}");
    world.assert_nothing_left();
}

#[test]
fn a_service_that_does_not_hear_sigterm_is_killed_at_its_limit() {
    let world = World::new();
    world.server(&format!("trap '' TERM; {ANNOUNCED}; exec sleep 60"));
    world.configure("term_seconds = 10", "term_seconds = 1");
    let began = Instant::now();
    let output = world.e2e(&["phase1", "--exec", "true"]).output().unwrap();
    let (took, text) = (began.elapsed(), text_of(&output));
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(took > Duration::from_millis(900), "given no time: {took:?}");
    assert!(took < Duration::from_secs(20), "took {took:?}");
    world.assert_nothing_left();
}

#[test]
fn usage_errors_are_exit_code_2() {
    let world = World::new();
    for args in [
        &["phase1", "--reuse"][..],
        &[
            "phase2",
            "--model-url",
            "h:1",
            "--model-name",
            "m",
            "--exec",
            "true",
        ],
    ] {
        let output = world.e2e(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    }
    std::fs::write(world.root().join("e2e.toml"), "[services]\nnonsense = 1\n").unwrap();
    let output = world.e2e(&["phase1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text_of(&output).contains("e2e.toml:2: unknown field `nonsense`"),
        "{}",
        text_of(&output)
    );
}

#[test]
fn tests_get_private_servers_by_the_control_address() {
    let world = World::new();
    world.good_server();
    // Python is there wherever phase 2 can run; the requests are those of docs/stack.md.
    let script = r#"python3 - <<'END'
import json, os, socket
at = json.load(open(os.environ["E2E_STACK"]))["control"]
host, port = at["address"].split(":")
stream = socket.create_connection((host, int(port))).makefile("rw")
def ask(**request):
    stream.write(json.dumps({"token": at["token"], **request}) + "\n")
    stream.flush()
    answer = json.loads(stream.readline())
    print(answer)
    return answer
started = ask(op="start", service="server", env={"FROM_A_TEST": "value-of" + "-a-test"})
assert started["ok"] == {"instance": "server-2", "endpoint": "http://127.0.0.1:4242"}, started
assert ask(op="kill", instance="server-2")["ok"] == {"code": None, "signal": 9}
assert ask(op="restart", instance="server-2")["ok"]["instance"] == "server-2"
assert "still runs" in ask(op="restart", instance="server-2")["error"]
assert ask(op="stop", instance="server-2")["ok"] == {"code": None, "signal": 15}
assert "shared by all tests" in ask(op="kill", instance="server")["error"]
assert "needs Temporal" in ask(op="start", service="runner")["error"]
assert "wrong token" in ask(op="kill", instance="server-2", token="guess")["error"]
assert "no instance" in ask(op="stop", instance="server-9")["error"]
assert "shared by all tests" in ask(op="restart", instance="server")["error"]
assert ask(op="relay", to="127.0.0.1:4242")["ok"]["instance"].startswith("relay-")
assert "no relay" in ask(op="close", instance="server-2")["error"]
assert "not a request" in ask(op="dance")["error"]
END"#;
    let output = world.e2e(&["phase1", "--exec", script]).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let commands = std::fs::read_to_string(world.runs().join("latest/commands.log")).unwrap();
    assert!(
        commands.contains("FROM_A_TEST=***") && !commands.contains("value-of-a-test"),
        "{commands}"
    );
    assert!(
        world
            .runs()
            .join("latest/phase1/logs/server-2.log")
            .exists()
    );
    world.assert_nothing_left();
}

#[test]
fn what_nextest_means_by_its_codes_others_do_not() {
    for (code, expected) in [(101, 10), (104, 10), (96, 10), (0, 0)] {
        let world = World::new();
        world.good_server();
        let script = format!("exit {code}");
        let output = world.e2e(&["phase1", "--exec", &script]).output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(expected), "{code}: {text}");
        assert!(!text.contains("could not be built or listed"), "{text}");
        if expected == 10 {
            // Failed tests are worth their evidence.
            let states = world.runs().join("latest/phase1/services.json");
            assert!(states.exists(), "{text}");
        }
        world.assert_nothing_left();
    }
}

#[test]
fn a_renamed_variable_that_is_still_set_is_refused_by_its_new_name() {
    let world = World::new();
    for (old, new) in [
        ("E2E_TOOLS_BIN", "E2E_MCP_BIN"),
        ("E2E_TOOLS_URL", "E2E_MCP_URL"),
    ] {
        let output = world.e2e(&["phase1"]).env(old, "x").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let text = text_of(&output);
        assert!(
            text.contains(&format!("{old} is set: it is called {new} now")),
            "{text}"
        );
    }
}

#[test]
fn a_skipped_phase_does_not_hide_what_the_other_left() {
    let world = World::new();
    world.server(
        "setsid sleep 61 & echo $! > $E2E_FAKE/left.pid; \
         echo 127.0.0.1:4242 > $STIGMER_ANNOUNCE_FILE.tmp; mv $STIGMER_ANNOUNCE_FILE.tmp $STIGMER_ANNOUNCE_FILE; exec sleep 60",
    );
    world.program("python3", "exit 1");
    let path = std::env::var("PATH").unwrap();
    let output = world
        .e2e(&["all", "--model", "replay", "--exec", "true"])
        .env("PATH", format!("{}:{path}", world.fake().display()))
        .env("E2E_TOOLS_DIR", world.fake().join("tools"))
        .env("E2E_TEMPORAL_BIN", "")
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(50), "{text}");
    assert!(text.contains("phase2: SKIPPED"), "{text}");
    assert!(text.contains("still there after the stop"), "{text}");
}

#[test]
fn a_path_with_blanks_and_umlauts_is_a_path() {
    let dir = tempfile::Builder::new()
        .prefix("a bü 'c'")
        .tempdir()
        .unwrap();
    let world = World::new();
    let root = dir.path().join("mein Verzeichnis");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::copy(world.root().join("e2e.toml"), root.join("e2e.toml")).unwrap();
    world.server(
        "echo 127.0.0.1:4242 > \"$STIGMER_ANNOUNCE_FILE.tmp\"; mv \"$STIGMER_ANNOUNCE_FILE.tmp\" \"$STIGMER_ANNOUNCE_FILE\"; exec sleep 60",
    );
    let output = world
        .e2e(&[
            "phase1",
            "--exec",
            "test -s \"$E2E_STACK\" && test -d \"$TMPDIR\"",
        ])
        .env("E2E_ROOT", &root)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    assert!(
        root.join("target/e2e/latest/phase1/logs/server.log")
            .exists()
    );
    world.assert_nothing_left();
}

#[test]
fn a_run_of_another_machine_is_left_alone_and_said() {
    let world = World::new();
    world.good_server();
    let other = world.runs().join("20200101-000000-away");
    std::fs::create_dir_all(other.join("phase1/data")).unwrap();
    std::fs::create_dir_all(other.join("pids")).unwrap();
    let own = std::process::id();
    let ident = format!(r#"{{"pid":{own},"start":"1","place":"elsewhere:b:1"}}"#);
    std::fs::write(other.join("pids/phase1-server.json"), &ident).unwrap();
    std::fs::write(
        other.join("run.json"),
        format!(
            r#"{{"run_id":"20200101-000000-away","owner":{ident},"started_at":"","checkout":"","commit":null,"versions":{{}},"seed":1,"kept":false,"exit_code":null}}"#
        ),
    )
    .unwrap();
    let output = world.e2e(&["phase1", "--exec", "true"]).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("left the run 20200101-000000-away alone: it is of elsewhere"),
        "{text}"
    );
    assert!(other.join("phase1/data").exists());
}
