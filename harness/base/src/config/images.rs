//! `[images]` of `e2e.toml`.

use serde::Deserialize;

/// Container images.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// Prefix of every image's name; empty for this machine alone.
    pub registry: String,
    /// The image that `--in-container` compiles in, by digest.
    pub builder: Option<String>,
    /// Third-party images in place of what is provisioned.
    #[serde(default)]
    pub pinned: Pinned,
}

/// Third-party images, by digest.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// Temporal's CLI with its dev server; unset = the binary of the tools cache.
    pub temporal: Option<String>,
}

impl Images {
    /// Names that may mean another image tomorrow are refused.
    ///
    /// # Errors
    /// The key, and how to pin it.
    pub fn check(&self) -> Result<(), String> {
        let named = [
            ("images.builder", &self.builder),
            ("images.pinned.temporal", &self.pinned.temporal),
        ];
        for (key, name) in named {
            if let Some(name) = name.as_ref().filter(|name| !name.contains("@sha256:")) {
                return Err(format!(
                    "{key}: {name:?} is not pinned; `docker pull {name}` prints its digest, write {name}@sha256:..."
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::parts::source::Source;
    use std::path::Path;

    const OURS: &str = include_str!("../../../../e2e.toml");

    #[test]
    fn images_of_others_are_pinned() {
        let with = |line: &str| {
            let text = OURS.replace("[images]", &format!("[images]\n{line}"));
            super::super::parse(&Source::new(Path::new("e2e.toml"), &text))
        };
        let why = with("builder = \"rust:1.92\"").unwrap_err();
        assert!(
            why.starts_with("images.builder: \"rust:1.92\" is not pinned; `docker pull rust:1.92`"),
            "{why}"
        );
        assert!(with("pinned.temporal = \"temporalio/temporal\"").is_err());
        let pinned = with("pinned.temporal = \"temporalio/temporal@sha256:1\"").unwrap();
        assert!(pinned.images.pinned.temporal.is_some());
    }
}
