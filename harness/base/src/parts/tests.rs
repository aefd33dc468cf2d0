//! What a file of parts may say, and what is refused with its line.

use super::source::Source;
use super::*;
use std::path::Path;

const GOOD: &str = r#"
[parts.server]
command = ["srv", "--listen={address}"]
ready = "port"
temporal = ["phase1", "phase2"]
keys.runner = "THE_KEY"
[parts.server.env]
TEMPORAL = "{temporal}"
DATA = "{data}/x.db"

[[known]]
phase = "phase1"
because = "no list"
tests = ["lists::a", "test(/^skills::/)"]
[[known]]
phase = "phase1"
because = "theirs has no tools"
part = "runner"
tests = ["b"]
"#;

#[test]
fn a_file_that_is_no_text_names_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("e2e.toml");
    std::fs::write(&file, b"[a]\nb = 1\nc = \"\xff\"\n").unwrap();
    let why = Source::read(&file).unwrap_err();
    assert_eq!(why, format!("{}:3: this is no UTF-8 text", file.display()));
}

fn read(text: &str) -> Result<Parts, String> {
    let source = Source::new(Path::new("p.toml"), text);
    source.parse::<Parts>()?.placed(&source)
}

#[test]
fn a_description_is_filled() {
    let parts = read(GOOD).unwrap();
    let guest = parts.guest(Part::Server).unwrap();
    assert_eq!(guest.place(), "p.toml:3");
    assert!(guest.needs_temporal(Phase::One) && guest.listens());
    assert!(guest.is_told("temporal") && !guest.is_told("task_queue"));
    let value = |name: &str| match name {
        "address" => Some("127.0.0.1:7".to_owned()),
        "data" => Some("/d".into()),
        _ => None,
    };
    let filled = guest.filled(value).unwrap();
    assert_eq!(filled.words, ["srv", "--listen=127.0.0.1:7"]);
    let env = [
        ("DATA".to_owned(), Some("/d/x.db".to_owned())),
        ("TEMPORAL".into(), None),
    ];
    assert_eq!(filled.env, env, "no Temporal, no variable");
    let why = guest.filled(|_| None).unwrap_err();
    assert!(
        why.starts_with("p.toml:3: \"--listen={address}\" has no value"),
        "{why}"
    );
}

#[test]
fn differences_count_where_their_part_is_somebody_elses() {
    let parts = read(GOOD).unwrap();
    let known = parts.known(Phase::One);
    assert_eq!(known.len(), 1, "the runner is ours: {known:?}");
    let entries: Vec<_> = known[0].entries().collect();
    assert!(!entries[0].is_expression() && entries[1].is_expression());
    assert_eq!(
        (entries[1].at().as_str(), entries[0].because()),
        ("p.toml:14", "no list")
    );
    assert!(parts.known(Phase::Two).is_empty());
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let cases = [
        (
            "{address}",
            "{adress}",
            "p.toml:3: there is no placeholder {adress}; a server has {port},",
        ),
        (
            "{temporal}",
            "{server}",
            "p.toml:8: {server} says nothing to a server",
        ),
        (
            "{temporal}",
            "{temporal",
            "p.toml:8: \"{temporal\" has a { alone",
        ),
        (
            "--listen={address}",
            "--any",
            "p.toml:3: nothing tells the server its port",
        ),
        (
            "[\"srv\", \"--listen={address}\"]",
            "[]",
            "p.toml:3: the command is empty",
        ),
        (
            "\"port\"",
            "\"soon\"",
            "p.toml:4: unknown variant `soon`, expected one of `health`, `grpc`",
        ),
        ("ready = \"port\"\n", "", "p.toml:2: missing field `ready`"),
        (
            "[[known]]\nphase = \"phase1\"\nbecause = \"no list\"",
            "[parts.server]\n[[known]]\nphase = \"phase1\"\nbecause = \"no list\"",
            "p.toml:11: duplicate key",
        ),
        (
            "ready =",
            "port = 99999\nready =",
            "p.toml:4: invalid value: integer `99999`",
        ),
        (
            "phase2\"]",
            "phase3\"]",
            "p.toml:5: unknown variant `phase3`",
        ),
        ("keys.runner", "keys.cook", "p.toml:6: unknown field `cook`"),
        (
            "because = \"no list\"",
            "because = \" \"",
            "p.toml:13: a known difference needs its reason",
        ),
        (
            "tests = [\"b\"]",
            "tests = []",
            "p.toml:19: no test is listed",
        ),
        (
            "part = \"runner\"",
            "part = \"cook\"",
            "p.toml:18: unknown variant `cook`",
        ),
        (
            "[parts.server.env]",
            "[parts.cook.env]",
            "p.toml:7: unknown field `cook`",
        ),
    ];
    for (from, to, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let why = read(&GOOD.replace(from, to)).unwrap_err();
        assert!(why.starts_with(expected), "{to}: {why}");
    }
    let runner = "[parts.runner]\ncommand = [\"r\"]\nready = \"port\"";
    let why = read(runner).unwrap_err();
    assert!(why.starts_with("p.toml:3: the runner has no port"), "{why}");
}

#[test]
fn a_file_is_laid_over_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("q.toml");
    let settle = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let mut parts = read(GOOD).unwrap();
        parts.lay_over(Some(&path)).map(|()| parts)
    };
    let runner = "[parts.runner]\ncommand = [\"r\", \"{env:PATH}\"]\nready = \"activities\"\n";
    let parts = settle(runner).unwrap();
    assert_eq!(parts.guests().count(), 2);
    assert_eq!(parts.known(Phase::One).len(), 2, "the runner's count now");
    let absent = runner.replace("PATH", "E2E_NOT_SET_BY_ANYBODY");
    let why = settle(&absent).unwrap_err();
    assert!(
        why.ends_with("q.toml:2: E2E_NOT_SET_BY_ANYBODY is not set"),
        "{why}"
    );
    let ours = format!("{absent}only_if_set = \"E2E_NOT_SET_BY_ANYBODY\"");
    assert!(settle(&ours).unwrap().guest(Part::Runner).is_none());
    let why = read(GOOD)
        .unwrap()
        .lay_over(Some(Path::new("/no/such")))
        .unwrap_err();
    assert!(why.starts_with("read /no/such: "), "{why}");
}

#[test]
fn ours_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parts");
    for (name, count) in [("ours.toml", 3), ("stigmer-go.toml", 2)] {
        let source = Source::read(&folder.join(name)).unwrap();
        let parts = source.parse::<Parts>().unwrap().placed(&source).unwrap();
        assert_eq!(parts.guests().count(), count, "{name}");
    }
}
