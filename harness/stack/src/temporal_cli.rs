//! Temporal's command, asked about a Temporal of ours.

use harness_base::Command;
use std::path::Path;

/// A home that nobody has, for questions: they leave nothing there.
pub(crate) const NO_HOME: &str = "/nonexistent";

/// With this home in place of the user's: a profile there (`temporal config set`) names another Temporal, a key for it or TLS,
/// whatever address is given. A server's own files, such as the note about newer versions, go there too.
pub(crate) fn without_profiles(command: Command, home: &Path) -> Command {
    command
        .env("HOME", home.to_string_lossy())
        .env("XDG_CONFIG_HOME", home.to_string_lossy())
}
