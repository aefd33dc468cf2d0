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

fn latest(world: &World) -> Value {
    let text = std::fs::read_to_string(world.runs().join("latest/run.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_stack_that_tests_ran_on_stays_and_is_used_again() {
    let world = world();
    let stays = "echo $$ > $E2E_FAKE/runner.pid; env > $E2E_FAKE/runner.env; exec sleep 60";
    world.service("runner", stays);
    let failing = "until [ -s $E2E_FAKE/runner.pid ]; do sleep 0.01; done; exit 3";
    let mut command = phase2(&world, &["--keep", "--model", "replay", "--exec", failing]);
    let output = command.output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(text.contains("the stack is kept"), "{text}");
    let runner = world.pid("runner").unwrap();
    assert!(alive(runner), "{text}");
    let info = latest(&world);
    assert_eq!(info["kept"], true, "{info}");
    assert!(info["exit_code"].is_null(), "it goes on: {info}");

    let again = ["e2e", "phase2", "--reuse", "--model", "replay", "--exec"];
    passes(&world, &[&again[..], &["true"]].concat());
    assert_eq!(latest(&world)["kept"], false, "it is the other run's");
    assert!(alive(runner));
    let key = &environment(&world, "server")["STIGMER_RUNNER_KEY"];
    passes(&world, &["restart", "runner"]);
    assert!(!alive(runner));
    assert_eq!(&environment(&world, "runner")["STIGMER_RUNNER_KEY"], key);

    assert!(passes(&world, &["down"]).contains("ended "));
    assert!(passes(&world, &["down"]).contains("no stack is up"));
    world.assert_nothing_left();
}
