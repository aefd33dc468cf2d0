//! A model that is not loaded yet, or cannot be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead, BufReader};
use support::played::{Played, TAGS, VERSION, ollama, on_ollama, status};
use support::services::world;
use support::text_of;

#[test]
fn a_load_is_waited_for_once_before_the_tests() {
    let (world, played) = (world(), ollama(TAGS.into()));
    played.hold("POST /api/generate");
    let ran = world.fake().join("ran");
    let exec = ["--exec", "touch $E2E_FAKE/ran"];
    let mut run = on_ollama(&world, &played, &exec).spawn().unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(run.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.starts_with("waiting for ") {
            assert!(!ran.exists());
            played.release();
        }
        said.push(line);
    }
    assert!(run.wait().unwrap().success(), "{said:#?}");
    let line = format!(
        "waiting for smoltools:latest at http://{}/v1 to load",
        played.address
    );
    assert_eq!(
        said.iter().filter(|said| **said == line).count(),
        1,
        "{said:#?}"
    );
    assert!(ran.exists());
    assert_eq!(played.asked("POST /api/generate"), 1);
    world.assert_nothing_left();
}

#[test]
fn a_model_that_does_not_load_ends_the_run_with_its_own_words_or_the_limit() {
    let failing = || {
        let full = r#"{"error":"model requires more system memory (9 GiB) than is available"}"#;
        Played::new([
            ("GET /api/version", VERSION.to_owned()),
            ("GET /api/tags", TAGS.to_owned()),
            (
                "POST /api/generate",
                status("500 Internal Server Error", full),
            ),
        ])
    };
    let silent = || {
        let played = ollama(TAGS.into());
        played.hold("POST /api/generate");
        played
    };
    let words = "smoltools:latest at http://ADDRESS/v1 does not load: ";
    for (played, is_silent, why) in [
        (
            failing(),
            false,
            "500 Internal Server Error: model requires more system memory",
        ),
        (
            silent(),
            true,
            "nothing within 2 s, which is `ready_seconds` of [services.model] in e2e.toml",
        ),
    ] {
        let world = if is_silent {
            world().impatient_of("model")
        } else {
            world()
        };
        let exec = ["--exec", "touch $E2E_FAKE/ran"];
        let output = on_ollama(&world, &played, &exec).output().unwrap();
        let text = text_of(&output).replace(&played.address, "ADDRESS");
        assert_eq!(output.status.code(), Some(40), "{text}");
        assert!(text.contains(&format!("{words}{why}")), "{text}");
        assert!(!world.fake().join("ran").exists());
        world.assert_nothing_left();
    }
}
