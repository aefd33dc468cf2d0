//! A Docker daemon that goes away in the middle of a run, and one whose disk is full.

use crate::docker_world::{Contained, SERVICES};
use crate::private::Daemon;
use crate::support::checkout::{ALL, Checkout};
use crate::support::{text_of, wait_for};
use nix::sys::signal::Signal;
use std::process::{Child, Output};

/// What stands in place of tests: it says that it began, and stays.
const TESTS: &str = "echo $$ > $E2E_FAKE/tests.pid; sleep 300";
/// Somebody else's container, by a name like ours.
const FOREIGN: &str = "stigmer-e2e-foreign";

/// A run in the middle of its tests, beside somebody else's container.
fn in_the_middle(stack: &Contained, daemon: &Daemon) -> Child {
    stack.docker(&["create", "--name", FOREIGN, stack.image(), "/x"]);
    let mut child = daemon.within(&stack.phase2(TESTS)).spawn().unwrap();
    let mut ended = false;
    wait_for(|| {
        ended = child.try_wait().unwrap().is_some();
        ended || stack.world.pid("tests").is_some()
    });
    if ended {
        panic!("{}", text_of(&child.wait_with_output().unwrap()));
    }
    child
}

/// It ended for the daemon's sake, says so, and kept what explains it.
fn assert_explained(stack: &Contained, output: &Output) {
    let text = text_of(output);
    assert_eq!(output.status.code(), Some(40), "{text}");
    let said = "stopped answering during the tests";
    assert_eq!(text.matches(said).count(), 1, "{text}");
    assert_eq!(text.matches("mend: ").count(), 1, "{text}");
    let run = stack.world.runs().join(stack.run_id());
    for service in SERVICES {
        let log = run.join(format!("phase2/logs/{service}.log"));
        assert!(log.metadata().unwrap().len() > 0, "{}", log.display());
    }
    let states = std::fs::read_to_string(run.join("phase2/services.json")).unwrap();
    assert!(states.contains("Docker daemon"), "{states}");
    let info = std::fs::read_to_string(run.join("run.json")).unwrap();
    assert!(info.contains("\"exit_code\": 40"), "{info}");
}

/// What a text says after these words.
fn after<'a>(text: &'a str, said: &str) -> &'a str {
    let found = text.split_once(said);
    found
        .unwrap_or_else(|| panic!("{said:?} is not in {text}"))
        .1
}

fn assert_foreign_is_there(stack: &Contained) {
    let foreign = ["container", "ls", "--all", "--format", "{{.Names}}"];
    assert_eq!(stack.docker(&foreign), FOREIGN);
}

#[test]
#[ignore = "needs root, Docker and the images: cargo xtask ci runs it"]
fn one_that_is_restarted_during_the_tests_ends_them_and_is_left_empty() {
    let Some(mut daemon) = Daemon::start("") else {
        return;
    };
    let stack = Contained::on(&daemon.host());
    let child = in_the_middle(&stack, &daemon);
    daemon.end(Signal::SIGTERM);
    daemon.start_again();
    let output = child.wait_with_output().unwrap();
    assert_explained(&stack, &output);
    stack.assert_nothing_left(&stack.run_id());
    assert_foreign_is_there(&stack);
}

#[test]
#[ignore = "needs root, Docker and the images: cargo xtask ci runs it"]
fn one_that_is_killed_and_stays_away_is_cleared_by_the_next_run() {
    let Some(mut daemon) = Daemon::start("") else {
        return;
    };
    let stack = Contained::on(&daemon.host());
    let config = stack.world.root().join("e2e.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let short = text.replace("docker_seconds = 30", "docker_seconds = 1");
    assert_ne!(text, short);
    std::fs::write(config, short).unwrap();

    let child = in_the_middle(&stack, &daemon);
    daemon.end(Signal::SIGKILL);
    let output = child.wait_with_output().unwrap();
    assert_explained(&stack, &output);
    let (text, dead) = (text_of(&output), stack.run_id());
    let said = "not removed, since the Docker daemon does not answer: ";
    let left = after(&text, said).lines().next().unwrap();
    stack.world.assert_nothing_left();

    daemon.start_again();
    let there = stack.left(&dead);
    assert!(there.len() > SERVICES.len(), "{there:?}");
    let volumes = ["_data", "-keys"];
    let is_volume = |name: &String| volumes.iter().any(|end| name.ends_with(end));
    for name in there.iter().filter(|name| !is_volume(name)) {
        assert!(left.contains(name.as_str()), "{name} is not in {left}");
    }
    let next = stack.xtask(&["e2e", "phase1", "--exec", "true"]);
    let output = daemon.within(&next).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let said = format!("removed what the dead run {dead} had in Docker");
    assert!(text.contains(&said), "{text}");
    stack.assert_nothing_left(&dead);
    assert_foreign_is_there(&stack);
}

#[test]
#[ignore = "needs root, Docker and the images: cargo xtask ci runs it"]
fn one_that_is_restarted_during_the_start_ends_it_and_is_left_empty() {
    let Some(mut daemon) = Daemon::start("") else {
        return;
    };
    let stack = Contained::on(&daemon.host());
    let child = daemon.within(&stack.phase2("true")).spawn().unwrap();
    // The network is the first thing that a run makes, a container the next.
    for things in 1..3 {
        wait_for(|| stack.left(&stack.run_id()).len() >= things);
    }
    daemon.end(Signal::SIGKILL);
    daemon.start_again();
    let output = child.wait_with_output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(40), "{text}");
    let said = "stopped answering while the services were started";
    assert_eq!(text.matches(said).count(), 1, "{text}");
    assert_eq!(text.matches("mend: ").count(), 1, "{text}");
    stack.assert_nothing_left(&stack.run_id());
}

#[test]
#[ignore = "needs root and Docker: cargo xtask ci runs it"]
fn one_without_room_says_so() {
    // Each image takes a little more than its binary, and its build twice that for a moment.
    let Some(daemon) = Daemon::start("100m") else {
        return;
    };
    let checkout = Checkout::new("a full disk");
    let program = checkout.world.fake().join("program");
    std::fs::write(program, vec![7; 20_000_000]).unwrap();
    let docker = |args: &[&str]| {
        let host = daemon.host();
        crate::docker_world::docker(&[&["--host", &host], args].concat())
    };
    let images = || {
        let output = daemon.within(&checkout.xtask(&["images"])).output();
        let output = output.unwrap();
        (output.status.code(), text_of(&output))
    };
    let (code, text) = images();
    assert_eq!(code, Some(30), "{text}");
    assert_eq!(text.matches("mend: ").count(), 1, "{text}");
    assert!(text.contains("Docker's disk is full"), "{text}");
    // They are built side by side: any of them may have come to its end, or none.
    let is_built = |part: &&str| {
        let mut lines = text.lines().filter(|line| line.contains("built in"));
        lines.any(|line| line.split_whitespace().next() == Some(part))
    };
    let built: Vec<&str> = ALL.into_iter().filter(is_built).collect();
    assert!(built.len() < ALL.len(), "{text}");
    // The first one's name and log, of those that were not.
    let failed = after(&text, "the image of ");
    let (part, log) = failed.split_once(" was not built; all of it in ").unwrap();
    assert!(ALL.contains(&part) && !built.contains(&part), "{text}");
    let log = std::fs::read_to_string(log.split(": ").next().unwrap()).unwrap();
    assert!(log.contains("no space left on device"), "{log}");

    let named = [
        "image",
        "ls",
        "--filter",
        "dangling=false",
        "--format",
        "{{.Repository}}",
    ];
    let named = docker(&named);
    let mut named: Vec<_> = named.lines().collect();
    named.sort_unstable(); // Docker orders by whole seconds only
    let expected = built.iter();
    let mut expected: Vec<_> = expected.map(|part| format!("stigmer-e2e/{part}")).collect();
    expected.sort_unstable();
    assert_eq!(named, expected, "{text}");
    assert_eq!(docker(&["container", "ls", "--all", "--quiet"]), "");

    daemon.grow("400m");
    let (code, text) = images();
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(
        text.matches("built in").count(),
        ALL.len() - built.len(),
        "{text}"
    );
}

#[test]
#[ignore = "needs root, Docker and the images: cargo xtask ci runs it"]
fn one_without_room_for_containers_says_so_and_is_left_empty() {
    let Some(daemon) = Daemon::start("1g") else {
        return;
    };
    let stack = Contained::on(&daemon.host());
    daemon.fill();
    let run = || {
        let output = daemon.within(&stack.phase2("true")).output().unwrap();
        (output.status.code(), text_of(&output))
    };
    let (code, text) = run();
    assert_eq!(code, Some(40), "{text}");
    assert!(text.contains("Docker's disk is full"), "{text}");
    assert_eq!(text.matches("mend: ").count(), 1, "{text}");
    stack.assert_nothing_left(&stack.run_id());

    daemon.grow("2g");
    let (code, text) = run();
    assert_eq!(code, Some(0), "{text}");
}
