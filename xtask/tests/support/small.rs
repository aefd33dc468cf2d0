//! A checkout with a package of small tests, which a real cargo builds and a real nextest runs against a made-up server.

use super::{World, wait_for};

/// Tests that do what files beside them say, and note that they ran.
const TESTS: &str = r#"
use std::{env, fs, io::Write, path::PathBuf};

fn at(name: &str) -> PathBuf { PathBuf::from(env::var_os("E2E_FAKE").unwrap()).join(name) }

/// How often it ran, this time counted.
fn ran(name: &str) -> u64 {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(at(name)).unwrap();
    file.lock().unwrap(); // copies run side by side
    file.write_all(b"x").unwrap();
    let mut order = fs::OpenOptions::new().create(true).append(true).open(at("order")).unwrap();
    writeln!(order, "{name}").unwrap();
    file.metadata().unwrap().len()
}

/// As long as somebody holds it, but not for ever.
#[test]
fn good() {
    ran("good");
    for _ in 0..6000 {
        if !at("hold").exists() { return; }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("held too long");
}

#[test]
fn wrong() -> Result<(), String> {
    ran("wrong");
    if at("mended").exists() { Ok(()) } else { Err("tests/phase1/main.rs:1: expected it to be mended".into()) }
}

/// Two in a hundred.
#[test]
fn flake() {
    if ran("flake") % 50 == 0 { panic!("the moon is full"); }
}

#[test]
#[ignore]
fn ignored() { ran("ignored"); }
"#;

/// The checkout.
pub fn world() -> World {
    let world = World::new();
    world.good_server();
    let write = |path: &str, text: &str| {
        let path = world.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"test-e2e\"]\nresolver = \"3\"\n",
    );
    write(
        "test-e2e/Cargo.toml",
        "[package]\nname = \"test-e2e\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [[test]]\nname = \"phase1\"\npath = \"tests/phase1/main.rs\"\n",
    );
    write("test-e2e/tests/phase1/main.rs", TESTS);
    write("test-e2e/src/lib.rs", "");
    write(".gitignore", "target\nfake\n");
    let ours = include_str!("../../../.config/nextest.toml");
    let profile = ours.split("[[profile").next().unwrap();
    write(".config/nextest.toml", profile);
    world
}

impl World {
    /// Waits until one of the small tests has begun.
    pub fn until_begun(&self, test: &str) {
        let (order, line) = (self.fake().join("order"), format!("{test}\n"));
        wait_for(|| std::fs::read_to_string(&order).is_ok_and(|text| text.contains(&line)));
    }

    /// Small tests in the order in which they ran since this was asked last.
    pub fn order(&self) -> Vec<String> {
        let path = self.fake().join("order");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path); // none ran
        text.lines().map(str::to_owned).collect()
    }

    /// How often one of the small tests ran since this was asked last.
    pub fn ran(&self, test: &str) -> usize {
        let path = self.fake().join(test);
        let count = std::fs::read(&path).unwrap_or_default().len();
        let _ = std::fs::remove_file(path); // it did not run
        count
    }
}
