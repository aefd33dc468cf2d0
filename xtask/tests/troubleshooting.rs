//! Each error that ends a command with a code of its own says its mend, or has its row in README's table.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

/// Said so that it is clear what to do, without the word `mend:`.
const SAY_IT: &[&str] = &[
    "missing:",
    "an external stack is somebody else's to start",
    "no log of",
    "--reuse is for phase 2",
    "choose one",
    "end the stack and start another",
    "`cargo xtask up` starts one",
    "needs {name}=HOST:PORT",
    "is none of replay, record, live",
    "it cannot be fetched either",
    "set HOME, XDG_CACHE_HOME or E2E_TOOLS_DIR",
    "read {}: {error}",
    "{}: {why}",
    "--model-url {url}: {why}",
    "build again",
    "contradict each other",
    "there are {known}",
    "put it on PATH or add its hash",
    "the same command goes on",
    "set E2E_TOOLS_DIR to a folder",
    "`cargo xtask prereqs` says how",
    "{why}{also}",   // what `stale` says, which has its row
    "{} {why}\\n{}", // a service's own words, in `died during start` and `not ready`
];

/// Codes that say themselves what to do: our own fault, and the user's wish.
const PLAIN: [&str; 2] = ["Code::Fault", "Code::Interrupted"];

/// The texts of `coded(Code::.., "..")` in a source, with or without `format!`.
fn messages(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for call in code.split("coded(").skip(1) {
        let call = call.trim_start();
        if !call.starts_with("Code::") || PLAIN.iter().any(|plain| call.starts_with(plain)) {
            continue;
        }
        let Some((_, rest)) = call.split_once(',') else {
            continue;
        };
        let rest = rest.trim_start();
        let rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
        // Others are told by a function, or made of an error that has its own.
        if let Some(text) = rest.strip_prefix('"') {
            found.push(
                text.split("\",")
                    .next()
                    .unwrap()
                    .split("\")")
                    .next()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
    found
}

/// What the table's first column has between backticks, at `...` and `n` in parts.
fn rows(readme: &str) -> Vec<String> {
    let table = readme.split("## Troubleshooting").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let first = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let codes = first.flat_map(|column| column.split('`').step_by(2));
    codes.map(|code| code.replace(" n ", " ... ")).collect()
}

fn has_row(message: &str, rows: &[String]) -> bool {
    rows.iter().any(|row| {
        let mut parts = row
            .split("...")
            .map(str::trim)
            .filter(|part| part.len() > 3)
            .peekable();
        parts.peek().is_some() && parts.all(|part| message.contains(part))
    })
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push((
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
}

#[test]
fn every_error_says_its_mend_or_has_its_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let rows = rows(&fs::read_to_string(root.join("README.md")).unwrap());
    let mut all = Vec::new();
    for folder in [
        "xtask/src",
        "harness/base/src",
        "harness/provision/src",
        "harness/stack/src",
    ] {
        sources(&root.join(folder), &mut all);
    }
    let messages: Vec<(&str, String)> = all
        .iter()
        .flat_map(|(path, source)| {
            messages(source)
                .into_iter()
                .map(move |message| (path.as_str(), message))
        })
        .collect();
    assert!(
        messages.len() > 30,
        "{}: the scan finds what there is",
        messages.len()
    );
    let without: Vec<String> = messages
        .iter()
        .filter(|(_, message)| {
            !message.contains("mend: ")
                && !SAY_IT.iter().any(|it| message.contains(it))
                && !has_row(message, &rows)
        })
        .map(|(path, message)| format!("{path}: {message}"))
        .collect();
    assert!(
        without.is_empty(),
        "no mend and no row in README.md:\n{}",
        without.join("\n")
    );
}

#[test]
fn a_message_without_a_mend_is_found() {
    let source = "coded(Code::Missing, format!(\"no such {thing} here\")) coded(Code::Fault, \"x\") coded(Code::Image, \"gone\\n  mend: y\")";
    let found = messages(source);
    assert_eq!(found, ["no such {thing} here", "gone\\n  mend: y"]);
    let readme = "## Troubleshooting\n\n| `no such ... here` (exit 20) | look |\n\n## Times\n";
    assert!(has_row(&found[0], &rows(readme)));
    assert!(!has_row("no such thing at all", &rows(readme)));
}
