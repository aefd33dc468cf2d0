//! `--keep`: what tests ran on stays, and is there for the next command.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::Value;
use support::services::{environment, phase2, with_services, world};
use support::{World, alive, text_of};

fn passes(world: &World, args: &[&str]) -> String {
    let output = with_services(world, args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    text_of(&output)
}

fn info(world: &World, run: &str) -> Value {
    let path = world.runs().join(run).join("run.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_stack_that_tests_ran_on_stays_and_is_used_again() {
    let world = world();
    let noted = "echo $$ > $E2E_FAKE/runner.pid; env > $E2E_FAKE/runner.env";
    world.ready_after("runner", noted, "exec sleep 60");
    let mut command = phase2(&world, &["--keep", "--model", "replay", "--exec", "exit 3"]);
    let output = command.output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(text.contains("the stack is kept"), "{text}");
    let runner = world.pid("runner").unwrap();
    assert!(alive(runner), "{text}");
    let kept = info(&world, "latest");
    assert_eq!(kept["kept"], true, "{kept}");
    assert!(kept["exit_code"].is_null(), "it goes on: {kept}");

    let again = ["e2e", "phase2", "--reuse", "--model", "replay", "--exec"];
    passes(&world, &[&again[..], &["true"]].concat());
    let other = info(&world, "latest");
    assert_eq!(other["kept"], false, "it is the other run's");
    assert!(alive(runner));
    let key = &environment(&world, "server")["STIGMER_RUNNER_KEY"];
    std::fs::remove_file(world.fake().join("runner.ready")).unwrap();
    passes(&world, &["restart", "runner"]);
    assert!(!alive(runner));
    assert_eq!(&environment(&world, "runner")["STIGMER_RUNNER_KEY"], key);

    assert!(passes(&world, &["down"]).contains("ended "));
    let ended = info(&world, kept["run_id"].as_str().unwrap());
    assert_eq!(ended["exit_code"], 0, "no dead run to sweep: {ended}");
    assert!(passes(&world, &["down"]).contains("no stack is up"));
    world.assert_nothing_left();
}

#[test]
fn checkouts_with_one_target_folder_have_stacks_of_their_own() {
    let (one, other) = (world(), world());
    let shared = tempfile::tempdir().unwrap();
    let says = |world: &World, args: &[&str]| {
        let mut command = with_services(world, args);
        let output = command.env("CARGO_TARGET_DIR", shared.path()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
        text_of(&output)
    };
    says(&one, &["up", "--runtime", "native", "--model", "replay"]);
    let shown = says(&other, &["status"]);
    let ended = says(&other, &["down"]);
    let still = says(&one, &["status"]);
    says(&one, &["down"]);
    assert!(shown.contains("no stack is up"), "{shown}");
    assert!(ended.contains("no stack is up"), "{ended}");
    assert!(still.contains("runner"), "{still}");
    one.assert_nothing_left();
}
