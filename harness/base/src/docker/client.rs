//! The Docker Engine, asked through its own client: contexts, `DOCKER_HOST` and credentials are the client's business.

use super::explain::explain;
use crate::exit::Code;
use crate::process::{Command, query};
use std::time::Duration;

/// For a question that the engine answers from memory. A machine that compiles may need seconds.
pub const ANSWER: Duration = Duration::from_secs(30);

/// A call of the client.
pub fn docker<S: Into<String>>(args: impl IntoIterator<Item = S>) -> Command {
    Command::new("docker").args(args)
}

/// Where the engine is, if that is another machine: its published ports are not on this host's loopback.
pub async fn elsewhere() -> Option<String> {
    let host = match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => host,
        _ => {
            let format = "{{.Endpoints.docker.Host}}";
            let context = docker(["context", "inspect", "--format", format]);
            let said = query(context, ANSWER).await.ok().filter(|said| said.ok)?;
            said.stdout
        }
    };
    is_elsewhere(&host).then_some(host)
}

fn is_elsewhere(host: &str) -> bool {
    let Some((scheme, rest)) = host.split_once("://") else {
        return false;
    };
    let name = rest.rsplit_once('@').map_or(rest, |(_, name)| name);
    let name = name.split([':', '/']).next().unwrap_or_default();
    scheme == "ssh" || scheme == "tcp" && !(name == "localhost" || name.starts_with("127."))
}

/// What it printed.
///
/// # Errors
/// As [`explain`]; `code` where the engine answers but refuses.
pub async fn ask(command: Command, limit: Duration, code: Code) -> anyhow::Result<String> {
    let shown = command.echo();
    match query(command, limit).await {
        Ok(answer) if answer.ok => Ok(answer.stdout),
        Ok(answer) => Err(explain(&answer.stderr, code, &shown)),
        Err(why) => Err(explain(&why, code, &shown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_of_other_machines() {
        for here in [
            "",
            "unix:///var/run/docker.sock",
            "tcp://127.0.0.1:2375",
            "tcp://localhost:1",
        ] {
            assert!(!is_elsewhere(here), "{here}");
        }
        for there in [
            "tcp://build.example:2376",
            "ssh://me@build.example",
            "tcp://10.0.0.1:1",
        ] {
            assert!(is_elsewhere(there), "{there}");
        }
    }
}
