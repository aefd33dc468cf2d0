//! A run's folder through the program, and its page in a browser where there is one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const JUNIT: &str = r#"<testsuites><testsuite>
<testcase name="scripted::adds" timestamp="2026-11-23T09:00:01.500+00:00" time="0.5"><failure type="test failure"/>
<system-err>Error: a.rs:1: expected answer == "&lt;42&gt;", came "&lt;41&gt;" | execution aex-1
  look: cargo xtask explain</system-err></testcase>
<testcase name="scripted::sings" timestamp="2026-11-23T09:00:01.500+00:00" time="0.5"/>
<testcase name="scripted::dances" timestamp="2026-11-23T09:00:01.500+00:00" time="0.5"/>
</testsuite></testsuites>"#;

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn run() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| write(dir.path(), name, text);
    write(
        "run.json",
        r#"{"run_id":"r","started_at":"2026-11-23T09:00:00Z","exit_code":10,"causes":["tests failed"],"versions":{}}"#,
    );
    write("phase2/junit.xml", JUNIT);
    write(
        "phase2/tests/scripted.adds/events.jsonl",
        "{\"kind\":\"start\",\"ms\":1795424401500}\n",
    );
    write(
        "phase2/tests/scripted.killed/events.jsonl",
        "{\"kind\":\"start\",\"ms\":1795424401500}\n",
    );
    let state = r#"{"status":{"phase":"EXECUTION_COMPLETED","messages":[{"type":"MESSAGE_AI","content":"It is <b>41</b>."}]}}"#;
    write("phase2/tests/scripted.adds/executions/aex-1.json", state);
    dir
}

fn report(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_harness-report"))
        .args(args)
        .output()
        .unwrap()
}

#[test]
fn a_failure_is_explained_for_people_and_programs() {
    let dir = run();
    let dir = dir.path().to_str().unwrap();
    let said = report(&["explain", dir]);
    let text = String::from_utf8(said.stdout).unwrap();
    for words in [
        "2 of 4 tests did not pass",
        "- \"<42>\"",
        "+ \"<41>\"",
        "It is <b>41</b>.",
        "scripted::killed KILLED",
    ] {
        assert!(text.contains(words), "no {words} in {text}");
    }
    assert!(!text.contains("sings"), "{text}");
    let said = report(&["explain", dir, "adds", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(json["tests"][0]["difference"]["came"], "1", "{json}");
    assert_eq!(json["tests"].as_array().map(Vec::len), Some(1));
    let said = report(&["explain", dir, "nobody"]);
    assert_eq!(said.status.code(), Some(2));
    let said = report(&["explain", "/no/such/run"]);
    assert_eq!(said.status.code(), Some(2));
}

/// The page as the browser has it after its script ran.
fn shown(browser: &str, page: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let profile = format!("--user-data-dir={}", home.path().display());
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        &profile,
        "--dump-dom",
        page,
    ];
    let said = Command::new(browser).args(args).output().unwrap();
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn a_browser_shows_what_failed_and_finds_what_passed() {
    let dir = run();
    let said = report(&["page", dir.path().to_str().unwrap()]);
    assert!(said.status.success(), "{said:?}");
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| {
            Command::new(name)
                .arg("--version")
                .output()
                .is_ok_and(|it| it.status.success())
        });
    let Some(browser) = found else {
        eprintln!("no Chromium here: the page is not looked at");
        return;
    };
    let page = format!("file://{}/report.html", dir.path().display());
    let all = shown(browser, &page);
    assert!(
        all.contains("<details class=\"test\" open=\"\">"),
        "what failed is open: {all}"
    );
    assert!(all.contains("It is &lt;b&gt;41&lt;/b&gt;."), "{all}");
    assert!(!all.contains("hidden=\"\""), "{all}");
    let some = shown(browser, &format!("{page}#sings"));
    let hidden: Vec<&str> = some
        .lines()
        .filter(|line| line.contains("hidden=\"\""))
        .collect();
    assert!(
        hidden.len() == 1 && hidden[0].contains("dances"),
        "{hidden:?}"
    );
}
