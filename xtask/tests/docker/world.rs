//! A checkout of its own whose stack runs in real containers, of this workspace's images.

#![allow(unreachable_pub, reason = "a module of one test file")]

use crate::support::World;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// Services of `compose.yaml`.
pub const SERVICES: [&str; 5] = ["temporal", "server", "gateway", "mcp", "runner"];

/// A checkout with our Compose file and our limits.
pub struct Contained {
    /// The checkout.
    pub world: World,
    images: BTreeMap<String, String>,
    /// `DOCKER_HOST`, where it is not the machine's.
    host: Option<String>,
}

impl Contained {
    /// Needs Docker, the images, and the binaries beside this test's own.
    pub fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let world = World::new();
        let copy = |name: &str| {
            let to = world.root().join(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(root.join(name), to).unwrap();
        };
        copy("compose/compose.yaml");
        copy("e2e.toml"); // containers need the real limits
        let list = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["images", "list"])
            .env("E2E_ROOT", root)
            .output()
            .unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        let images = list
            .lines()
            .filter(|line| !line.starts_with("older"))
            .map(|line| {
                let mut words = line.split_whitespace().map(str::to_owned);
                let part = words.next().unwrap().to_uppercase().replace('-', "_");
                let image = words.next().unwrap();
                let inspect = ["image", "inspect", "--format", "there", &image];
                assert_eq!(docker(&inspect), "there", "cargo xtask images first");
                (format!("E2E_IMAGE_{part}"), image)
            })
            .collect();
        Self {
            world,
            images,
            host: None,
        }
    }

    /// On another engine, which is given the images.
    pub fn on(host: &str) -> Self {
        let stack = Self::new();
        let mut save = Command::new("docker")
            .arg("save")
            .args(stack.images.values())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let load = Command::new("docker")
            .args(["--host", host, "load"])
            .stdin(save.stdout.take().unwrap())
            .stdout(Stdio::null())
            .status();
        assert!(save.wait().unwrap().success() && load.unwrap().success());
        Self {
            host: Some(host.to_owned()),
            ..stack
        }
    }

    /// `xtask` in this world, with what was built in place of builds.
    pub fn xtask(&self, args: &[&str]) -> Command {
        let built = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().unwrap();
        let mut command = self.world.xtask(args);
        for (part, bin) in [
            ("SERVER", "stigmer-server"),
            ("RUNNER", "agent-runner"),
            ("CLI", "stigmer"),
            ("GATEWAY", "model-gateway"),
            ("MCP", "mcp-probe"),
        ] {
            let bin = built.join(bin);
            assert!(bin.exists(), "{} is not built", bin.display());
            command.env(format!("E2E_{part}_BIN"), bin);
        }
        command.envs(&self.images);
        command.envs(self.host.iter().map(|host| ("DOCKER_HOST", host)));
        command
    }

    /// Phase 2 in containers, without a model, with this in place of tests.
    pub fn phase2(&self, script: &str) -> Command {
        let mut args = ["e2e", "phase2", "--runtime", "docker"].to_vec();
        args.extend(["--model", "replay", "--exec", script]);
        self.xtask(&args)
    }

    /// The CLI that was built.
    pub fn stigmer(&self) -> Command {
        let built = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().unwrap();
        Command::new(built.join("stigmer"))
    }

    /// An image of ours under another name.
    pub fn tagged(&self, variable: &str, name: &str) -> String {
        docker(&["tag", &self.images[variable], name]);
        name.to_owned()
    }

    /// The id of the run that is kept.
    pub fn run_id_of_kept(&self) -> String {
        let output = self.xtask(&["status", "--json"]).output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        status["stacks"][0]["run"].as_str().unwrap().to_owned()
    }

    /// Any of our images, for containers that a test plants.
    pub fn image(&self) -> &str {
        &self.images["E2E_IMAGE_GATEWAY"]
    }

    /// The image of a component.
    pub fn image_of(&self, component: &str) -> &str {
        &self.images[&format!("E2E_IMAGE_{component}")]
    }

    /// The id of the run that began last; empty before the first.
    pub fn run_id(&self) -> String {
        let latest = std::fs::read_link(self.world.runs().join("latest"));
        latest.map_or_else(|_| String::new(), |id| id.display().to_string())
    }

    /// The engine's client; what it printed.
    pub fn docker(&self, args: &[&str]) -> String {
        let host = self.host.iter().flat_map(|host| ["--host", host]);
        docker(&host.chain(args.iter().copied()).collect::<Vec<_>>())
    }

    /// What a run has in the engine.
    pub fn left(&self, run: &str) -> Vec<String> {
        ["container ls --all", "network ls", "volume ls"]
            .iter()
            .flat_map(|list| {
                let format = if list.starts_with("container") {
                    "{{.Names}}"
                } else {
                    "{{.Name}}"
                };
                let mut args: Vec<_> = list.split(' ').collect();
                let filter = format!("label=dev.stigmer.e2e.run={run}");
                args.extend(["--filter", &filter, "--format", format]);
                self.docker(&args)
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Neither processes nor anything in the engine.
    pub fn assert_nothing_left(&self, run: &str) {
        assert_eq!(self.left(run), Vec::<String>::new());
        self.world.assert_nothing_left();
    }
}

/// The client of the machine's engine; what it printed.
pub fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    assert!(
        output.status.success(),
        "docker {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A shell's way to a service's container, for scripts in place of tests.
pub fn container(service: &str) -> String {
    format!(
        "$(docker ps --quiet --filter label=dev.stigmer.e2e.run=$(basename $(dirname $(dirname $E2E_STACK))) \
         --filter label=com.docker.compose.service={service})"
    )
}
