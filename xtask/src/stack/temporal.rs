//! Temporal's dev server.

use super::services::NAMESPACE;
use crate::process::Command;
use std::path::Path;

/// Without these the dev server dispatches 20 tasks a second and fires timers up to a second late: an agent run takes
/// 300 ms instead of 52.
const DYNAMIC: [&str; 5] = [
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxTimeShift=\"1ms\"",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
];

/// `temporal server start-dev` on a loopback port; everything in memory, its own files under `home`.
pub fn serve(bin: &Path, port: u16, home: &Path) -> Command {
    let mut command = Command::new(bin)
        .args([
            "server",
            "start-dev",
            "--headless",
            "--ip",
            "127.0.0.1",
            "--port",
            &port.to_string(),
        ])
        .args(["--namespace", NAMESPACE, "--log-level", "error"]);
    for value in DYNAMIC {
        command = command.args(["--dynamic-config-value", value]);
    }
    quiet(command, home)
}

/// Asks whether it answers for its cluster.
pub fn health(bin: &Path, address: &str, home: &Path) -> Command {
    quiet(
        Command::new(bin).args(["operator", "cluster", "health", "--address", address]),
        home,
    )
}

/// Its own files (the note about newer versions, profiles) go to the run's folder, not into the user's home.
fn quiet(command: Command, home: &Path) -> Command {
    command
        .env("HOME", home.to_string_lossy())
        .env("XDG_CONFIG_HOME", home.to_string_lossy())
}

/// `1.9.1` in `Temporal CLI 1.9.1 (Server ...)` or `temporal version 1.9.1 (...)`.
pub fn version(said: &str) -> Option<String> {
    said.split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
        .map(str::to_owned)
}

/// The oldest that knows every flag above.
const OLDEST: (u64, u64) = (1, 1);

/// Whether a version is new enough.
pub fn accepted(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .map(|number| number.parse::<u64>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= OLDEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line() {
        insta::assert_snapshot!(serve(Path::new("temporal"), 7, Path::new("/d")).echo());
    }

    #[test]
    fn versions() {
        assert_eq!(
            version("temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)").as_deref(),
            Some("1.9.1")
        );
        assert_eq!(version("no"), None);
        assert!(accepted("1.1.0") && accepted("2.0") && !accepted("1.0.9") && !accepted("0.13.0"));
    }
}
