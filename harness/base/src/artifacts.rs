//! What cargo built, by its own messages.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Executables of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    binaries: BTreeMap<String, PathBuf>,
    tests: BTreeMap<String, PathBuf>,
}

impl Artifacts {
    /// Reads what `cargo build --message-format json` wrote; empty where there was nothing to build.
    pub fn read(path: &Path) -> Self {
        Self::of(&std::fs::read_to_string(path).unwrap_or_default())
    }

    /// Out of such messages.
    pub fn of(messages: &str) -> Self {
        let mut found = Self::default();
        for line in messages.lines() {
            let Ok(message) = serde_json::from_str::<Value>(line) else {
                continue; // cargo passes on what build scripts print
            };
            let target = &message["target"];
            let (Some(name), Some(path)) =
                (target["name"].as_str(), message["executable"].as_str())
            else {
                continue;
            };
            let (name, path) = (name.to_owned(), PathBuf::from(path));
            match target["kind"][0].as_str() {
                Some("bin") => found.binaries.insert(name, path),
                Some("test" | "bench") => found.tests.insert(name, path),
                _ => None,
            };
        }
        found
    }

    /// A binary by its name.
    pub fn binary(&self, name: &str) -> Option<&Path> {
        self.binaries.get(name).map(PathBuf::as_path)
    }

    /// A test target by its name, or a bench.
    pub fn test(&self, name: &str) -> Option<&Path> {
        self.tests.get(name).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_read_from_the_build() {
        let messages = "not json\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"phase1\",\"kind\":[\"bin\"]},\"executable\":\"/b\"}\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"phase1\",\"kind\":[\"test\"]},\"executable\":\"/t/phase1-1\"}\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"a\",\"kind\":[\"lib\"]},\"executable\":null}\n\
            {\"reason\":\"build-finished\",\"success\":true}\n";
        let artifacts = Artifacts::of(messages);
        assert_eq!(artifacts.test("phase1"), Some(Path::new("/t/phase1-1")));
        assert_eq!(artifacts.binary("phase1"), Some(Path::new("/b")));
        assert_eq!(artifacts.test("phase2"), None);
        assert_eq!(Artifacts::read(Path::new("/no/such")), Artifacts::default());
    }
}
