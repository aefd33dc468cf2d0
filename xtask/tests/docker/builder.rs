//! Docker's two builders: the classic one, and BuildKit by whatever client of this machine can do it.

use crate::docker_world::docker;
use crate::private::Daemon;
use crate::support::checkout::{ALL, Checkout};
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
        let log = std::fs::read_to_string(checkout.world.root().join("target/images/runner.log"));
        let classic = log.unwrap().contains("Step 1/");
        assert_eq!(classic, buildkit == "0");

        let host = daemon.host();
        let list = [
            "--host",
            &host,
            "image",
            "ls",
            "--format",
            "{{.Repository}}:{{.Tag}}",
        ];
        let list = docker(&list);
        let mut named: Vec<&str> = list.lines().collect();
        named.sort_unstable();
        let format = "{{.RepoTags}} {{.Config.User}} {{.Config.Labels}} {{.Config.Env}} \
                      {{.Config.Entrypoint}} {{len .RootFS.Layers}} {{.Size}}";
        let mut inspect = vec!["--host", &host, "image", "inspect", "--format", format];
        inspect.extend(named);
        Some(docker(&inspect))
    });
    let [classic, buildkit] = made;
    assert_eq!(classic, buildkit);
    let there = classic.map_or(ALL.len(), |list| list.lines().count());
    assert_eq!(there, ALL.len());
}
