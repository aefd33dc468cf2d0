//! A disk that is full where a run keeps its logs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::process::{Command, Stdio};
use support::{World, text_of};

/// `e2e phase1` of a world whose runs are on a disk of this size; `None` where there can be no such disk, which is said.
fn run(world: &World, size: &str) -> Option<(Option<i32>, String)> {
    let mounts = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]);
        command
    };
    let tried = mounts("mount -t tmpfs none /mnt").output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no mount of its own for this test, so no disk was full");
        eprintln!("  mend: run it as root, with unshare (util-linux) on PATH");
        return None;
    }
    std::fs::create_dir_all(world.runs()).unwrap();
    let e2e = world.e2e(&["phase1", "--exec", "true"]);
    let mut command = mounts("mount -t tmpfs -o size=$SIZE none $RUNS && exec \"$0\" \"$@\"");
    command
        .arg(e2e.get_program())
        .args(e2e.get_args())
        .env("SIZE", size)
        .env("RUNS", world.runs())
        .stdin(Stdio::null());
    for (name, value) in e2e.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().unwrap();
    Some((output.status.code(), text_of(&output)))
}

#[test]
fn a_run_without_room_says_so_once_and_leaves_nobody() {
    let world = World::new();
    world.good_server();
    // Full at the first record of a process, at the record of the stack, and at that of the tests.
    for size in ["4k", "12k", "16k", "20k", "24k"] {
        let Some((code, text)) = run(&world, size) else {
            return;
        };
        assert!(matches!(code, Some(20 | 40)), "{size}: {code:?} {text}");
        assert!(text.contains("No space left on device"), "{text}");
        assert_eq!(text.matches("mend: ").count(), 1, "{text}");
        assert!(!text.contains("still there after the stop"), "{text}");
        world.assert_nothing_left();
    }
    let (code, text) = run(&world, "1m").unwrap();
    assert_eq!(code, Some(0), "{text}");
}
