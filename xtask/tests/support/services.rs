//! Phase 2's services made of shell.

use super::World;
use std::collections::BTreeMap;
use std::process::Command;

/// Everybody notes the environment and stays; those that announce an address do. None is ready before.
pub fn world() -> World {
    let world = World::new();
    let announce = |port: u16| {
        format!(
            "echo 127.0.0.1:{port} > $STIGMER_ANNOUNCE_FILE.tmp; mv $STIGMER_ANNOUNCE_FILE.tmp $STIGMER_ANNOUNCE_FILE; exec sleep 60"
        )
    };
    let stay = || "exec sleep 60".to_owned();
    for (name, then) in [
        ("server", announce(4242)),
        ("gateway", announce(4243)),
        ("mcp", announce(4244)),
        ("runner", stay()),
        ("temporal", stay()),
    ] {
        world.ready_after(name, "env > $E2E_FAKE/$(basename $0).env", &then);
    }
    world
}

/// What a service noted of its environment.
pub fn environment(world: &World, name: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(world.fake().join(format!("{name}.env"))).unwrap();
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Phase 2 on a machine that has no model and cannot fetch one.
pub fn phase2(world: &World, args: &[&str]) -> Command {
    let mut command = with_services(world, &["e2e", "phase2"]);
    command.args(args);
    command
}

/// `xtask` on such a machine.
pub fn with_services(world: &World, args: &[&str]) -> Command {
    let mut command = world.xtask(args);
    command
        .env("OLLAMA_HOST", "127.0.0.1:1")
        .env("E2E_TOOLS_DIR", world.fake().join("tools"))
        // Whoever runs this may have one; nobody of the stack shall.
        .env("STIGMER_RUNNER_KEY", "of-somebody-else")
        .env("STIGMER_LLM_API_KEY", "of-somebody-else")
        .env("GATEWAY_UPSTREAM", "http://somebody.else/v1");
    for part in ["SERVER", "GATEWAY", "MCP", "RUNNER", "TEMPORAL"] {
        let bin = world.fake().join(part.to_lowercase());
        command.env(format!("E2E_{part}_BIN"), bin);
    }
    // A python that has no pip, so that nothing can be fetched.
    let path = std::env::var("PATH").unwrap();
    let fakes = world.fake().join("path");
    std::fs::create_dir_all(&fakes).unwrap();
    world.service("path/python3", "exit 1");
    command.env("PATH", format!("{}:{path}", fakes.display()));
    command
}
