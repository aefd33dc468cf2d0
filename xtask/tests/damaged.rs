//! What runs is seen and ended, however its files were cut or whatever version wrote them; and never are there two.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use support::services::{with_services, world};
use support::{World, alive, text_of};

/// Ends what a test kept, whatever becomes of the test.
struct Kept(World);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = with_services(&self.0, &["down"]).output();
    }
}

const UP: [&str; 5] = ["up", "--model", "replay", "--runtime", "native"];

impl Kept {
    fn run(&self, args: &[&str]) -> (i32, String) {
        let output = with_services(&self.0, args).output().unwrap();
        (output.status.code().unwrap(), text_of(&output))
    }

    fn up() -> Self {
        let world = world();
        let noted = "echo $$ > $E2E_FAKE/runner.pid";
        world.ready_after("runner", noted, "exec sleep 60");
        let kept = Self(world);
        let (code, text) = kept.run(&UP);
        assert_eq!(code, 0, "{text}");
        kept
    }
}

#[test]
fn a_stack_whose_files_cannot_be_read_is_shown_and_ended() {
    for (file, text) in [
        ("phase2/data/kept.json", "{}"),
        ("phase2/data/kept.json", "\u{0}"),
        ("phase2/stack.json", ""),
        ("run.json", "{"),
        ("run.json", "null"),
    ] {
        let kept = Kept::up();
        let runner = kept.0.pid("runner").unwrap();
        let path = fs::canonicalize(kept.0.runs().join("latest"))
            .unwrap()
            .join(file);
        fs::write(&path, text).unwrap();
        for args in [
            &["status"][..],
            &["wait"],
            &["restart", "server"],
            &UP,
            &[
                "e2e", "phase2", "--reuse", "--exec", "true", "--model", "replay",
            ],
        ] {
            let (code, text) = kept.run(args);
            assert_eq!(code, 2, "{file} {args:?}: {text}");
            assert!(text.contains(path.to_str().unwrap()), "{args:?}: {text}");
            assert!(text.contains("cargo xtask down"), "{args:?}: {text}");
            assert_eq!(
                text.contains("phase2-runner"),
                args == ["status"],
                "{args:?}: {text}"
            );
        }
        let output = with_services(&kept.0, &["status", "--json"])
            .output()
            .unwrap();
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        let services = status["stacks"][0]["services"].as_array().unwrap();
        assert!(services.len() >= 5, "{status}");
        if file == "run.json" {
            let (_, text) = kept.run(&["e2e", "phase1", "--exec", "true"]);
            assert!(text.contains("what it is cannot be read"), "{text}");
        }
        assert!(alive(runner), "{file}");
        let (code, text) = kept.run(&["down"]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("ended "), "{text}");
        assert!(!alive(runner), "{file}");
        assert!(kept.run(&["down"]).1.contains("no stack is up"));
        kept.0.assert_nothing_left();
    }
}

#[test]
fn two_that_begin_at_once_make_one_stack() {
    let kept = Kept(world());
    fs::create_dir_all(kept.0.runs()).unwrap();
    let mut options = fs::File::options();
    let third = options
        .create(true)
        .append(true)
        .open(kept.0.runs().join(".up"));
    let third = third.unwrap();
    third.lock().unwrap();
    let both = [(), ()].map(|()| {
        let mut up = with_services(&kept.0, &UP);
        let mut up = up
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(up.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.contains("this one waits for its end"), "{line}");
        (up, said)
    });
    drop(third);
    for (mut up, mut said) in both {
        let mut text = String::new();
        said.read_to_string(&mut text).unwrap();
        assert!(up.wait().unwrap().success(), "{text}");
    }
    let output = with_services(&kept.0, &["status", "--json"])
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["stacks"].as_array().unwrap().len(), 1, "{status}");
}
