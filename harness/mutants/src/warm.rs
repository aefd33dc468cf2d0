//! The copy's first build: what the checkout has compiled of other people's crates is linked into the copy's target folder, which
//! saves minutes. Our own crates are others there, since they lie elsewhere.

use crate::copy;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Links, where nothing was built yet. Whatever is missing or does not fit is compiled, so what cannot be linked is no error.
///
/// # Errors
/// When cargo does not tell what is ours.
pub async fn warm(root: &Path, copy: &Path) -> anyhow::Result<()> {
    let (from, to) = (root.join("target/debug"), copy.join("target/debug"));
    if to.exists() || !from.exists() {
        return Ok(());
    }
    let ours = ours(&copy::metadata(copy).await?);
    for folder in ["deps", ".fingerprint", "build"] {
        link(&from.join(folder), &to.join(folder), &|name| {
            !is_ours(name, &ours)
        });
    }
    Ok(())
}

/// Names of the workspace's packages and targets, as file names have them.
fn ours(metadata: &Value) -> BTreeSet<String> {
    let list = |value: &Value, key| value[key].as_array().cloned().unwrap_or_default();
    let packages = list(metadata, "packages");
    let targets = packages.iter().flat_map(|package| list(package, "targets"));
    let all = packages.iter().cloned().chain(targets);
    all.filter_map(|it| Some(it["name"].as_str()?.replace('-', "_")))
        .collect()
}

/// Whether `libNAME-HASH.rlib`, `NAME-HASH.d` or the folder `NAME-HASH` is of a crate of ours, or of nobody that can be told.
fn is_ours(file: &str, ours: &BTreeSet<String>) -> bool {
    let name = file
        .rsplit_once('-')
        .map(|(name, _)| name.replace('-', "_"));
    name.is_none_or(|name| {
        let library = name.strip_prefix("lib").unwrap_or(&name);
        ours.contains(&name) || ours.contains(library)
    })
}

/// Hard links of a folder's entries that are wanted, and of all below them.
fn link(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool) {
    let _ = fs::create_dir_all(to);
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !wanted(&name.to_string_lossy()) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(&name));
        if from.is_dir() {
            link(&from, &to, &|_| true);
        } else {
            let _ = fs::hard_link(&from, &to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_ours_is_compiled_anew() {
        let metadata = json!({ "packages": [
            { "name": "stigmer-cli", "targets": [{ "name": "stigmer" }, { "name": "build-script-build" }] },
        ] });
        let ours = ours(&metadata);
        for file in [
            "libstigmer-0a.rlib",
            "stigmer-0a",
            "stigmer_cli-0a.d",
            "stigmer-cli-0a",
            "odd",
        ] {
            assert!(is_ours(file, &ours), "{file}");
        }
        for file in [
            "libserde-0a.rmeta",
            "serde-json-0a",
            "libstigmer_more-0a.so",
        ] {
            assert!(!is_ours(file, &ours), "{file}");
        }
    }

    #[test]
    fn links_are_the_same_files() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to/it"));
        fs::create_dir_all(from.join("serde-0a/out")).unwrap();
        fs::create_dir_all(from.join("stigmer-0a")).unwrap();
        fs::write(from.join("serde-0a/out/it.rs"), "text").unwrap();
        link(&from, &to, &|name| name.starts_with("serde"));
        assert_eq!(
            fs::read_to_string(to.join("serde-0a/out/it.rs")).unwrap(),
            "text"
        );
        assert!(!to.join("stigmer-0a").exists());
    }
}
