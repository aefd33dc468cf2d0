//! Every way a run can be cut off, with the real signals.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use nix::sys::signal::Signal;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{ANNOUNCED, World, alive, send, small, text_of, wait_for};

#[test]
fn signals_during_start_end_everything() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let world = World::new();
        world.server("echo $$ > $E2E_FAKE/server.pid; exec sleep 60");
        let child = world.e2e(&["phase1", "--exec", "true"]).spawn().unwrap();
        wait_for(|| world.pid("server").is_some());
        send(child.id(), signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(130),
            "{signal}: {}",
            text_of(&output)
        );
        world.assert_nothing_left();
    }
}

#[test]
fn a_hangup_that_nohup_keeps_off_ends_nothing() {
    let world = World::new();
    world.good_server();
    let script = "echo $$ > $E2E_FAKE/tests.pid; until [ -e $E2E_FAKE/go ]; do sleep 0.02; done";
    let inner = world.e2e(&["phase1", "--exec", script]);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for(|| world.pid("tests").is_some());
    send(child.id(), Signal::SIGHUP);
    std::fs::write(world.fake().join("go"), "").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    world.assert_nothing_left();
}

#[test]
fn a_run_that_nobody_reads_goes_on_to_its_end() {
    let world = World::new();
    world.good_server();
    let script = "echo ran > $E2E_FAKE/ran";
    let mut child = world.e2e(&["phase1", "--exec", script]).spawn().unwrap();
    // As `| head` does.
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(world.fake().join("ran").exists(), "the tests did not run");
    world.assert_nothing_left();
}

#[test]
fn the_first_signal_lets_running_tests_end() {
    let world = World::new();
    world.good_server();
    let script = "trap 'echo told > $E2E_FAKE/told' INT; echo $$ > $E2E_FAKE/tests.pid; \
                  while [ ! -e $E2E_FAKE/told ]; do sleep 0.05; done; echo ended > $E2E_FAKE/ended";
    let child = world.e2e(&["phase1", "--exec", script]).spawn().unwrap();
    wait_for(|| world.pid("tests").is_some());
    send(child.id(), Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text_of(&output));
    assert!(
        world.fake().join("ended").exists(),
        "the tests were not let to end: {}",
        text_of(&output)
    );
    world.assert_nothing_left();
}

#[test]
fn the_second_signal_stops_at_once() {
    let world = World::new();
    // Neither waits for what a gentle end would take: 10 s for a service that does not hear.
    world.server(&format!("trap '' TERM; {ANNOUNCED}; exec sleep 60"));
    let script = "trap '' INT TERM; echo $$ > $E2E_FAKE/tests.pid; exec sleep 60";
    let child = world.e2e(&["phase1", "--exec", script]).spawn().unwrap();
    wait_for(|| world.pid("tests").is_some());
    send(child.id(), Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(200)); // two signals at once would arrive as one
    let began = Instant::now();
    send(child.id(), Signal::SIGTERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text_of(&output));
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "took {:?}",
        began.elapsed()
    );
    world.assert_nothing_left();
}

#[test]
fn tests_that_do_not_hear_the_first_signal_end_at_their_limit() {
    let world = World::new();
    world.good_server();
    world.configure("drain_seconds = 60", "drain_seconds = 1");
    let script = "trap '' INT; echo $$ > $E2E_FAKE/tests.pid; exec sleep 60";
    let child = world.e2e(&["phase1", "--exec", script]).spawn().unwrap();
    wait_for(|| world.pid("tests").is_some());
    let began = Instant::now();
    send(child.id(), Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text_of(&output));
    let took = began.elapsed();
    assert!(took > Duration::from_millis(900), "given no time: {took:?}");
    assert!(took < Duration::from_secs(20), "took {took:?}");
    world.assert_nothing_left();
}

#[test]
fn a_signal_while_cargo_builds_ends_it() {
    let world = World::new();
    world.good_server();
    let cargo = world.program("cargo", "echo $$ > $E2E_FAKE/cargo.pid; exec sleep 60");
    let mut command = world.e2e(&["phase1", "--exec", "true"]);
    let command = command.env("CARGO", cargo).env_remove("E2E_CLI_BIN");
    let child = command.spawn().unwrap();
    wait_for(|| world.pid("cargo").is_some());
    let began = Instant::now();
    send(child.id(), Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(!text.contains("still there after the stop"), "{text}");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "took {took:?}");
    world.assert_nothing_left();
}

#[test]
fn what_a_build_starts_for_later_builds_is_not_the_runs() {
    let world = World::new();
    world.good_server();
    let built = r#"{"reason":"compiler-artifact","target":{"name":"stigmer","kind":["bin"]},"executable":"/bin/true"}"#;
    let daemon = "setsid sleep 63 > /dev/null 2>&1 & echo $! > $E2E_FAKE/daemon.pid";
    let cargo = world.program("cargo", &format!("{daemon}; echo '{built}'"));
    let mut command = world.e2e(&["phase1", "--exec", "true"]);
    let command = command.env("CARGO", cargo).env_remove("E2E_CLI_BIN");
    let output = command.output().unwrap();
    let daemon = world.pid("daemon").unwrap();
    let lived = alive(daemon);
    send(u32::try_from(daemon).unwrap(), Signal::SIGKILL);
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    assert!(lived, "{}", text_of(&output));
    world.assert_nothing_left();
}

#[test]
fn a_program_of_the_harness_hears_a_signal_and_ends_by_itself() {
    let world = World::new();
    let script = "trap 'exit 130' INT; echo $$ > $E2E_FAKE/cargo.pid; sleep 5";
    let cargo = world.program("cargo", script);
    let mut command = world.xtask(&["bench"]);
    let child = command.env("CARGO", cargo).spawn().unwrap();
    wait_for(|| world.pid("cargo").is_some());
    send(child.id(), Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text_of(&output));
    world.assert_nothing_left();
}

#[test]
fn what_a_signal_kept_from_running_is_still_open() {
    let world = small::world();
    // One by one. By an argument, the run would not be noted as complete in any case.
    let path = world.root().join(".config/nextest.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (all, one) = ("test-threads = 8", "test-threads = 1");
    assert!(text.contains(all), "{text}");
    std::fs::write(&path, text.replace(all, one)).unwrap();
    let hold = world.fake().join("hold");
    std::fs::write(&hold, "").unwrap();
    let child = world.e2e(&["phase1"]).spawn().unwrap();
    world.until_begun("good");
    send(child.id(), Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text_of(&output));
    assert_eq!(world.order(), ["flake", "good"], "{}", text_of(&output));
    std::fs::remove_file(hold).unwrap();
    let output = world.e2e(&["--failed"]).output().unwrap();
    assert_eq!(world.order(), ["good", "wrong"], "{}", text_of(&output));
    assert_eq!(output.status.code(), Some(10), "{}", text_of(&output));
    world.assert_nothing_left();
}

#[test]
fn after_sigkill_the_next_command_sweeps() {
    let world = World::new();
    world.good_server();
    world.configure("term_seconds = 10", "term_seconds = 1");
    // Neither these tests nor what they leave hear a SIGTERM.
    let script = "trap '' TERM; echo $$ > $E2E_FAKE/tests.pid; setsid sleep 77";
    let mut child = world.e2e(&["phase1", "--exec", script]).spawn().unwrap();
    wait_for(|| world.pid("tests").is_some());
    send(child.id(), Signal::SIGKILL);
    child.wait().unwrap();
    let (server, tests) = (world.pid("server").unwrap(), world.pid("tests").unwrap());
    assert!(alive(server) && alive(tests), "nothing to sweep");
    let dead = std::fs::canonicalize(world.runs().join("latest")).unwrap();

    let output = world.e2e(&["phase1", "--exec", "true"]).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("swept the dead run"), "{text}");
    assert!(!alive(server) && !alive(tests), "{text}");
    let info = std::fs::read_to_string(dead.join("run.json")).unwrap();
    assert!(info.contains("\"exit_code\": 137"), "{info}");
    assert!(!dead.join("phase1/data").exists() && dead.join("phase1/logs/server.log").exists());
    world.assert_nothing_left();
}

#[test]
fn a_foreign_process_with_a_recorded_pid_survives_the_sweep() {
    let world = World::new();
    world.good_server();
    let mut foreign = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let dead = world.runs().join("20200101-000000-dead");
    std::fs::create_dir_all(dead.join("pids")).unwrap();
    let owner = r#"{"pid":1,"start":"not its start"}"#;
    let info = format!(
        r#"{{"run_id":"20200101-000000-dead","owner":{owner},"started_at":"","checkout":"","commit":null,
            "versions":{{}},"seed":1,"kept":false,"exit_code":null}}"#
    );
    std::fs::write(dead.join("run.json"), info).unwrap();
    std::fs::write(
        dead.join("pids/phase1-server.json"),
        format!(r#"{{"pid":{},"start":"not its start"}}"#, foreign.id()),
    )
    .unwrap();
    let output = world.e2e(&["phase1", "--exec", "true"]).output().unwrap();
    assert!(
        text_of(&output).contains("swept the dead run 20200101-000000-dead"),
        "{}",
        text_of(&output)
    );
    assert!(
        foreign.try_wait().unwrap().is_none(),
        "a foreign process was ended"
    );
    foreign.kill().unwrap();
    foreign.wait().unwrap();
}

#[test]
fn two_runs_in_one_checkout_do_not_meet() {
    let world = World::new();
    world.good_server();
    let slow = world
        .e2e(&[
            "phase1",
            "--exec",
            "echo $$ > $E2E_FAKE/tests.pid; while [ ! -e $E2E_FAKE/go ]; do sleep 0.02; done",
        ])
        .spawn()
        .unwrap();
    wait_for(|| world.pid("tests").is_some());
    let quick = world.e2e(&["phase1", "--exec", "true"]).output().unwrap();
    assert_eq!(quick.status.code(), Some(0), "{}", text_of(&quick));
    std::fs::write(world.fake().join("go"), "").unwrap();
    let slow = slow.wait_with_output().unwrap();
    assert_eq!(slow.status.code(), Some(0), "{}", text_of(&slow));
    world.assert_nothing_left();
}
