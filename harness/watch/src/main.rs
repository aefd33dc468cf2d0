//! Prints a line for each batch of changed files below the folders that it is given: their paths, with tabs between them.

use anyhow::Context;
use notify_debouncer_full::notify::event::ModifyKind;
use notify_debouncer_full::notify::{EventKind, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, DebouncedEvent, new_debouncer};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An editor that saves a file writes, renames and sets times within milliseconds.
const QUIET: Duration = Duration::from_millis(30);

fn main() -> anyhow::Result<()> {
    let (sender, events) = std::sync::mpsc::channel::<DebounceEventResult>();
    let mut debouncer = new_debouncer(QUIET, None, sender).context("watch files")?;
    for folder in std::env::args_os().skip(1) {
        let watched = debouncer.watch(&folder, RecursiveMode::Recursive);
        watched.with_context(|| format!("watch {}", folder.display()))?;
    }
    // Whoever reads knows by this that nothing is missed from now on.
    say("watching")?;
    for batch in events {
        let events = batch.map_err(|errors| anyhow::anyhow!("watch files: {errors:?}"))?;
        let changed: BTreeSet<PathBuf> = events
            .iter()
            .filter(|it| writes(it))
            .flat_map(paths)
            .collect();
        if !changed.is_empty() {
            let names: Vec<_> = changed.iter().map(|path| path.to_string_lossy()).collect();
            say(&names.join("\t"))?;
        }
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").context("nobody listens")?;
    out.flush().context("nobody listens")
}

/// Reading a file, as every build does, changes nothing.
fn writes(event: &DebouncedEvent) -> bool {
    !matches!(event.kind, EventKind::Access(_) | EventKind::Other)
}

fn paths(event: &DebouncedEvent) -> Vec<PathBuf> {
    let comes = matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_))
    );
    let mut found = Vec::new();
    let mut open = event.paths.clone();
    while let Some(path) = open.pop() {
        if !is_source(&path) {
            continue;
        }
        // What came into a new folder before anybody watched it is told by nobody else.
        if comes && path.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        }
        found.push(path);
    }
    found
}

/// Not what editors and snapshots leave beside sources for a moment.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = name.chars().all(|c| c.is_ascii_digit()); // vim asks by such a file whether it may write
    let ends = ["~", "#", ".swp", ".snap.new", ".part"];
    let left = ends.iter().any(|end| name.ends_with(end));
    !(number || left || name.starts_with(['.', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_editor_leaves_is_no_source() {
        for name in ["main.rs", "Cargo.toml", "a.b.rs"] {
            assert!(is_source(Path::new("/w").join(name).as_path()), "{name}");
        }
        for name in [
            ".main.rs.swp",
            "main.rs~",
            "4913",
            "#main.rs#",
            ".git",
            "a.snap.new",
        ] {
            assert!(!is_source(Path::new("/w").join(name).as_path()), "{name}");
        }
    }
}
