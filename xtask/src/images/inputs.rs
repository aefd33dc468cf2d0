//! What goes into an image, as a hash: the sources of its crates, the lock file, the Dockerfile. Deciding from sources
//! needs no cargo and no binary, so a machine that only pulls knows the tags as well.

use super::Part;
use crate::config::{Config, platform};
use anyhow::Context;
use hmac_sha256::Hash as Sha256;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The tag of a part's image.
///
/// # Errors
/// When a source cannot be read.
pub fn tag(root: &Path, config: &Config, part: Part) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    hash.update(platform());
    if part == Part::Temporal {
        add(&mut hash, root, Path::new("compose/Dockerfile.temporal"))?;
        let tool = config
            .tools
            .get("temporal")
            .context("temporal is not pinned in e2e.toml")?;
        hash.update(&tool.version);
        if let Some(wheel) = tool.wheel_for(&platform()) {
            hash.update(&wheel.sha256);
        }
        return Ok(short(hash));
    }
    // rustup says here which compiler it chose; another one may make other binaries.
    hash.update(std::env::var("RUSTUP_TOOLCHAIN").unwrap_or_default());
    for file in ["Cargo.toml", "Cargo.lock", "compose/Dockerfile"] {
        add(&mut hash, root, Path::new(file))?;
    }
    for name in crates(root, part.binary())? {
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

fn short(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
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
mod tests {
    use super::*;

    #[test]
    fn only_what_is_built_in_counts() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for file in ["Cargo.toml", "Cargo.lock", "compose/Dockerfile"] {
            write(file, "");
        }
        for (name, uses) in [
            ("agent-runner", "base"),
            ("stigmer-server", "base"),
            ("base", "serde"),
        ] {
            write(
                &format!("crates/{name}/Cargo.toml"),
                &format!("[dependencies]\n{uses}.workspace = true\n"),
            );
            write(&format!("crates/{name}/src/lib.rs"), "");
        }
        let config: Config = toml::from_str(include_str!("../../../e2e.toml")).unwrap();
        let tags =
            || [Part::Runner, Part::Server].map(|part| tag(dir.path(), &config, part).unwrap());
        let before = tags();
        write("crates/agent-runner/src/lib.rs", "// a line");
        let runner = tags();
        assert_ne!(before[0], runner[0]);
        assert_eq!(before[1], runner[1], "the server is not made of the runner");
        write("crates/base/src/lib.rs", "// a line");
        let both = tags();
        assert!(both[0] != runner[0] && both[1] != runner[1]);
        write("crates/base/tests/a.rs", "// a test");
        assert_eq!(tags(), both, "tests are not in an image");
    }
}
