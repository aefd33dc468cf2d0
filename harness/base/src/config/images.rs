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
        registry(&self.registry).map_err(|why| format!("images.registry: {why}"))?;
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

/// The prefix of images' names: `HOST[:PORT][/PATH]`, or nothing.
///
/// # Errors
/// Why it is none.
pub fn registry(prefix: &str) -> Result<String, String> {
    let mut parts = prefix.trim_end_matches('/').split('/');
    let (host, port) = match parts.next().unwrap_or_default() {
        host if host.ends_with(']') => (host, None),
        host => match host.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host, None),
        },
    };
    let edges = |it: &str| it.starts_with(word) && it.ends_with(word);
    let named = |c: char| word(c) || "._-".contains(c);
    let bracketed = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_host = match bracketed {
        Some(it) => it.parse::<std::net::Ipv6Addr>().is_ok(),
        None => edges(&host.to_ascii_lowercase()) && host.to_ascii_lowercase().chars().all(named),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if prefix.is_empty()
        || is_host && is_port && parts.all(|part| edges(part) && part.chars().all(named))
    {
        return Ok(prefix.to_owned());
    }
    Err(format!(
        "{prefix:?} is no prefix of an image's name: HOST[:PORT][/PATH] is wanted, such as registry.example.org/team"
    ))
}

fn word(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use crate::parts::source::Source;
    use std::path::Path;

    const OURS: &str = include_str!("../../../../e2e.toml");

    #[test]
    fn a_prefix_is_a_host_and_a_path() {
        for good in [
            "",
            "h",
            "Registry.example.org/team",
            "h:5000",
            "[::1]:5000/a/b_c",
            "a/b/",
        ] {
            super::registry(good).unwrap();
        }
        for bad in [
            "/",
            "http://x y/",
            "https://h",
            "h:port",
            "h/Team",
            "h//a",
            "/a",
            "h/..",
            "u:p@h",
            "h:99999/a",
        ] {
            assert!(super::registry(bad).is_err(), "{bad}");
        }
    }

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
