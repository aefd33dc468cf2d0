//! Images from and to a registry. A pull that fails is tried again a few times, since lines break; then it is said.

use super::{Image, absent};
use crate::engine::{self, docker};
use crate::exit::{Code, coded};
use crate::process::Command;
use std::time::{Duration, Instant};

/// For one attempt: 150 MB at 2 Mbit/s.
const TRANSFER: Duration = Duration::from_secs(600);
/// Attempts, with these pauses between them. A registry that is down for a minute is down.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Fetches what is missing.
///
/// # Errors
/// [`Code::Image`] with the registry's own words.
pub async fn pull(images: &[Image], offline: bool) -> anyhow::Result<()> {
    let missing = absent(images).await?;
    if offline && !missing.is_empty() {
        let names: Vec<_> = missing
            .iter()
            .map(|image| image.reference.as_str())
            .collect();
        return Err(coded(
            Code::Image,
            format!(
                "not there, and --offline forbids to fetch: {}",
                names.join(", ")
            ),
        ));
    }
    for image in images {
        if missing.contains(image) {
            transfer("pull", "pulled", image).await?;
        } else {
            println!(
                "{:<9} is there       {}",
                image.part.name(),
                image.reference
            );
        }
    }
    Ok(())
}

/// Sends all.
///
/// # Errors
/// As [`pull`]; also when an image is not there.
pub async fn push(images: &[Image], offline: bool) -> anyhow::Result<()> {
    if offline {
        return Err(coded(
            Code::Usage,
            "push and --offline contradict each other",
        ));
    }
    if let Some(image) = absent(images).await?.first() {
        return Err(coded(
            Code::Image,
            format!(
                "{} is not there\n  mend: cargo xtask images, with the same --registry",
                image.reference
            ),
        ));
    }
    for image in images.iter().filter(|image| !image.foreign) {
        transfer("push", "pushed", image).await?;
    }
    Ok(())
}

fn command(verb: &str, image: &Image) -> Command {
    docker([verb, "--quiet", &image.reference])
}

async fn transfer(verb: &str, done: &str, image: &Image) -> anyhow::Result<()> {
    let began = Instant::now();
    eprintln!("{:<9} {verb} {}", image.part.name(), image.reference);
    let mut pauses = PAUSES.iter();
    loop {
        match engine::ask(command(verb, image), TRANSFER, Code::Image).await {
            Ok(_) => break,
            Err(error) => match pauses.next() {
                Some(pause) if crate::exit::code_of(&error) == Code::Image => {
                    eprintln!(
                        "{error:#}\n{:<9} again in {} s",
                        image.part.name(),
                        pause.as_secs()
                    );
                    tokio::time::sleep(*pause).await;
                }
                _ => return Err(error),
            },
        }
    }
    println!(
        "{:<9} {done} in {:.1} s {}",
        image.part.name(),
        began.elapsed().as_secs_f32(),
        image.reference
    );
    Ok(())
}
