//! Which tests run, on small tests that a real nextest runs: those that failed, those that changed, those that are repeated.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Command;
use support::{World, small, text_of};

fn run(world: &World, code: i32, args: &[&str]) -> String {
    let output = world.e2e(args).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{text}");
    text
}

fn ran(world: &World) -> [usize; 4] {
    ["good", "wrong", "flake", "ignored"].map(|test| world.ran(test))
}

#[test]
fn nobodys_environment_changes_how_tests_are_judged() {
    let world = small::world();
    let mut command = world.e2e(&["phase1", "wrong"]);
    for (name, value) in [
        ("NEXTEST_RETRIES", "3"),
        ("NEXTEST_TEST_THREADS", "0"),
        ("NEXTEST_MESSAGE_FORMAT", "nonsense"),
        ("NEXTEST_RUN_IGNORED", "only"),
    ] {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(10), "{}", text_of(&output));
    assert_eq!(ran(&world), [0, 1, 0, 0]);
    for wrong in [
        &["phase1", "test("][..],
        &["phase1", "--", "--no-such-flag"],
    ] {
        let text = run(&world, 2, wrong);
        assert!(text.contains("no test ran: nextest refuses"), "{text}");
    }
    let text = run(&world, 2, &["phase1", "no_such_test"]);
    assert!(text.contains("no test matches no_such_test"), "{text}");
    assert_eq!(ran(&world), [0; 4]);
}

#[test]
fn what_failed_is_run_again_until_nothing_is_left() {
    let world = small::world();
    run(&world, 2, &["phase1", "--failed"]);
    run(&world, 10, &["phase1"]);
    assert_eq!(ran(&world), [1, 1, 1, 0]);
    // As an artifact of somebody else's run, in a folder of its own.
    let copy = world.fake().join("download/evidence");
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    let latest = world.runs().join("latest/.");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(&latest)
        .arg(&copy)
        .status();
    assert!(copied.unwrap().success());

    let noted = std::fs::read_to_string(copy.join("selection.json")).unwrap();
    assert!(noted.contains("\"complete\": true"), "{noted}");

    run(&world, 10, &["--failed"]);
    assert_eq!(ran(&world), [0, 1, 0, 0]);
    std::fs::write(world.fake().join("mended"), "").unwrap();
    run(&world, 0, &["--failed"]);
    assert_eq!(ran(&world), [0, 1, 0, 0]);
    let text = run(&world, 0, &["--failed"]);
    assert!(text.contains("nothing to run"), "{text}");
    assert_eq!(ran(&world), [0; 4]);

    let folder = format!("--failed={}", world.fake().join("download").display());
    run(&world, 0, &["phase1", &folder]);
    assert_eq!(ran(&world), [0, 1, 0, 0]);
    let text = run(&world, 2, &["phase1", "--failed=/no/such"]);
    assert!(text.contains("it is no evidence of a run"), "{text}");
}

#[test]
fn a_phase_whose_server_never_came_up_is_open_as_a_whole() {
    let world = small::world();
    world.server("exit 7");
    run(&world, 40, &["phase1", "good"]);
    world.good_server();
    run(&world, 0, &["--failed"]);
    assert_eq!(ran(&world), [1, 0, 0, 0]);
}

#[test]
fn a_rare_flake_is_found_with_its_words() {
    let world = small::world();
    std::fs::write(world.fake().join("mended"), "").unwrap();
    // The last of all pass.
    let text = run(&world, 10, &["phase1", "flake", "--stress", "202"]);
    assert_eq!(world.ran("flake"), 202);
    assert!(text.contains("     4 of   202    2.0 %  flake"), "{text}");
    assert!(text.contains("panicked: the moon is full"), "{text}");
    assert!(text.contains("phase1: 4 of 202 tests failed"), "{text}");
    assert!(world.runs().join("latest/phase1/stress/1.xml").exists());
    // Nothing of it is what `--failed` takes up.
    run(&world, 2, &["phase1", "--failed"]);
    run(&world, 0, &["phase1", "good", "--stress", "1s"]);
    assert!(world.ran("good") > 2);
}

#[test]
fn only_what_changed_is_run() {
    let world = small::world();
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let mut git = Command::new("git");
        git.args(who).args(args).current_dir(world.root());
        let output = git.output().unwrap();
        assert!(output.status.success(), "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    let text = run(&world, 0, &["--changed-since", "HEAD"]);
    assert!(text.contains("nothing to run"), "{text}");
    let path = world.root().join("test-e2e/tests/phase1/main.rs");
    let tests = std::fs::read_to_string(&path).unwrap();
    let edited = tests.replace("fn good() {", "fn good() { let _ = 1;");
    std::fs::write(&path, edited).unwrap();
    let text = run(&world, 0, &["--changed-since", "HEAD", "--stress", "4"]);
    assert_eq!(ran(&world), [4, 0, 0, 0], "{text}");
    let info = std::fs::read_to_string(world.runs().join("latest/run.json")).unwrap();
    let head = git(&["rev-parse", "HEAD"]);
    let commit = format!("\"commit\": \"{}\"", head.trim());
    assert!(info.contains(&commit), "no {commit}: {info}");
    let text = run(&world, 2, &["--changed-since", "no-such"]);
    assert!(
        text.contains("git knows no changes since no-such"),
        "{text}"
    );
}

#[test]
fn nextest_is_told_what_it_is_given_and_tests_are_shared_out() {
    let world = small::world();
    std::fs::write(world.fake().join("mended"), "").unwrap();
    run(&world, 0, &["phase1", "--", "--run-ignored", "only"]);
    assert_eq!(ran(&world), [0, 0, 0, 1]);
    run(&world, 0, &["phase1", "--shard", "1/2"]);
    let first = ran(&world);
    run(&world, 0, &["phase1", "--shard", "2/2"]);
    let second = ran(&world);
    for (one, other) in first.iter().zip(second).take(3) {
        assert_eq!(one + other, 1, "{first:?} {second:?}");
    }
    let times = || std::fs::read_to_string(world.runs().join("latest/timings.json")).unwrap();
    let of_a_share = times();
    assert!(of_a_share.contains("phase1 tests (") && !of_a_share.contains("phase1 good"));
    run(&world, 0, &["phase1"]);
    assert!(times().contains("phase1 good"), "{}", times());
    run(&world, 2, &["phase1", "--shard", "3/2"]);
    run(
        &world,
        2,
        &["phase1", "--exec", "true", "--", "--no-capture"],
    );
}

#[test]
fn an_edit_begins_a_round_with_what_failed_first() {
    let world = small::world();
    // It says that a file changed whenever one of this name appears.
    let watcher = world.program(
        "watcher",
        "echo watching; while :; do [ -e $E2E_FAKE/edit ] && rm $E2E_FAKE/edit && echo edited.rs; sleep 0.02; done",
    );
    let mut command = world.e2e(&["phase1", "--watch", "--", "--test-threads", "1"]);
    let mut child = command.env("E2E_WATCH_BIN", watcher).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut until = |what: &str| {
        let found = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(what));
        assert!(found.is_some(), "it ended without {what:?}");
    };
    until("phase1: 1 of 3 tests failed");
    until("waiting for an edit");
    assert_eq!(ran(&world), [1, 1, 1, 0]);
    assert_eq!(world.order(), ["flake", "good", "wrong"]);
    std::fs::write(world.fake().join("mended"), "").unwrap();
    let edit = || std::fs::write(world.fake().join("edit"), "").unwrap();
    edit();
    until("changed: edited.rs");
    until("phase1: 3 tests passed");
    until("waiting for an edit");
    assert_eq!(world.order(), ["wrong", "flake", "good"]);
    assert_eq!(ran(&world), [1, 1, 1, 0]);
    // In the middle of a round it ends that one.
    let hold = world.fake().join("hold");
    std::fs::write(&hold, "").unwrap();
    edit();
    until("changed: edited.rs");
    world.until_begun("good");
    edit();
    until("changed: edited.rs");
    std::fs::remove_file(hold).unwrap();
    until("phase1: 3 tests passed");
    until("waiting for an edit");
    assert_eq!(world.order(), ["flake", "good", "flake", "good", "wrong"]);
    support::send(child.id(), nix::sys::signal::Signal::SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    world.assert_nothing_left();
}

#[test]
fn what_is_far_outside_is_said_in_one_line() {
    let world = small::world();
    std::fs::write(world.fake().join("mended"), "").unwrap();
    let text = world.xtask(&["timings"]).output().unwrap();
    assert!(text_of(&text).contains("no kept run has passed yet"));
    for _ in 0..5 {
        let text = run(&world, 0, &["phase1"]);
        assert!(!text.contains("slower than usual"), "{text}");
    }
    // What a test takes by itself says nothing of what it takes among others.
    run(&world, 0, &["phase1", "good"]);
    let alone = world.root().join("target/e2e/latest/timings.json");
    let alone = std::fs::read_to_string(alone).unwrap();
    assert!(alone.contains("phase1 tests (1)") && !alone.contains("phase1 good"));
    world.server(
        "sleep 0.8; echo 127.0.0.1:4242 > $STIGMER_ANNOUNCE_FILE.tmp; mv $STIGMER_ANNOUNCE_FILE.tmp $STIGMER_ANNOUNCE_FILE; exec sleep 60",
    );
    let text = run(&world, 0, &["phase1"]);
    assert!(text.contains("slower than usual: phase1 server "), "{text}");
    let table = text_of(&world.xtask(&["timings"]).output().unwrap());
    assert!(
        table.contains("service phase1 server") && table.contains("test phase1 good"),
        "{table}"
    );
}
