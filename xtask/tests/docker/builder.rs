//! Docker's two builders: the classic one, and BuildKit by whatever client of this machine can do it.

use crate::docker_world::docker;
use crate::private::Daemon;
use crate::support::checkout::{ALL, CRATES, Checkout};
use crate::support::text_of;
use std::path::PathBuf;
use std::process::Command;

/// A client with BuildKit: of its own, as older ones have it, or by buildx.
fn client() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let clients = std::env::split_paths(&path).map(|folder| folder.join("docker"));
    clients.filter(|client| client.is_file()).find(|client| {
        let mut help = Command::new(client);
        let output = help
            .args(["build", "--help"])
            .env("DOCKER_BUILDKIT", "1")
            .output();
        output.is_ok_and(|output| output.status.success())
    })
}

#[test]
#[ignore = "needs root and Docker: cargo xtask ci runs it"]
fn both_make_the_same_images() {
    let Some(client) = client() else {
        eprintln!("SKIPPED: no Docker client on PATH has BuildKit");
        eprintln!("  mend: sudo apt-get install -y docker-buildx-plugin");
        return;
    };
    let made = ["0", "1"].map(|buildkit| {
        let daemon = Daemon::start("400m")?;
        let checkout = Checkout::new("by two builders");
        std::os::unix::fs::symlink(&client, checkout.world.fake().join("docker")).unwrap();
        let mut images = checkout.xtask(&["images"]);
        images.env("DOCKER_BUILDKIT", buildkit);
        let output = daemon.within(&images).output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert_eq!(text.matches("built in").count(), ALL.len(), "{text}");
        let log = |part: &str| {
            let path = format!("target/images/{part}.log");
            std::fs::read_to_string(checkout.world.root().join(path)).unwrap()
        };
        let classic = log("runner").contains("Step 1/");
        assert_eq!(classic, buildkit == "0");
        assert!(log("runner-e2e").contains("Loaded image"), "on the runner");
        let host = daemon.host();
        let first = all(&host);

        // With another binary, each is the image before but for that layer.
        checkout.write("fake/program", ANOTHER);
        for name in CRATES {
            checkout.write(&format!("crates/{name}/src/main.rs"), "another line");
        }
        let output = daemon.within(&images).output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        for part in ALL {
            assert!(log(part).contains("Loaded image"), "{part}: {text}");
        }
        let both = all(&host);
        let second: Vec<_> = both.iter().filter(|it| !first.contains(it)).collect();
        assert_eq!(second.len(), ALL.len(), "{both:?}");
        for (before, after) in first.iter().zip(&second) {
            assert_eq!((&before.part, &before.is), (&after.part, &after.is));
            assert_eq!(after.program(&host), ANOTHER);
        }
        Some(
            first
                .into_iter()
                .map(|it| (it.part, it.is))
                .collect::<Vec<_>>(),
        )
    });
    let [classic, buildkit] = made;
    assert_eq!(classic, buildkit);
    let there = classic.map_or(ALL.len(), |list| list.len());
    assert_eq!(there, ALL.len());
}

/// As long as the program of [`Checkout`].
const ANOTHER: &str = "not started by a test, and another than before";

/// An image of the engine.
#[derive(Debug, PartialEq)]
struct Built {
    part: String,
    name: String,
    /// All that matters of it but its bytes.
    is: String,
}

/// Ours, by part.
fn all(host: &str) -> Vec<Built> {
    let format = "{{.Repository}}:{{.Tag}}";
    let list = docker(&["--host", host, "image", "ls", "--format", format]);
    let format = "{{.Config.User}} {{.Config.Labels}} {{.Config.Env}} {{.Config.Entrypoint}} \
                  {{len .RootFS.Layers}} {{.Size}} {{.Architecture}} {{.Os}}";
    let mut all: Vec<Built> = list
        .lines()
        .map(|name| Built {
            part: name.split_once(':').unwrap().0.to_owned(),
            name: name.to_owned(),
            is: docker(&["--host", host, "image", "inspect", "--format", format, name]),
        })
        .collect();
    all.sort_by(|a, b| a.part.cmp(&b.part));
    all
}

impl Built {
    /// What its layer has, by way of a container that never runs.
    fn program(&self, host: &str) -> String {
        let container = docker(&["--host", host, "create", &self.name, "/x"]);
        let dir = tempfile::tempdir().unwrap();
        let part = self.part.rsplit('/').next().unwrap();
        let program = match part {
            "server" => "stigmer-server",
            "runner" => "agent-runner",
            "gateway" => "model-gateway",
            _ => "mcp-probe",
        };
        let (from, to) = (
            format!("{container}:/{program}"),
            dir.path().join("program"),
        );
        docker(&["--host", host, "cp", &from, to.to_str().unwrap()]);
        docker(&["--host", host, "rm", &container]);
        std::fs::read_to_string(to).unwrap()
    }
}
