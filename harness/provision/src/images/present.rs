//! Which images the engine has.

use super::component::Image;
use harness_base::Code;
use harness_base::docker::labels::IMAGE;
use harness_base::docker::{self, ANSWER, docker};

/// Those that the engine does not have.
///
/// # Errors
/// When the engine does not answer.
pub async fn absent(images: &[Image]) -> anyhow::Result<Vec<Image>> {
    // One question for all: the client itself is what takes time. It says nothing about those that are not there.
    let list = docker([
        "image",
        "ls",
        "--no-trunc",
        "--format",
        "{{.Repository}}:{{.Tag}}",
    ]);
    let list = docker::ask(list, ANSWER, Code::Image).await?;
    let has = |image: &Image| list.lines().any(|line| line == image.reference);
    Ok(images
        .iter()
        .filter(|image| !image.foreign && !has(image))
        .cloned()
        .collect())
}

/// One line for an image: what became of it.
pub(super) fn say(image: &Image, what: &str, more: &str) {
    println!(
        "{:<10} {what:<15} {}{more}",
        image.component.name(),
        image.reference
    );
}

/// Shows the images of the present sources, and older ones.
///
/// # Errors
/// When the engine does not answer.
pub async fn list(images: &[Image]) -> anyhow::Result<()> {
    let filter = format!("label={IMAGE}");
    let format = "{{.Repository}}:{{.Tag}}\t{{.Size}}\t{{.CreatedSince}}";
    let ours = docker(["image", "ls", "--filter", &filter, "--format", format]);
    let ours = docker::ask(ours, ANSWER, Code::Image).await?;
    for image in images {
        let there = ours.lines().find(|line| line.starts_with(&image.reference));
        println!(
            "{:<10} {}",
            image.component.name(),
            there.map_or_else(|| format!("{}\tabsent", image.reference), str::to_owned)
        );
    }
    for line in ours.lines() {
        if !images
            .iter()
            .any(|image| line.starts_with(&image.reference))
        {
            println!("{:<10} {line}", "older");
        }
    }
    Ok(())
}

/// Removes all images that were built here.
///
/// # Errors
/// When the engine does not answer, or keeps one.
pub async fn clean() -> anyhow::Result<()> {
    let filter = format!("label={IMAGE}");
    let names = async || {
        let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
        let ours = docker(["image", "ls", "--filter", &filter, "--format", format]);
        docker::ask(ours, ANSWER, Code::Image).await
    };
    let mut count = 0;
    // An image that another one is built on goes only after that one, so those that have names are unnamed first.
    for named in [true, false] {
        let said = names().await?;
        let mut wanted: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(name, _)| name.contains("<none>") != named)
            .map(|(name, id)| if named { name } else { id })
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        if !wanted.is_empty() {
            let remove = docker(["image", "rm", "--force"]).args(wanted.iter().copied());
            docker::ask(remove, ANSWER, Code::Image).await?;
            count += wanted.len();
        }
    }
    match count {
        0 => println!("no image was built here"),
        count => println!("removed {count} images"),
    }
    Ok(())
}
