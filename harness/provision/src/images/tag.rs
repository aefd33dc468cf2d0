//! What goes into an image, as a hash: the sources of its crates, the lock file, the Dockerfile. Deciding from sources
//! needs no cargo and no binary, so a machine that only pulls knows the tags as well.

use super::component::{Component, Image};
use anyhow::Context;
use harness_base::Config;
use harness_base::random::hex;
use hmac_sha256::Hash as Sha256;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The tag of a component's image; `runner` is what the tests' runner is built on.
///
/// # Errors
/// When a source cannot be read.
pub(super) fn tag(
    root: &Path,
    config: &Config,
    component: Component,
    runner: Option<&Image>,
) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    // What is inside is for Linux, wherever it is asked for.
    hash.update(format!("linux-{}", std::env::consts::ARCH));
    add(&mut hash, root, &dockerfile(config, component))?;
    if component == Component::Temporal {
        if let Some(pinned) = &config.images.pinned.temporal {
            hash.update(pinned);
            return Ok(short(hash));
        }
        let tool = config
            .tools
            .get("temporal")
            .context("temporal is not pinned in e2e.toml")?;
        hash.update(&tool.version);
        if let Some(archive) = tool.archive_for(&format!("linux-{}", std::env::consts::ARCH)) {
            hash.update(&archive.sha256);
        }
        return Ok(short(hash));
    }
    if component == Component::RunnerE2e {
        let base = runner.context("the runner has no image")?;
        // The same bytes have the same tag, whatever registry their base comes from; somebody else's has a name alone.
        hash.update(if base.foreign {
            &base.reference
        } else {
            base.tag()
        });
    }
    for file in ["Cargo.toml", "Cargo.lock"] {
        add(&mut hash, root, Path::new(file))?;
    }
    for name in crates(root, component.binary())? {
        let mut files = Vec::new();
        collect(&root.join("crates").join(&name), &mut files)?;
        files.sort();
        for file in files {
            let relative = file.strip_prefix(root).unwrap_or(&file);
            add(&mut hash, root, relative)?;
        }
    }
    Ok(short(hash))
}

/// The Dockerfile of a component, from the root of the checkout.
pub(super) fn dockerfile(config: &Config, component: Component) -> PathBuf {
    PathBuf::from(match component {
        Component::Temporal if config.images.pinned.temporal.is_some() => {
            "compose/Dockerfile.temporal-pinned"
        }
        Component::Temporal => "compose/Dockerfile.temporal",
        Component::RunnerE2e => "compose/Dockerfile.runner-e2e",
        _ => "compose/Dockerfile",
    })
}

fn short(hash: Sha256) -> String {
    hex(&hash.finalize()[..6])
}

/// Path, length, content: no two trees make the same stream.
fn add(hash: &mut Sha256, root: &Path, relative: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(root.join(relative))
        .with_context(|| format!("read {}", relative.display()))?;
    hash.update(relative.to_string_lossy().as_bytes());
    hash.update(format!("\0{}\0", bytes.len()));
    hash.update(bytes);
    Ok(())
}

/// A crate of the workspace and those of the workspace that it is built from.
fn crates(root: &Path, name: &str) -> anyhow::Result<BTreeSet<String>> {
    let (mut found, mut open) = (BTreeSet::new(), vec![name.to_owned()]);
    while let Some(name) = open.pop() {
        if found.contains(&name) {
            continue;
        }
        let path = root.join("crates").join(&name).join("Cargo.toml");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let table: toml::Table =
            toml::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        for section in ["dependencies", "build-dependencies"] {
            let names = table.get(section).and_then(toml::Value::as_table);
            open.extend(
                names
                    .into_iter()
                    .flat_map(|names| names.keys())
                    .filter(|name| root.join("crates").join(name).is_dir())
                    .cloned(),
            );
        }
        found.insert(name);
    }
    Ok(found)
}

/// Files that a build may read; tests are none of them.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("list {}", dir.display()))?
            .path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let skipped = name.starts_with('.')
            || name.ends_with('~')
            || ["tests", "testdata", "snapshots", "target"].contains(&name.as_str());
        if skipped {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
