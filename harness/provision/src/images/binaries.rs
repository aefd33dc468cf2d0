//! The static binaries of all images, by one cargo build; where this machine makes none, in a container.

use super::component::Component;
use super::registry;
use anyhow::Context;
use harness_base::cargo::cargo;
use harness_base::docker::labels::labels;
use harness_base::docker::{self, ANSWER, docker, leftovers};
use harness_base::{Code, Command, Config, Output, Process, coded, spawn, target_dir};
use nix::sys::signal::Signal;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Only with its own target triple is a build told apart from build scripts, which cannot be static.
const STATIC: &str = "-C target-feature=+crt-static";

/// The target triple of what runs in containers here.
fn triple() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// Where the binaries of images are.
pub(super) fn folder(root: &Path, in_container: bool) -> PathBuf {
    let target = if in_container {
        inside(root)
    } else {
        target_dir(root)
    };
    target.join(triple()).join("image")
}

/// The target folder of builds in a container: another compiler, so another folder.
fn inside(root: &Path) -> PathBuf {
    target_dir(root).join("in-container")
}

/// What `cargo build` is told, wherever it runs.
fn arguments(offline: bool) -> Vec<String> {
    let bins: std::collections::BTreeSet<&str> = Component::ALL
        .into_iter()
        .filter(|component| component.is_ours())
        .map(Component::binary)
        .collect();
    let (profile, triple) = (
        ["--profile", "image", "--target"].map(str::to_owned),
        triple(),
    );
    let bins = bins.into_iter().flat_map(|name| ["--bin", name]);
    let offline = offline.then_some("--offline");
    profile
        .into_iter()
        .chain([triple])
        .chain(bins.chain(offline).map(str::to_owned))
        .collect()
}

/// The cargo call of this machine.
fn here(root: &Path, offline: bool) -> Command {
    let target = target_dir(root).display().to_string();
    Command::new(cargo())
        // Cargo's own configuration may name another, and old binaries may lie in this one.
        .args(["build", "--target-dir", &target])
        .args(arguments(offline))
        .env("RUSTFLAGS", STATIC)
        .cwd(root)
}

/// The same in a container. It belongs to whoever owns the checkout, so that what it writes does too.
fn contained(
    root: &Path,
    inside: &Path,
    builder: &str,
    owner: (u32, u32),
    labels: &[(&str, String)],
    offline: bool,
) -> Command {
    let volume =
        |from: &Path, to: &str| ["--volume".to_owned(), format!("{}:{to}", from.display())];
    let command = docker(["run", "--rm", "--init", "--pull", "never"])
        .args(["--user".to_owned(), format!("{}:{}", owner.0, owner.1)])
        .args(volume(root, "/checkout:ro"))
        .args(volume(inside, "/target"))
        .args(volume(&inside.join("cargo"), "/cargo"));
    let mut command = if offline {
        command.args(["--network", "none"])
    } else {
        command
    };
    for (name, value) in labels {
        command = command.args(["--label".to_owned(), format!("{name}={value}")]);
    }
    command
        .args(["--env", "CARGO_HOME=/cargo", "--env", "HOME=/cargo"])
        .args(["--env", "CARGO_TARGET_DIR=/target"])
        .args(["--env".to_owned(), format!("RUSTFLAGS={STATIC}")])
        .args(["--workdir", "/checkout", builder, "cargo", "build"])
        .args(arguments(offline))
        .args(["--locked"])
}

/// Builds all of them.
///
/// # Errors
/// [`Code::Image`] when they do not compile, or cannot be compiled here.
pub(super) async fn build(root: &Path, config: &Config, in_container: bool) -> anyhow::Result<()> {
    let command = if in_container {
        let inside = inside(root);
        let meta = std::fs::create_dir_all(inside.join("cargo"))
            .and_then(|()| std::fs::metadata(&inside))
            .with_context(|| format!("make {}", inside.display()))?;
        let builder = builder(root, config).await?;
        // A client that is killed leaves its container at work: the next run finds it by these.
        leftovers::mark(root)?;
        let labels = labels(root, &format!("images-{}", std::process::id()))?;
        let owner = (meta.uid(), meta.gid());
        contained(root, &inside, &builder, owner, &labels, config.offline)
    } else if cfg!(target_os = "linux") {
        here(root, config.offline)
    } else {
        return Err(coded(
            Code::Image,
            "static binaries are made on Linux\n  mend: cargo xtask images --in-container, or cargo xtask images pull --registry HOST/PATH",
        ));
    };
    eprintln!("$ {}", command.echo());
    let process = spawn(&command, &Output::Inherit, None)?;
    // Whoever stops waiting (Ctrl-C) ends cargo too.
    let guard = Ends(process.clone());
    let exit = process.wait().await;
    drop(guard);
    if exit.code == Some(0) {
        Ok(())
    } else {
        Err(coded(
            Code::Image,
            format!("the binaries for the images were not built ({exit}); cargo says why above"),
        ))
    }
}

/// The image that is compiled in: there, or pulled.
async fn builder(root: &Path, config: &Config) -> anyhow::Result<String> {
    let Some(name) = &config.images.builder else {
        return Err(coded(
            Code::Usage,
            "--in-container needs images.builder in e2e.toml: a Rust image by digest\n  mend: docker pull rust:1.92-bookworm prints its digest; write builder = \"rust:1.92-bookworm@sha256:...\"",
        ));
    };
    third_party(root, name, "the image to compile in", config.offline).await?;
    Ok(name.clone())
}

/// Makes sure that somebody else's image is there.
///
/// # Errors
/// [`Code::Image`] when it cannot be pulled.
pub(super) async fn third_party(
    root: &Path,
    name: &str,
    what: &str,
    offline: bool,
) -> anyhow::Result<()> {
    // An image that is not there is an answer, not a trouble: the list is empty then.
    let there = docker(["image", "ls", "--quiet", "--no-trunc", name]);
    if !docker::ask(there, ANSWER, Code::Image).await?.is_empty() {
        return Ok(());
    }
    if offline {
        return Err(coded(
            Code::Image,
            format!(
                "{what}, {name}, is not there, and --offline forbids to fetch it\n  mend: docker pull {name}"
            ),
        ));
    }
    registry::fetch(root, what, name).await
}

/// Ends a build when dropped.
struct Ends(Process);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.signal(Signal::SIGTERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let plain = |command: Command| command.echo().replace(&triple(), "TRIPLE");
        let echo = plain(here(Path::new("/w"), true));
        let echo = echo.split_once(" build ").unwrap().1;
        insta::assert_snapshot!(echo, @"--target-dir /w/target --profile image --target TRIPLE --bin agent-runner --bin mcp-probe --bin model-gateway --bin stigmer-server --offline");
        let inside = |offline| {
            let labels = [("label", "value".to_owned())];
            let (root, target) = (Path::new("/w"), Path::new("/t"));
            contained(root, target, "rust@sha256:1", (1, 2), &labels, offline)
        };
        let echo = plain(inside(false));
        insta::assert_snapshot!(echo, @"docker run --rm --init --pull never --user 1:2 --volume /w:/checkout:ro --volume /t:/target --volume /t/cargo:/cargo --label label=value --env CARGO_HOME=/cargo --env HOME=/cargo --env CARGO_TARGET_DIR=/target --env 'RUSTFLAGS=-C target-feature=+crt-static' --workdir /checkout rust@sha256:1 cargo build --profile image --target TRIPLE --bin agent-runner --bin mcp-probe --bin model-gateway --bin stigmer-server --locked");
        let offline = plain(inside(true));
        assert!(
            offline.contains("--network none") && offline.ends_with("--offline --locked"),
            "{offline}"
        );
    }
}
