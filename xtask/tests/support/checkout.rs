//! A checkout with sources small enough to be hashed, a cargo that is a script, and a Docker client that may be one.

use super::World;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that images are made of.
pub const CRATES: [&str; 4] = [
    "stigmer-server",
    "agent-runner",
    "model-gateway",
    "mcp-probe",
];

/// Parts whose images are made of them, in the order in which they are built.
pub const ALL: [&str; 5] = ["server", "runner", "gateway", "mcp", "runner-e2e"];

/// A client that remembers what it built and was given; `$1` of a script that is put before it decides otherwise.
const DOCKER: &str = r#"
case "$1 $2" in
"image ls") [ "$3" = --quiet ] || cat $E2E_FAKE/images 2>/dev/null;;
"build "*)
    while [ $# -gt 1 ]; do [ "$1" = --tag ] && echo "$2" >> $E2E_FAKE/images; shift; done
    from=${1##*/}; cp "$1/Dockerfile" $E2E_FAKE/Dockerfile.${from%-*};;
esac
exit 0"#;

/// It copies one program to each binary that is asked for, into the target folder that cargo would take.
const CARGO: &str = r#"
to=${CARGO_TARGET_DIR:-${CARGO_BUILD_TARGET_DIR:-target}}
while [ $# -gt 0 ]; do
    [ "$1" = --target-dir ] && to=$2
    [ "$1" = --target ] && at=$to/$2/image && mkdir -p $at
    [ "$1" = --bin ] && cp $E2E_FAKE/program $at/$2
    shift
done
exit 0"#;

/// The checkout.
pub struct Checkout {
    /// Its folder.
    pub world: World,
}

impl Checkout {
    /// With our Dockerfiles and our configuration. `own` makes its tags differ from those of all others.
    pub fn new(own: &str) -> Self {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let checkout = Self {
            world: World::new(),
        };
        for name in CRATES {
            checkout.write(&format!("crates/{name}/Cargo.toml"), "[dependencies]\n");
            checkout.write(&format!("crates/{name}/src/main.rs"), own);
        }
        checkout.write("Cargo.toml", "");
        checkout.write("Cargo.lock", "");
        for entry in std::fs::read_dir(ours.join("compose")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(path).unwrap();
            checkout.write(&format!("compose/{name}"), &text);
        }
        checkout.write(
            "fake/program",
            "not started by a test that makes the client up",
        );
        checkout.script("cargo", CARGO);
        checkout
    }

    /// Writes a file below the root.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.world.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Adds lines to `[images]` of the configuration.
    pub fn configure(&self, lines: &str) {
        let path = self.world.root().join("e2e.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            path,
            text.replace("[images]", &format!("[images]\n{lines}")),
        )
        .unwrap();
    }

    /// A program of this machine that notes how it was called.
    pub fn script(&self, name: &str, text: &str) {
        let path = self.world.fake().join(name);
        let text = format!("#!/bin/sh\necho \"{name} $*\" >> $E2E_FAKE/calls\n{text}\n");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A Docker client that does this first; `exit` ends it.
    pub fn docker(&self, first: &str) {
        self.script("docker", &format!("{first}\n{DOCKER}"));
    }

    /// `xtask` on a machine that has the scripts. Temporal's image is somebody else's.
    pub fn xtask(&self, args: &[&str]) -> Command {
        let mut command = self.world.xtask(args);
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{}:{path}", self.world.fake().display()))
            .env("CARGO", self.world.fake().join("cargo"))
            .env("E2E_TOOLS_DIR", self.tools())
            .env("E2E_IMAGE_TEMPORAL", "somebody/else:1")
            .env_remove("DOCKER_HOST");
        for part in ["SERVER", "RUNNER", "RUNNER_E2E", "GATEWAY", "MCP"] {
            command.env_remove(format!("E2E_IMAGE_{part}"));
        }
        command
    }

    /// The tools cache, which is empty.
    pub fn tools(&self) -> PathBuf {
        self.world.fake().join("tools")
    }

    /// Calls of scripts since this was asked last.
    pub fn calls(&self) -> Vec<String> {
        let path = self.world.fake().join("calls");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path); // there was none
        text.lines().map(str::to_owned).collect()
    }

    /// Parts whose images were built, of these calls; in the order of [`ALL`], since most are built side by side.
    pub fn built(calls: &[String]) -> Vec<&'static str> {
        let built = |part: &&str| {
            // Behind the registry's prefix, where one is named.
            let reference = format!("stigmer-e2e/{part}:");
            calls.iter().any(|call| {
                let tag = call
                    .split_once(" --tag ")
                    .and_then(|(_, rest)| rest.split(' ').next());
                call.starts_with("docker build ") && tag.is_some_and(|tag| tag.contains(&reference))
            })
        };
        ALL.into_iter().filter(built).collect()
    }
}
