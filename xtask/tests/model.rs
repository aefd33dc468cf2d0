//! Which model a run takes, and what becomes of one that is not there or takes no tools.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::process::Output;
use support::played::{Played, TAGS, VERSION, ollama, on_ollama, status, tags};
use support::services::{phase2, world};
use support::{World, text_of};

const SHOW: &str = include_str!("testdata/ollama/show.http");
const MODELS: &str = include_str!("testdata/ollama/models.http");
const NO_SUCH_MODEL: &str = include_str!("testdata/ollama/no-such-model.http");
const TOKEN: &str = r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"length"}]}"#;

/// Some address with this list, or none, and this answer to a question.
fn address(list: Option<&str>, answer: &str) -> Played {
    let list = list.map(|list| ("GET /v1/models", list.to_owned()));
    let answer = (
        "POST /v1/chat/completions \"max_tokens\":1,",
        answer.to_owned(),
    );
    Played::new(list.into_iter().chain([answer]))
}

/// The model's row of `prereqs`.
fn row(played: &Played, name: &str) -> String {
    let world = World::new();
    let mut prereqs = world.xtask(&["prereqs", "phase2", "--json"]);
    prereqs
        .env("PATH", world.fake())
        .env("OLLAMA_HOST", &played.address)
        .env("E2E_MODEL_NAME", name);
    let output = prereqs.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let model = findings.iter().find(|finding| finding["name"] == "model");
    let model = model.unwrap();
    let found = model["found"].as_str().unwrap();
    let found = found.replace(&played.address, "ADDRESS");
    format!("{}: {found}", model["state"].as_str().unwrap())
}

fn at_address(world: &World, url: &str, name: &str) -> Output {
    let args = ["--model-url", url, "--model-name", name, "--exec", "true"];
    let output = phase2(world, &args).output().unwrap();
    world.assert_nothing_left();
    output
}

fn nothing_began(world: &World, output: &Output) -> String {
    let text = text_of(output);
    assert_eq!(output.status.code(), Some(20), "{text}");
    assert!(!world.fake().join("server.env").exists(), "{text}");
    assert!(!world.fake().join("temporal.env").exists(), "{text}");
    text
}

#[test]
fn a_model_that_chats_and_takes_tools_comes_first_then_a_small_one() {
    let mut models = [
        ("nomic-embed-text:latest", 10, Some("embedding")),
        ("big:cloud", 1, Some("completion tools")),
        ("plain:1b", 20, Some("completion")),
        ("thinks:1b", 30, Some("completion tools thinking")),
        ("large:8b", 90, Some("completion tools")),
        ("small:b", 50, Some("completion tools")),
        ("small:a", 50, Some("completion tools")),
    ];
    let first = row(&ollama(tags(&models)), "");
    models.reverse();
    assert_eq!(row(&ollama(tags(&models)), ""), first);
    insta::assert_snapshot!(first, @"ok: small:a (ollama): Ollama answers at http://ADDRESS; the smallest of 3 that take tools, those that think first aside");
    let recorded = row(&ollama(TAGS.into()), "");
    insta::assert_snapshot!(recorded, @"ok: smoltools:latest (ollama): Ollama answers at http://ADDRESS; the smallest of 1 that take tools");
    let plain = row(&ollama(tags(&[models[4], models[6]])), "");
    insta::assert_snapshot!(plain, @"ok: plain:1b (ollama): Ollama answers at http://ADDRESS; the smallest of 1 that chat, none of which takes tools");
}

#[test]
fn an_older_ollama_is_asked_model_by_model() {
    let list = tags(&[
        ("all-minilm:latest", 10, None),
        ("plain:1b", 20, None),
        ("smollm2:135m", 30, None),
    ]);
    let embeds = status("200 OK", r#"{"capabilities":["embedding"]}"#);
    let plain = status("200 OK", r#"{"capabilities":["completion"]}"#);
    let played = Played::new([
        ("GET /api/version", VERSION.to_owned()),
        ("GET /api/tags", list.clone()),
        ("POST /api/show all-minilm", embeds),
        ("POST /api/show plain", plain),
        ("POST /api/show smollm2", SHOW.to_owned()),
    ]);
    insta::assert_snapshot!(row(&played, ""), @"ok: smollm2:135m (ollama): Ollama answers at http://ADDRESS; the smallest of 1 that take tools");
    // Still older ones say nothing at all.
    insta::assert_snapshot!(row(&ollama(list), ""), @"ok: plain:1b (ollama): Ollama answers at http://ADDRESS; the smallest of 2 that chat by their names, it does not say which takes tools");
    let embeds = tags(&[("bge-m3:latest", 10, None)]);
    let none = row(&ollama(embeds), "");
    assert!(none.contains("smollm2-135m (embedded)"), "{none}");
    assert!(
        none.contains("Ollama at http://ADDRESS has no model that chats"),
        "{none}"
    );
}

#[test]
fn a_model_without_tools_leaves_out_the_tests_that_need_them() {
    let exec = ["--exec", "cp $E2E_STACK $E2E_FAKE/stack"];
    for (can, tools) in [("completion", false), ("completion tools", true)] {
        let (world, played) = (world(), ollama(tags(&[("smol", 1, Some(can))])));
        let output = on_ollama(&world, &played, &exec).output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        let stack = std::fs::read_to_string(world.fake().join("stack")).unwrap();
        let stack: serde_json::Value = serde_json::from_str(&stack).unwrap();
        assert_eq!(stack["model"]["tools"], tools, "{stack}");
        let told = "LEFT OUT: the tests of tools in the live lane, since smol takes none";
        assert_eq!(text.contains(told), !tools, "{text}");
        assert!(
            text.contains("model smol (ollama: Ollama answers at"),
            "{text}"
        );
    }
}

#[test]
fn a_name_that_ollama_has_not_ends_the_run_before_it_starts() {
    let played = ollama(TAGS.into());
    for (name, has) in [
        ("nosuch", "smoltools:latest, smollm2:135m"),
        ("sm0llm2:135m", "smollm2:135m, smoltools:latest"),
    ] {
        let (world, names) = (world(), ["--exec", "true", "--model-name", name]);
        let output = on_ollama(&world, &played, &names).output().unwrap();
        let text = nothing_began(&world, &output);
        let told = format!(
            "no model {name} at http://{}/v1; it has {has}\n",
            played.address
        );
        assert!(text.contains(&told), "{text}");
    }
    insta::assert_snapshot!(row(&played, "nosuch"), @"missing: no model nosuch at http://ADDRESS/v1; it has smoltools:latest, smollm2:135m");
    insta::assert_snapshot!(row(&played, "smoltools"), @"ok: smoltools:latest (ollama): Ollama answers at http://ADDRESS and has it");
    // The embedded one's name means the embedded one.
    assert!(row(&played, "smollm2-135m").contains("smollm2-135m (embedded)"));
}

#[test]
fn a_name_that_an_address_has_not_ends_the_run_before_it_starts() {
    let (world, played) = (world(), address(Some(MODELS), NO_SUCH_MODEL));
    let url = format!("http://{}/v1", played.address);
    let output = at_address(&world, &url, "nosuch");
    let text = nothing_began(&world, &output);
    let told = format!("no model nosuch at {url}; it has smoltools:latest, smollm2:135m\n");
    assert!(text.contains(&told), "{text}");
}

#[test]
fn an_address_whose_list_does_not_say_is_asked_for_one_token() {
    let empty = status("200 OK", r#"{"object":"list","data":[]}"#);
    let token = status("200 OK", TOKEN);
    // The last one lists others and takes this name all the same, as servers of one model do.
    for list in [None, Some(&*empty), Some(MODELS)] {
        let (world, played) = (world(), address(list, &token));
        let output = at_address(&world, &format!("http://{}", played.address), "m");
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
        assert!(played.asked("\"model\":\"m\"") > 0);
        assert!(world.fake().join("server.env").exists());
    }
    for list in [None, Some(&*empty)] {
        let (world, played) = (world(), address(list, NO_SUCH_MODEL));
        let url = format!("http://{}/v1", played.address);
        let text = nothing_began(&world, &at_address(&world, &url, "nosuch"));
        let told = format!("no model nosuch at {url}: 404 Not Found: model 'nosuch' not found\n");
        assert!(text.contains(&told), "{text}");
    }
}

#[test]
fn an_address_that_cannot_be_asked_from_here_is_the_gateways_to_ask() {
    for url in ["http://127.0.0.1:1/v1", "https://127.0.0.1:1/v1"] {
        let world = world();
        let output = at_address(&world, url, "m");
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    }
}
