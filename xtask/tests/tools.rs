//! Tools are installed by the real pip, out of a folder: what has another hash than is pinned never becomes one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use support::{World, text_of};

/// A wheel with one file, and the hashes of both.
const WHEEL: &str = r#"
import hashlib, sys, zipfile
name, path = sys.argv[1:]
main = b"the program"
dist = f"{name}-1.0.dist-info"
files = {
    f"{name}/main": main,
    f"{dist}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
    f"{dist}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{dist}/RECORD": b"",
}
with zipfile.ZipFile(f"{path}/{name}-1.0-py3-none-any.whl", "w") as wheel:
    for file, text in files.items():
        wheel.writestr(file, text)
print(hashlib.sha256(open(wheel.filename, "rb").read()).hexdigest(), hashlib.sha256(main).hexdigest())
"#;

/// The wheel of a tool, in a folder of the world; the hashes of the wheel and of its file.
fn wheel(world: &World, name: &str) -> [String; 2] {
    let folder = world.fake().join("index");
    std::fs::create_dir_all(&folder).unwrap();
    let mut python = Command::new("python3");
    let output = python.args(["-c", WHEEL, name]).arg(&folder).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    let mut hashes = said.split_whitespace().map(str::to_owned);
    let mut next = || {
        hashes
            .next()
            .unwrap_or_else(|| panic!("{}", text_of(&output)))
    };
    [next(), next()]
}

fn pin(world: &World, name: &str, wheel: &str, main: &str) {
    let path = world.root().join("e2e.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let pin = format!(
        "\n[tools.{name}]\npackage = \"{name}\"\nversion = \"1.0\"\nmain = \"{name}/main\"\n\
         main_sha256 = \"{main}\"\n[tools.{name}.wheel.any]\nbytes = 1\nsha256 = \"{wheel}\"\n"
    );
    std::fs::write(path, text + &pin).unwrap();
}

fn tools(world: &World, args: &[&str]) -> (Option<i32>, String) {
    let mut command = world.xtask(&["tools"]);
    let command = command
        .args(args)
        .env("E2E_TOOLS_DIR", world.fake().join("tools"))
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", world.fake().join("index"));
    let output = command.output().unwrap();
    (output.status.code(), text_of(&output))
}

/// What the list says of a tool, and its folder.
fn listed(world: &World, name: &str) -> (String, PathBuf) {
    let (_, text) = tools(world, &["list"]);
    let row = text.lines().find(|line| line.starts_with(name)).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    (words[2].to_owned(), PathBuf::from(words[3]))
}

/// It is not installed, for this reason.
fn refuses(world: &World, name: &str, code: i32, why: &str, beside: &[&str]) {
    let (came, text) = tools(world, &[&["install", name], beside].concat());
    assert_eq!(came, Some(code), "{name}: {text}");
    assert!(text.contains(&format!("install {name}: ")), "{text}");
    assert!(text.contains(why), "{name}: {text}");
    let (state, folder) = listed(world, name);
    assert_eq!(state, "absent", "{name}");
    assert!(!folder.exists(), "{name}");
}

#[test]
fn what_has_another_hash_is_refused_and_hinders_no_other() {
    let world = World::new();
    let zeros = "0".repeat(64);
    let [archive, main] = wheel(&world, "good");
    pin(&world, "good", &archive, &main);
    let [_, main] = wheel(&world, "bad");
    pin(&world, "bad", &zeros, &main);
    let [archive, _] = wheel(&world, "other");
    pin(&world, "other", &archive, &zeros);

    refuses(&world, "bad", 20, "fetch failed: ", &["good"]);
    refuses(&world, "other", 1, "other/main has hash ", &[]);
    let (state, folder) = listed(&world, "good");
    assert_eq!(state, "complete");
    let main = std::fs::read(folder.join("good/main")).unwrap();
    assert_eq!(main, b"the program");
    let cache = std::fs::read_dir(world.fake().join("tools")).unwrap();
    let names = cache.map(|it| it.unwrap().file_name().into_string().unwrap());
    let hidden: Vec<String> = names.filter(|name| name.starts_with('.')).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn half_a_tool_is_none() {
    let world = World::new();
    let [archive, main] = wheel(&world, "half");
    pin(&world, "half", &archive, &main);
    let path = world.fake().join("index/half-1.0-py3-none-any.whl");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    refuses(&world, "half", 20, "fetch failed: ", &[]);
    std::fs::write(&path, whole).unwrap();
    assert_eq!(tools(&world, &["install", "half"]).0, Some(0));
    let (state, folder) = listed(&world, "half");
    assert_eq!(state, "complete");
    std::fs::write(folder.join("half/main"), "the pro").unwrap();
    assert_eq!(listed(&world, "half").0, "damaged");
}

#[test]
fn what_was_never_finished_is_not_used() {
    let world = World::new();
    let found = || {
        let mut command = world.xtask(&["prereqs", "phase1"]);
        command
            .env("PATH", world.fake())
            .env("E2E_TOOLS_DIR", world.fake().join("tools"))
            .env("OLLAMA_HOST", "127.0.0.1:1");
        let text = text_of(&command.output().unwrap());
        let row = text.lines().find(|line| line.contains(" nextest "));
        row.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let (state, folder) = listed(&world, "nextest");
    assert_eq!(state, "absent");
    let main = folder.join("bin/cargo-nextest");
    std::fs::create_dir_all(main.parent().unwrap()).unwrap();
    std::fs::write(&main, "half").unwrap();
    assert_eq!(listed(&world, "nextest").0, "damaged");
    assert!(found().contains("will be fetched"), "{}", found());
    let manifest = format!(
        r#"{{"main":"bin/cargo-nextest","bytes":4,"modified":0,"sha256":"{}","python":null}}"#,
        "a11ae06469c63740d7b0ecf802f282a0d46e94f31a654dfcd3c0dc6dc277f904"
    );
    std::fs::write(folder.join(".complete"), manifest).unwrap();
    assert!(found().contains("in the tools cache"), "{}", found());
}

#[test]
fn what_cannot_be_printed_fails_unless_nobody_reads() {
    let world = World::new();
    let end = |stdout: Stdio| {
        let mut command = world.xtask(&["tools", "list"]);
        let tools = world.fake().join("tools");
        let command = command.env("E2E_TOOLS_DIR", tools).stdout(stdout);
        let output = command.output().unwrap();
        (output.status.code(), text_of(&output))
    };
    let full = std::fs::File::options().write(true).open("/dev/full");
    let (code, said) = end(full.unwrap().into());
    assert_eq!(code, Some(20), "{said}");
    assert!(said.contains("write to standard output"), "{said}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let (code, said) = end(writer.into());
    assert_eq!((code, said.contains("error")), (Some(0), false), "{said}");
}
