//! Checks of what the container runtime needs. None of it is needed elsewhere, so nothing of it is ever missing: what is
//! not there is told with its mend, and host processes are used.

use super::{Finding, State};
use crate::config::Config;
use crate::stack::compose::client::{Compose, engine_version};

/// Engine and Compose.
pub async fn all(config: &Config) -> Vec<Finding> {
    let (engine, compose) = tokio::join!(engine_version(), Compose::find(config));
    let compose =
        compose.map(|compose| format!("{} ({})", compose.version, compose.words.join(" ")));
    vec![
        finding("docker", engine.map(|said| who(&said))),
        finding("compose", compose),
    ]
}

fn finding(name: &'static str, result: anyhow::Result<String>) -> Finding {
    let (state, found, fix) = match result {
        Ok(found) => (State::Ok, found, None),
        Err(error) => {
            // Our own errors carry their mend; the table shows it in its own place.
            let text = format!("{error:#}");
            let (why, fix) = text
                .split_once("\n  mend: ")
                .unwrap_or((&text, "docker version"));
            let why = why.lines().next().unwrap_or_default();
            let fix = fix.lines().next().map(str::to_owned);
            (
                State::Optional,
                format!("{why}; only --runtime docker needs it"),
                fix,
            )
        }
    };
    Finding {
        name,
        state,
        found,
        fix,
        phases: vec!["phase2"],
    }
}

/// `20.10.24 linux/amd64 Engine;containerd;` in words.
fn who(said: &str) -> String {
    let mut words = said.splitn(3, ' ');
    let (version, platform) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let engine = if words.next().is_some_and(|parts| parts.contains("Podman")) {
        "Podman"
    } else {
        "Engine"
    };
    format!("{engine} {version} ({platform})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{Code, coded};

    #[test]
    fn engines() {
        assert_eq!(
            who("20.10.24 linux/amd64 Engine;containerd;runc;"),
            "Engine 20.10.24 (linux/amd64)"
        );
        assert_eq!(
            who("5.1.0 linux/arm64 Podman Engine;"),
            "Podman 5.1.0 (linux/arm64)"
        );
    }

    #[test]
    fn what_is_not_there_is_optional_and_has_its_mend() {
        let found = finding(
            "docker",
            Err(coded(Code::Missing, "no daemon\n  mend: start it\n  more")),
        );
        assert_eq!(found.state, State::Optional);
        assert_eq!(found.fix.as_deref(), Some("start it"));
        assert!(found.found.starts_with("no daemon;"));
    }
}
