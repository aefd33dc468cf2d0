//! Empties the cache: of what installations put there, since `E2E_TOOLS_DIR` may name a folder that has more in it.

use super::manifest;
use anyhow::Context;
use harness_base::Config;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

/// What was found in the cache.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// How many tools and remains of installations were removed.
    pub removed: usize,
    /// What is nobody's tool, by name; it is there as it was.
    pub left: Vec<String>,
}

/// Removes all tools, of whatever version, and what their installations left. The folder itself goes where nothing is left.
///
/// # Errors
/// What cannot be listed or removed.
pub fn clean(config: &Config, cache: &Path) -> anyhow::Result<Cleaned> {
    let mut cleaned = Cleaned::default();
    for name in names(cache)? {
        let (path, text) = (cache.join(&name), name.to_string_lossy().into_owned());
        if text == DOWNLOADS {
            for name in names(&path)? {
                if is_tool(config, &name.to_string_lossy()) {
                    remove(&path.join(name))?;
                    cleaned.removed += 1;
                }
            }
            match std::fs::remove_dir(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => cleaned.left.push(text),
                _ => {}
            }
        } else if is_ours(config, &path, &text) {
            remove(&path)?;
            cleaned.removed += 1;
        } else {
            cleaned.left.push(text);
        }
    }
    cleaned.left.sort();
    if cleaned.left.is_empty() {
        // Whoever installs at this moment has put something there again.
        let _ = std::fs::remove_dir(cache);
    }
    Ok(cleaned)
}

/// Where archives are fetched to, each in a folder of its tool's name.
const DOWNLOADS: &str = "downloads";

fn names(folder: &Path) -> anyhow::Result<Vec<OsString>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("list {}", folder.display()))?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    let names: Result<_, _> = names.collect();
    names.with_context(|| format!("list {}", folder.display()))
}

fn is_ours(config: &Config, path: &Path, name: &str) -> bool {
    let hidden = [".staging-", ".lock-"].into_iter();
    let mut rests = hidden.filter_map(|prefix| name.strip_prefix(prefix));
    rests.any(|rest| begins_like_a_tool(config, rest))
        || is_tool(config, name)
        || name.starts_with("cargo-mutants-")
        || manifest::read(path).is_some()
}

/// `NAME-VERSION-` and the start of a hash, whether it was ever finished or not.
fn is_tool(config: &Config, name: &str) -> bool {
    let hash = name.rsplit('-').next().unwrap_or_default();
    hash.len() == 8
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && begins_like_a_tool(config, name)
}

fn begins_like_a_tool(config: &Config, name: &str) -> bool {
    let mut tools = config.tools.keys();
    tools.any(|tool| {
        name.strip_prefix(tool.as_str())
            .is_some_and(|rest| rest.starts_with('-'))
    })
}

fn remove(path: &Path) -> anyhow::Result<()> {
    let is_folder = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let removed = if is_folder {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_go_and_what_others_keep_there_stays() {
        let cache = tempfile::tempdir().unwrap();
        let config: Config = toml::from_str(include_str!("../../../../e2e.toml")).unwrap();
        let ours = [
            "temporal-1.8.0-0011aabb/bin/temporal",
            ".staging-llama-7-8/tree",
            ".lock-llama-1-00112233",
            "cargo-mutants-27.0.0/bin/cargo-mutants",
            "downloads/temporal-1.8.0-0011aabb/x.whl",
        ];
        let older = cache.path().join("of-an-older-checkout-1-00112233");
        std::fs::create_dir_all(&older).unwrap();
        let manifest = manifest::Manifest {
            main: "main".into(),
            bytes: 1,
            modified: 1,
            sha256: String::new(),
            python: None,
        };
        manifest::write(&older, &manifest).unwrap();
        let theirs = [
            "app/.complete",
            "downloads/holiday.jpg",
            "temporal-notes/temporal",
            ".lock-screen",
            "share/x",
        ];
        for file in ours.iter().chain(&theirs) {
            let path = cache.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let cleaned = clean(&config, cache.path()).unwrap();
        for file in ours {
            let top = file.split('/').next().unwrap();
            let gone = if top == DOWNLOADS { file } else { top };
            assert!(!cache.path().join(gone).exists(), "{file}");
        }
        assert!(!older.exists());
        for file in theirs {
            assert!(cache.path().join(file).exists(), "{file}");
        }
        let left = [".lock-screen", "app", DOWNLOADS, "share", "temporal-notes"];
        assert_eq!(
            (cleaned.removed, &cleaned.left[..]),
            (6, &left.map(str::to_owned)[..])
        );

        for file in theirs {
            let top = cache.path().join(file.split('/').next().unwrap());
            remove(&top).unwrap();
        }
        assert_eq!(clean(&config, cache.path()).unwrap(), Cleaned::default());
        assert!(!cache.path().exists());
    }
}
