//! Looks for this run's secrets in what it leaves for people to read and share.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use memchr::memmem::Finder;
use std::path::{Path, PathBuf};

/// The one file that is meant to hold a secret: the control token, of no use after the run.
const TOLD: &str = "stack.json";

/// Files below `dir` that hold one of `secrets`, in plain or, as in Temporal's payloads, in base64.
pub(super) fn find(dir: &Path, secrets: &[String]) -> Vec<PathBuf> {
    let needles: Vec<Vec<u8>> = secrets
        .iter()
        // Shorter ones stand in texts by chance.
        .filter(|secret| secret.len() >= 8)
        .flat_map(|secret| spellings(secret.as_bytes()))
        .collect();
    let needles: Vec<Finder> = needles.iter().map(Finder::new).collect();
    let mut found = Vec::new();
    search(dir, &needles, &mut found);
    found
}

fn search(dir: &Path, needles: &[Finder], found: &mut Vec<PathBuf>) {
    // What cannot be read holds nothing that anybody could share.
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => search(&path, needles, found),
            Ok(kind) if kind.is_file() && entry.file_name() != TOLD => {
                let text = std::fs::read(&path).unwrap_or_default();
                if needles.iter().any(|needle| needle.find(&text).is_some()) {
                    found.push(path);
                }
            }
            _ => {}
        }
    }
}

/// The secret itself, and what of its base64 is the same whatever stands around it, for each of three places in a group.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let encoded = (0..3).map(|shift| {
        let text = BASE64_STANDARD_NO_PAD.encode([&vec![0; shift], secret].concat());
        let (first, last) = ((shift * 8).div_ceil(6), (shift + secret.len()) * 8 / 6);
        text.as_bytes()[first..last].to_vec()
    });
    std::iter::once(secret.to_vec()).chain(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_in_plain_and_in_base64_at_any_place() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        write("logs/plain.log", "key=hunter22-hunter22.");
        for before in ["", "x", "xy", "xyz"] {
            let text = BASE64_STANDARD_NO_PAD.encode(format!("{before}hunter22-hunter22, and on"));
            write(&format!("b{}.json", before.len()), &text);
        }
        write("clean.log", "hunter");
        write("stack.json", "hunter22-hunter22");
        let mut found = find(dir.path(), &["hunter22-hunter22".into(), "k".into()]);
        found.sort();
        let names: Vec<_> = found
            .iter()
            .map(|p| p.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["b0.json", "b1.json", "b2.json", "b3.json", "plain.log"]
        );
        assert!(find(dir.path(), &[]).is_empty());
    }
}
