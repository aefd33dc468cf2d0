//! What a child sees of the user's environment.

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;

/// Who a child is, as far as the user's environment goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Inherit {
    /// A tool of the user's (cargo, git, docker, pip, a command of their own): all, but for what `cargo run` says of xtask.
    #[default]
    All,
    /// A service of a stack: what a program needs to run at all. What it is told beyond that is chosen.
    System,
    /// The same for a service that exports spans: with what the user says of a collector.
    Traced,
    /// The same as [`Inherit::System`] for a service that may have to leave this machine: with the user's proxies.
    Proxied,
    /// What runs the tests, and the command that they run: the system, a collector, and what cargo and its output listen to.
    Tests,
    /// A tool of the user's that runs tests: all, but for what changes how they are judged. `.config/nextest.toml` and the
    /// command line say that, and a test that passes the second time is a finding.
    TestTool,
}

/// What a program needs to run at all.
const SYSTEM: [&str; 17] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_*",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "RUST_BACKTRACE",
    "LLVM_PROFILE_FILE",
    // Where the made-up services of the harness's own tests keep what these look at.
    "E2E_FAKE",
];
/// The way out of this machine, in both spellings.
const PROXIES: [&str; 8] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];
/// Where spans go.
const COLLECTOR: &str = "OTEL_*";
/// Those of them whose headers can be keys.
const COLLECTOR_HEADERS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
];
/// Those of them whose address can have a user, a password, or keys in its query.
const COLLECTOR_ADDRESSES: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];
/// What changes how tests are judged, or which of them run.
const JUDGES: [&str; 2] = ["NEXTEST_*", "INSTA_FORCE_PASS"];
/// What cargo listens to, and what says how to print.
const TESTS: [&str; 11] = [
    COLLECTOR,
    "CARGO",
    "CARGO_*",
    "RUSTUP_*",
    "RUSTC*",
    "RUSTFLAGS",
    "RUST_*",
    "TERM",
    "COLORTERM",
    "*COLOR*",
    "CI",
];
/// `cargo run` describes xtask's own package by these, and a cargo below that sees them runs build scripts again that watch
/// them (ring's), and compiles all that stands on these.
const ABOUT_US: [&str; 4] = [
    "CARGO_PKG_*",
    "CARGO_MANIFEST_*",
    "CARGO_BIN_*",
    "CARGO_CRATE_*",
];

fn is_one_of(name: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(
        |pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
            (None, Some(start)) => name.starts_with(start),
            _ => name == *pattern,
        },
    )
}

impl Inherit {
    fn passes(self, name: &str) -> bool {
        if is_one_of(name, &ABOUT_US) {
            return false;
        }
        let also: &[&str] = match self {
            Self::All => return true,
            Self::TestTool => return !is_one_of(name, &JUDGES),
            Self::System => &[],
            Self::Traced => &[COLLECTOR],
            Self::Proxied => &PROXIES,
            Self::Tests => &TESTS,
        };
        is_one_of(name, &SYSTEM) || is_one_of(name, also)
    }

    /// Variables of this process that such a child does not get.
    pub fn withheld(self) -> impl Iterator<Item = OsString> {
        let names = std::env::vars_os().map(|(name, _)| name);
        names.filter(move |name| !self.passes(&name.to_string_lossy()))
    }
}

/// The keys that services and tests get of the user's environment.
pub(crate) fn inherited_keys() -> Vec<String> {
    let headers = COLLECTOR_HEADERS.iter().flat_map(std::env::var);
    let addresses = COLLECTOR_ADDRESSES.iter().flat_map(std::env::var);
    let headers = headers.flat_map(|told| keys_in_headers(&told));
    let addresses = addresses.flat_map(|told| keys_in_address(&told));
    headers.chain(addresses).collect()
}

/// The values of `key=value,key=value`.
fn keys_in_headers(told: &str) -> Vec<String> {
    let values = told.split(',').filter_map(|pair| pair.split_once('='));
    values
        .flat_map(|(_, value)| spellings(value.trim()))
        .collect()
}

/// User and password, together and apart, and the values of the query.
fn keys_in_address(told: &str) -> Vec<String> {
    let (told, _) = told.split_once('#').unwrap_or((told, ""));
    let (told, query) = told.split_once('?').unwrap_or((told, ""));
    let (_, behind) = told.split_once("://").unwrap_or(("", told));
    let (host, _) = behind.split_once('/').unwrap_or((behind, ""));
    let user = host.rsplit_once('@').map(|(user, _)| user);
    let users = user
        .into_iter()
        .flat_map(|it| [it].into_iter().chain(it.split(':')));
    let pairs = query.split('&');
    let values = pairs.map(|it| it.split_once('=').map_or(it, |(_, value)| value));
    users.chain(values).flat_map(spellings).collect()
}

/// As it is written and, where that differs, as it is sent.
fn spellings(told: &str) -> Vec<String> {
    let sent = percent_decode_str(told).decode_utf8_lossy();
    let mut spellings = vec![told.to_owned(), sent.into_owned()];
    spellings.dedup();
    spellings.retain(|it| !it.is_empty());
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_values_of_headers() {
        assert_eq!(keys_in_headers("a=one, b = two=2 ,c"), ["one", "two=2"]);
    }

    #[test]
    fn keys_are_kept_as_they_are_written_and_as_they_are_sent() {
        let both = ["Bearer%20abc", "Bearer abc"];
        assert_eq!(keys_in_headers("authorization=Bearer%20abc"), both);
    }

    #[test]
    fn keys_of_an_address_are_its_user_and_its_query() {
        for (address, keys) in [
            ("http://host:4318/v1/traces", vec![]),
            ("https://token@host", vec!["token"; 2]),
            ("https://me:pass@host:1/a@b", vec!["me:pass", "me", "pass"]),
            ("http://h?key=one&two#three", vec!["one", "two"]),
            (
                "https://:a%40b@h/?k=c%3D",
                vec![":a%40b", ":a@b", "a%40b", "a@b", "c%3D", "c="],
            ),
            ("me:pass@host", vec!["me:pass", "me", "pass"]),
        ] {
            assert_eq!(keys_in_address(address), keys, "{address}");
        }
    }

    #[test]
    fn who_sees_what() {
        let seen = |name: &str| {
            [
                Inherit::All,
                Inherit::System,
                Inherit::Traced,
                Inherit::Proxied,
                Inherit::Tests,
                Inherit::TestTool,
            ]
            .map(|who| who.passes(name))
        };
        for name in ["PATH", "HOME", "LC_ALL", "TZ", "RUST_BACKTRACE"] {
            assert_eq!(seen(name), [true; 6], "{name}");
        }
        for name in [
            "TEMPORAL_API_KEY",
            "TEMPORAL_TLS",
            "STIGMER_LLM_API_KEY",
            "OPENAI_API_KEY",
            "OLLAMA_HOST",
            "DOCKER_HOST",
            "AWS_SECRET_ACCESS_KEY",
            "LOG_LEVEL",
            "GRPC_PORT",
            "XDG_CONFIG_HOME",
            "PYTHONPATH",
            "LD_PRELOAD",
        ] {
            assert_eq!(
                seen(name),
                [true, false, false, false, false, true],
                "{name}"
            );
        }
        assert_eq!(seen("https_proxy"), [true, false, false, true, false, true]);
        for name in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_SERVICE_NAME"] {
            assert_eq!(seen(name), [true, false, true, false, true, true], "{name}");
        }
        for name in ["CARGO_HOME", "RUSTFLAGS", "CI", "NO_COLOR", "TERM"] {
            assert_eq!(
                seen(name),
                [true, false, false, false, true, true],
                "{name}"
            );
        }
        for name in ["NEXTEST_RETRIES", "NEXTEST_PROFILE", "INSTA_FORCE_PASS"] {
            let theirs = [true, false, false, false, false, false];
            assert_eq!(seen(name), theirs, "{name}");
        }
        assert_eq!(seen("CARGO_PKG_NAME"), [false; 6]);
    }
}
