//! Building: one cargo build for all binaries, then one small context for each image that is missing.

use super::{Image, Part, absent, inputs};
use crate::config::Config;
use crate::e2e::build::{SELECTION, cargo};
use crate::engine::{self, IMAGE, docker};
use crate::exit::{Code, coded};
use crate::process::{Command, Output, spawn};
use crate::run::runs_dir;
use crate::tools::{install, installed};
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Sending 150 MB to an engine on a busy disk takes seconds; beyond this somebody should look.
const BUILD: Duration = Duration::from_secs(300);
/// What runner and server may take, in bytes.
const LARGEST: u64 = 25_000_000;

/// Builds the images that are missing; those that are there cost one question.
///
/// # Errors
/// [`Code::Image`] with what failed, [`Code::Fault`] when the binaries do not compile.
pub async fn ensure(
    root: &Path,
    config: &Config,
    images: &[Image],
    offline: bool,
) -> anyhow::Result<()> {
    let missing = absent(images).await?;
    for image in images.iter().filter(|image| !missing.contains(image)) {
        println!(
            "{:<9} is there       {}",
            image.part.name(),
            image.reference
        );
    }
    let ours: Vec<&Image> = missing
        .iter()
        .filter(|image| image.part != Part::Temporal)
        .collect();
    if !ours.is_empty() {
        binaries(root, offline).await?;
        for image in &ours {
            let tag = inputs::tag(root, config, image.part)?;
            if !image.reference.ends_with(&tag) {
                return Err(coded(
                    Code::Image,
                    format!(
                        "the sources of {} changed while it was built: build again",
                        image.part.name()
                    ),
                ));
            }
        }
    }
    for image in &missing {
        one(root, config, image, offline).await?;
    }
    Ok(())
}

/// The target triple of static binaries for this machine's engine.
fn triple() -> anyhow::Result<String> {
    if cfg!(target_os = "linux") {
        Ok(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
    } else {
        Err(coded(
            Code::Image,
            "images are built on Linux; elsewhere pull them: cargo xtask images pull --registry HOST/PATH",
        ))
    }
}

/// The cargo call that makes all binaries.
fn build_command(root: &Path, triple: &str, offline: bool) -> Command {
    let bins = Part::ALL
        .into_iter()
        .filter(|part| *part != Part::Temporal)
        .flat_map(|part| ["--bin", part.binary()]);
    let command = Command::new(cargo())
        .args(["build", "--profile", "image", "--target", triple])
        .args(SELECTION)
        .args(bins)
        // Only with its own variable is the target told apart from build scripts, which cannot be static.
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .cwd(root);
    if offline {
        command.args(["--offline"])
    } else {
        command
    }
}

async fn binaries(root: &Path, offline: bool) -> anyhow::Result<()> {
    let command = build_command(root, &triple()?, offline);
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

/// Ends a build when dropped.
struct Ends(crate::process::Process);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.signal(nix::sys::signal::Signal::SIGTERM);
    }
}

/// A folder that goes when the build ends, however it ends.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in `target` and is removed with it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `docker build` of a context; `--quiet`, since its words matter only when it fails.
fn command(image: &Image, context: &Path) -> Command {
    let part = image.part;
    docker(["build", "--quiet", "--force-rm"])
        .args(["--tag", &image.reference])
        .args(["--label".to_owned(), format!("{IMAGE}={}", part.name())])
        .args([
            "--build-arg".to_owned(),
            format!("BINARY={}", part.binary()),
        ])
        .args([context.to_string_lossy().into_owned()])
}

async fn one(root: &Path, config: &Config, image: &Image, offline: bool) -> anyhow::Result<()> {
    let began = Instant::now();
    let part = image.part;
    let (binary, from, dockerfile) = if part == Part::Temporal {
        let binary = temporal(config, offline).await?;
        (
            binary,
            "from the pinned binary",
            "compose/Dockerfile.temporal",
        )
    } else {
        let target = runs_dir(root)
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        let binary = target.join(triple()?).join("image").join(part.binary());
        (binary, "from the sources", "compose/Dockerfile")
    };
    let bytes = std::fs::metadata(&binary)
        .with_context(|| format!("look at {}", binary.display()))?
        .len();
    if part != Part::Temporal && bytes > LARGEST {
        return Err(coded(
            Code::Image,
            format!(
                "{} is {bytes} bytes, more than the {LARGEST} that its image may have",
                part.binary()
            ),
        ));
    }
    let context =
        Folder(runs_dir(root).join(format!(".image-{}-{}", part.name(), std::process::id())));
    fill(&context.0, &binary, part.binary(), &root.join(dockerfile))?;
    engine::ask(command(image, &context.0), BUILD, Code::Image)
        .await
        .with_context(|| format!("build the image of {}", part.name()))?;
    println!(
        "{:<9} built in {:>3.1} s {} ({from}, {:.1} MB)",
        part.name(),
        began.elapsed().as_secs_f32(),
        image.reference,
        bytes as f64 / 1e6
    );
    Ok(())
}

async fn temporal(config: &Config, offline: bool) -> anyhow::Result<PathBuf> {
    if let Some(binary) = installed(config, "temporal") {
        return Ok(binary);
    }
    if offline {
        return Err(coded(
            Code::Missing,
            "temporal is not in the tools cache and --offline forbids to fetch it\n  mend: cargo xtask tools install temporal",
        ));
    }
    install::all(config, &["temporal".to_owned()]).await?;
    installed(config, "temporal").context("temporal was installed but is not there")
}

fn fill(context: &Path, binary: &Path, name: &str, dockerfile: &Path) -> anyhow::Result<()> {
    let make = || -> std::io::Result<()> {
        let _ = std::fs::remove_dir_all(context); // of a process that had our pid
        std::fs::create_dir_all(context.join("data"))?;
        // An empty folder is not sent by every builder.
        std::fs::write(context.join("data/.keep"), "")?;
        std::fs::write(context.join("ca-certificates.crt"), authorities())?;
        std::fs::copy(dockerfile, context.join("Dockerfile"))?;
        // A link costs nothing; across file systems it has to be a copy.
        std::fs::hard_link(binary, context.join(name))
            .or_else(|_| std::fs::copy(binary, context.join(name)).map(drop))
    };
    make().with_context(|| format!("fill {}", context.display()))
}

/// The authorities that this machine trusts; empty where none are found, and then TLS to a model fails by saying so.
fn authorities() -> Vec<u8> {
    let set = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let known = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];
    set.into_iter()
        .chain(known.map(PathBuf::from))
        .find_map(|path| std::fs::read(path).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let echo = build_command(Path::new("/w"), "t", true).echo();
        let echo = echo.split_once(" build ").unwrap().1;
        insta::assert_snapshot!(echo, @"--profile image --target t --workspace --exclude xtask --bin stigmer-server --bin agent-runner --bin model-gateway --offline");
        let image = Image {
            part: Part::Runner,
            reference: "r/stigmer-e2e/runner:1".into(),
            foreign: false,
        };
        insta::assert_snapshot!(command(&image, Path::new("/c")).echo(), @"docker build --quiet --force-rm --tag r/stigmer-e2e/runner:1 --label dev.stigmer.e2e.image=runner --build-arg BINARY=agent-runner /c");
    }
}
