//! Real files, changed under the program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn a_saved_file_is_said_and_one_that_is_read_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    std::fs::write(root.join("old.rs"), "old").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness-watch"));
    command.arg(&root).stdout(Stdio::piped());
    let mut watcher = command.spawn().unwrap();
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "watching");
    std::fs::read_to_string(root.join("old.rs")).unwrap();
    std::fs::write(root.join("old.rs~"), "of an editor").unwrap();
    // In a folder that was not there, as a whole and by rename, as editors save.
    std::fs::create_dir(root.join("new")).unwrap();
    std::fs::write(root.join("new/.draft"), "text").unwrap();
    std::fs::rename(root.join("new/.draft"), root.join("new/saved.rs")).unwrap();
    let saved = root.join("new/saved.rs").to_string_lossy().into_owned();
    let found = lines.by_ref().map(Result::unwrap).find(|line| {
        assert!(!line.contains("old.rs"), "{line}");
        line.split('\t').any(|path| path == saved)
    });
    assert!(found.is_some());
    watcher.kill().unwrap();
    watcher.wait().unwrap();
}
