//! A stack that is kept, on made-up services: what is old is seen and started again, one service is changed by hand, one is
//! its user's own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;
use support::services::{with_services, world};
use support::{World, alive, send, text_of, wait_for};

/// Ends what a test kept, whatever becomes of the test.
struct Kept(World);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = with_services(&self.0, &["down"]).output();
    }
}

impl Kept {
    fn up() -> Self {
        let kept = Self(world());
        kept.passes(&["up", "--model", "replay", "--runtime", "native"]);
        kept
    }

    fn run(&self, args: &[&str]) -> (i32, String) {
        let output = with_services(&self.0, args).output().unwrap();
        (output.status.code().unwrap(), text_of(&output))
    }

    fn passes(&self, args: &[&str]) -> String {
        let (code, text) = self.run(args);
        assert_eq!(code, 0, "{args:?}\n{text}");
        text
    }

    /// Tests that only look at the stack.
    fn reuse(&self, how: &str) -> String {
        let seen = "cp $E2E_STACK $E2E_FAKE/stack";
        self.passes(&["e2e", "phase2", how, "--model", "replay", "--exec", seen])
    }

    fn status(&self) -> Value {
        let output = with_services(&self.0, &["status", "--json"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text_of(&output));
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(status["schema"], 1);
        status["stacks"][0].clone()
    }

    fn service(&self, name: &str) -> Value {
        let status = self.status();
        let services = status["services"].as_array().unwrap();
        let found = services.iter().find(|it| it["name"] == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {status}"))
            .clone()
    }

    fn pid(&self, name: &str) -> i32 {
        let service = self.service(name);
        let pid = service["pid"].as_i64();
        i32::try_from(pid.unwrap_or_else(|| panic!("{service}"))).unwrap()
    }

    /// Another build of a service, which does the same.
    fn edit(&self, name: &str) {
        let path = self.0.fake().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let draft = self.0.fake().join("draft");
        std::fs::write(&draft, format!("{text}# edited\n")).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions();
        std::fs::set_permissions(&draft, mode).unwrap();
        std::fs::rename(&draft, &path).unwrap();
    }
}

#[test]
fn what_changed_is_started_again_and_nothing_else() {
    let kept = Kept::up();
    let (server, runner) = (kept.pid("server"), kept.pid("runner"));
    let text = kept.reuse("--reuse");
    assert!(!text.contains("changed"), "{text}");
    assert_eq!(kept.pid("server"), server);

    kept.edit("server");
    let changed = kept.service("server")["changed"].clone();
    assert!(
        changed.as_str().unwrap().contains("its binary changed"),
        "{changed}"
    );
    assert!(kept.passes(&["status"]).contains("OLD: its binary changed"));

    let text = kept.reuse("--reuse=as-is");
    assert!(
        text.contains("AS IT IS: server: its binary changed, "),
        "{text}"
    );
    assert_eq!(kept.pid("server"), server, "{text}");

    let text = kept.reuse("--reuse");
    assert!(text.contains("server: its binary changed, "), "{text}");
    assert!(text.contains("started again"), "{text}");
    assert!(!text.contains("runner: "), "{text}");
    assert_ne!(kept.pid("server"), server);
    assert!(!alive(server));
    assert_eq!(kept.pid("runner"), runner);
    assert!(kept.service("server")["changed"].is_null());
    kept.passes(&["down"]);
    kept.0.assert_nothing_left();
}

#[test]
fn what_died_is_started_again_and_said() {
    let kept = Kept::up();
    send(u32::try_from(kept.pid("gateway")).unwrap(), Signal::SIGKILL);
    wait_for(|| kept.service("gateway")["state"] == "gone");
    let text = kept.reuse("--reuse=as-is");
    assert!(
        text.contains("AS IT IS: gateway: it does not run"),
        "{text}"
    );
    let text = kept.reuse("--reuse");
    assert!(
        text.contains("gateway: it does not run; started again"),
        "{text}"
    );
    assert_eq!(kept.service("gateway")["state"], "running");
}

#[test]
fn a_service_that_dies_under_the_tests_of_a_kept_stack_is_named() {
    let kept = Kept::up();
    let script = format!("kill -9 {}; sleep 60", kept.pid("server"));
    let (code, text) = kept.run(&[
        "e2e", "phase2", "--reuse", "--model", "replay", "--exec", &script,
    ]);
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("server died during the tests"), "{text}");
}

#[test]
fn up_again_brings_up_to_date_and_another_is_refused() {
    let kept = Kept::up();
    let (server, mcp) = (kept.pid("server"), kept.pid("mcp"));
    let text = kept.passes(&["up"]);
    assert!(
        text.contains("export STIGMER_SERVER_ADDR=127.0.0.1:4242"),
        "{text}"
    );
    kept.edit("mcp");
    let text = kept.passes(&["up"]);
    assert!(text.contains("mcp: its binary changed"), "{text}");
    assert_eq!(kept.pid("server"), server);
    assert_ne!(kept.pid("mcp"), mcp);
    let text = kept.passes(&["up", "--port-server", "4242"]);
    assert!(text.contains("127.0.0.1:4242"), "{text}");
    let other = [
        ["--runtime", "docker"],
        ["--parts", "other.toml"],
        ["--port-server", "242"],
        ["--port-temporal", "1"],
    ];
    for [flag, value] in other {
        let (code, text) = kept.run(&["up", flag, value]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("another stack is up already"), "{text}");
        assert!(text.contains(&format!("and {flag} asks")), "{text}");
    }
}

#[test]
fn one_service_is_changed_by_hand() {
    let kept = Kept::up();
    let first = kept.pid("server");
    assert!(kept.passes(&["stop", "server"]).contains("server stopped"));
    assert_eq!(kept.service("server")["state"], "gone");
    assert!(!alive(first));
    assert!(kept.passes(&["stop", "server"]).contains("does not run"));
    assert!(
        kept.passes(&["start", "server"])
            .contains("server ready at 127.0.0.1:4242")
    );
    let second = kept.pid("server");
    assert!(kept.passes(&["start", "server"]).contains("runs already"));
    kept.edit("server");
    kept.passes(&["restart", "server", "runner"]);
    assert_ne!(kept.pid("server"), second);
    let changed = kept.service("server")["changed"].clone();
    assert!(changed.is_null(), "it runs the new one: {changed}");
    kept.passes(&["kill", "server"]);
    let (code, text) = kept.run(&["pause", "server"]);
    assert_eq!(code, 2, "{text}");
    let (code, text) = kept.run(&["restart", "nobody"]);
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("it has gateway, mcp, runner, server, temporal"),
        "{text}"
    );
    let (code, text) = kept.run(&["wait", "server", "--seconds", "5"]);
    assert_eq!(code, 40, "{text}");
    kept.passes(&["restart", "server"]);
    kept.passes(&["wait", "--seconds", "5"]);
}

#[test]
fn two_commands_do_not_change_a_stack_at_once() {
    let kept = Kept::up();
    let file = kept.0.runs().join("latest/pids/.change");
    let file = File::options()
        .create(true)
        .append(true)
        .open(file)
        .unwrap();
    file.lock().unwrap();
    for args in [
        &["restart", "server"][..],
        &["up"],
        &["network", "heal", "server"],
    ] {
        let (code, text) = kept.run(args);
        assert_eq!(code, 2, "{text}");
        assert!(
            text.contains("another command is changing this stack"),
            "{text}"
        );
    }
    // A run takes its turn.
    let mut reuse = with_services(&kept.0, &["e2e", "phase2", "--reuse", "--exec", "true"]);
    let mut reuse = reuse.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(reuse.stderr.take().unwrap()).lines();
    let waits = said.find(|line| line.as_ref().unwrap().contains("waits for its end"));
    assert!(waits.is_some(), "{:?}", reuse.wait());
    drop(file);
    let rest: Vec<String> = said.map_while(Result::ok).collect();
    assert!(reuse.wait().unwrap().success(), "{rest:#?}");
    kept.passes(&["restart", "server"]);
}

#[test]
fn a_paused_service_stands_still_and_ends_all_the_same() {
    let kept = Kept::up();
    kept.passes(&["pause", "server"]);
    assert_eq!(kept.service("server")["state"], "paused");
    kept.passes(&["resume", "server"]);
    assert_eq!(kept.service("server")["state"], "running");
    kept.passes(&["pause", "server", "temporal"]);
    kept.passes(&["down"]);
    kept.0.assert_nothing_left();
}

/// What the kernel lets a process write into one file.
fn most_of_a_file(pid: i32) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|it| it.starts_with("Max file size"));
    let words = line.unwrap().split_whitespace();
    words.skip(3).take(1).collect()
}

#[test]
fn the_servers_disk_is_full_until_it_has_room() {
    let kept = Kept(world());
    let announce = "echo 127.0.0.1:4242 > $STIGMER_ANNOUNCE_FILE.tmp; mv $STIGMER_ANNOUNCE_FILE.tmp $STIGMER_ANNOUNCE_FILE";
    let stores = format!("printf 12345 > $DB_PATH; {announce}; exec sleep 60");
    kept.0.server(&stores);
    kept.passes(&["up", "--model", "replay", "--runtime", "native"]);
    let pid = kept.pid("server");
    assert_eq!(most_of_a_file(pid), "unlimited");
    assert!(kept.passes(&["disk", "fill"]).contains("disk is full"));
    assert_eq!(most_of_a_file(pid), "5");
    assert!(kept.passes(&["disk", "free"]).contains("has room"));
    assert_eq!(most_of_a_file(pid), "unlimited");
}

#[test]
fn a_network_is_cut_and_heals_behind_the_address_that_others_know() {
    let kept = Kept(world());
    // It says that it is somewhere, and nobody is there: whoever gets through is refused.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let announce = format!(
        "[ $GRPC_PORT = 0 ] && GRPC_PORT={port}; echo 127.0.0.1:$GRPC_PORT > $STIGMER_ANNOUNCE_FILE.tmp; mv $STIGMER_ANNOUNCE_FILE.tmp $STIGMER_ANNOUNCE_FILE"
    );
    kept.0.server(&format!("{announce}; exec sleep 60"));
    kept.passes(&["up", "--model", "replay", "--runtime", "native"]);
    let first = kept.pid("server");
    let text = kept.passes(&["network", "cut", "server"]);
    assert!(text.contains("server is cut off, after it was"), "{text}");
    assert!(!alive(first));
    let second = kept.pid("server");

    let address = kept.service("server")["address"].clone();
    let mut client = TcpStream::connect(address.as_str().unwrap()).unwrap();
    let short = Duration::from_millis(200);
    client.set_read_timeout(Some(short)).unwrap();
    let held = client.read(&mut [0]).unwrap_err();
    assert_eq!(held.kind(), ErrorKind::WouldBlock);
    let text = kept.passes(&["network", "heal", "server"]);
    assert_eq!(text.trim(), "server is on the network again");
    client.set_read_timeout(None).unwrap();
    let refused = client.read(&mut [0]);
    assert!(!matches!(refused, Ok(1..)), "{refused:?}");
    let text = kept.passes(&["network", "slow", "server", "7"]);
    assert_eq!(text.trim(), "server is slow, 7 ms a piece");
    assert_eq!(kept.pid("server"), second);

    for (service, why) in [
        (
            "nobody",
            "it has gateway, mcp, runner, server, server-network, temporal",
        ),
        ("temporal", "`pause` holds it where it is"),
    ] {
        let (code, text) = kept.run(&["network", "cut", service]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(why), "{text}");
    }
    kept.passes(&["down"]);
    kept.0.assert_nothing_left();
}

#[test]
fn without_a_kept_stack_every_verb_says_how_to_have_one() {
    let world = world();
    for args in [
        &["restart", "server"][..],
        &["e2e", "phase2", "--reuse"],
        &["e2e", "--reuse=as-is"],
        &["network", "cut", "server"],
        &["disk", "fill"],
    ] {
        let output = with_services(&world, args).output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("`cargo xtask up` starts one"), "{text}");
    }
    let wait = ["wait", "--seconds", "0"];
    let output = with_services(&world, &wait).output().unwrap();
    assert_eq!(output.status.code(), Some(40), "{}", text_of(&output));
}

#[test]
fn a_kept_server_of_phase_1_is_shown_and_ended_and_is_no_stack_to_reuse() {
    let kept = Kept(world());
    kept.passes(&["e2e", "phase1", "--keep", "--exec", "true"]);
    assert!(kept.passes(&["status"]).contains("phase1-server"));
    let (code, text) = kept.run(&["restart", "server"]);
    assert_eq!(code, 2, "{text}");
    kept.passes(&["down"]);
    kept.0.assert_nothing_left();
}

#[test]
fn a_service_of_its_users_is_waited_for_and_never_ended() {
    let kept = Kept(world());
    // It is ready once it has noted its environment.
    kept.0.program(
        "runner",
        "[ \"$1\" = healthcheck ] && { [ -e $E2E_FAKE/mine.env ]; exit $?; }\n\
         env > $E2E_FAKE/mine.part; mv $E2E_FAKE/mine.part $E2E_FAKE/mine.env; exec sleep 60",
    );
    let args = ["up", "--model", "replay", "--mine", "runner"];
    let mut up = with_services(&kept.0, &args).spawn().unwrap();
    let mut lines = BufReader::new(up.stderr.take().unwrap()).lines();
    let line = lines.find_map(|line| {
        let line = line.unwrap();
        let line = line.trim();
        line.starts_with("sh -c ").then(|| format!("exec {line}"))
    });
    let line = line.unwrap();
    assert!(
        !kept.0.fake().join("mine.env").exists(),
        "it was started: {line}"
    );
    // As it is printed.
    let mut mine = Command::new("sh");
    mine.args(["-c", &line]);
    let mut mine = mine.env("E2E_FAKE", kept.0.fake()).spawn().unwrap();
    let output = up.wait_with_output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let seen = std::fs::read_to_string(kept.0.fake().join("mine.env")).unwrap();
    assert!(
        seen.contains("STIGMER_RUNNER_KEY=") && !seen.contains("E2E_RUN_ID="),
        "{seen}"
    );
    assert_eq!(kept.service("runner")["state"], "yours");
    let (code, text) = kept.run(&["restart", "runner"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("runner is yours"), "{text}");
    kept.edit("runner");
    let text = kept.reuse("--reuse");
    assert!(!text.contains("runner: "), "{text}");
    kept.passes(&["down"]);
    assert!(mine.try_wait().unwrap().is_none(), "it was ended");
    mine.kill().unwrap();
    mine.wait().unwrap();
}
