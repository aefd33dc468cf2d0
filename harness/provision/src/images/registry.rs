//! Images from and to a registry. Docker tries layers again by itself and has good words of its own; who may is the
//! business of `docker login`.

use super::component::Image;
use super::layout::folder;
use super::present::{absent, say};
use anyhow::Context;
use harness_base::docker::{self, docker};
use harness_base::process::run_drawing;
use harness_base::{Code, Command, code_of, coded, run_to_end};
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

/// For one image: 150 MB at 2 Mbit/s.
const TRANSFER: Duration = Duration::from_secs(600);

/// Fetches what a registry has of these. The others, which are to be built, are handed back.
///
/// # Errors
/// When Docker itself is not as it should be.
pub(super) async fn take(root: &Path, missing: Vec<Image>) -> anyhow::Result<Vec<Image>> {
    let (mut rest, mut gives) = (Vec::new(), true);
    for image in missing {
        if !image.remote || !gives {
            rest.push(image);
            continue;
        }
        let began = Instant::now();
        match transfer(root, "pull", image.component.name(), &image.reference).await {
            Ok(()) => say(&image, &took("pulled", began), ""),
            Err(error) if code_of(&error) != Code::Image => return Err(error),
            Err(error) => {
                let text = format!("{error:#}");
                if docker::is_absent(&text) {
                    say(&image, "is not in the registry", ", so it is built");
                } else {
                    // The next image would hear the same.
                    gives = false;
                    eprintln!("{text}");
                    let host = docker::registry(&image.reference);
                    eprintln!("images: nothing comes from {host}, so they are built");
                }
                rest.push(image);
            }
        }
    }
    Ok(rest)
}

/// Fetches what is missing.
///
/// # Errors
/// [`Code::Image`] with the registry's own words.
pub async fn pull(root: &Path, images: &[Image], offline: bool) -> anyhow::Result<()> {
    let missing = absent(images).await?;
    need_registry(&missing, "pulled from")?;
    if offline && !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|it| it.reference.as_str()).collect();
        let names = names.join(", ");
        let why = format!("not there, and --offline forbids to fetch: {names}");
        return Err(coded(Code::Image, why));
    }
    for image in images {
        if missing.contains(image) {
            send(root, "pull", "pulled", image).await?;
        } else {
            say(image, "is there", "");
        }
    }
    Ok(())
}

/// Sends all.
///
/// # Errors
/// As [`pull`]; also when an image is not there.
pub async fn push(root: &Path, images: &[Image], offline: bool) -> anyhow::Result<()> {
    if offline {
        let why = "push and --offline contradict each other";
        return Err(coded(Code::Usage, why));
    }
    let own: Vec<Image> = images.iter().filter(|it| !it.foreign).cloned().collect();
    need_registry(&own, "pushed to")?;
    if let Some(image) = absent(&own).await?.first() {
        let (what, mend) = (
            &image.reference,
            "cargo xtask images, with the same --registry",
        );
        return Err(coded(
            Code::Image,
            format!("{what} is not there\n  mend: {mend}"),
        ));
    }
    for image in &own {
        send(root, "push", "pushed", image).await?;
    }
    Ok(())
}

/// # Errors
/// [`Code::Usage`] for an image that no registry has.
fn need_registry(images: &[Image], use_: &str) -> anyhow::Result<()> {
    let Some(local) = images.iter().find(|image| !image.remote) else {
        return Ok(());
    };
    let mend = "--registry HOST[:PORT][/PATH], or images.registry in e2e.toml";
    let why = format!(
        "{} has no registry to be {use_}\n  mend: {mend}",
        local.reference
    );
    Err(coded(Code::Usage, why))
}

/// Pulls somebody else's image.
///
/// # Errors
/// As [`pull`].
pub(super) async fn fetch(root: &Path, what: &str, reference: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    transfer(root, "pull", what, reference)
        .await
        .with_context(|| format!("{what} cannot be had"))?;
    eprintln!("{what}: {} {reference}", took("pulled", began));
    Ok(())
}

async fn send(root: &Path, verb: &str, done: &str, image: &Image) -> anyhow::Result<()> {
    let began = Instant::now();
    transfer(root, verb, image.component.name(), &image.reference).await?;
    say(image, &took(done, began), "");
    Ok(())
}

fn took(done: &str, began: Instant) -> String {
    format!("{done} in {:.1} s", began.elapsed().as_secs_f32())
}

/// The client's call: with its own bars where somebody looks, else quiet.
fn command(verb: &str, reference: &str, bars: bool) -> Command {
    let command = docker([verb]);
    let command = if bars {
        command
    } else {
        command.args(["--quiet"])
    };
    command.args([reference])
}

/// Moves one image.
async fn transfer(root: &Path, verb: &str, what: &str, reference: &str) -> anyhow::Result<()> {
    eprintln!("{what}: {verb} {reference}");
    let bars = std::io::stdout().is_terminal();
    let command = command(verb, reference, bars);
    let folder = folder(root);
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let said = folder.join(format!("{verb}-{}.log", std::process::id()));
    let done = if bars {
        run_drawing(&command, &said, TRANSFER).await
    } else {
        run_to_end(&command, &said, TRANSFER).await
    };
    let _ = std::fs::remove_file(&said); // what it said is handed on
    done.map_err(|why| docker::explain(&why, Code::Image, &command.echo()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        assert_eq!(
            command("pull", "r/a:1", false).echo(),
            "docker pull --quiet r/a:1"
        );
        assert_eq!(command("push", "r/a:1", true).echo(), "docker push r/a:1");
    }
}
