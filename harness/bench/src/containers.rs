//! A stack in containers, then Compose alone with the same file, images, network and keys.

use crate::child::Runner;
use crate::side::Side;
use anyhow::{Context, ensure};
use harness_base::{Command, Config, query};
use harness_stack::kept::KeptStack;
use std::time::Duration;

const UP: [&str; 9] = [
    "e2e",
    "phase2",
    "--runtime",
    "docker",
    "--model",
    "replay",
    "--keep",
    "--exec",
    "true",
];
/// The end of five containers takes seconds.
const DOWN: Duration = Duration::from_secs(60);

/// Seconds that both take.
///
/// # Errors
/// When there is a kept stack, which is its user's; when one of them fails.
pub async fn start(side: &Side, config: &Config, runner: &Runner) -> anyhow::Result<(f64, f64)> {
    ensure!(
        KeptStack::dir(&side.root).is_err(),
        "a stack is kept in {}, and would be ended with the one to be measured\n  mend: cargo xtask down there",
        side.root.display()
    );
    let both = async {
        let took = runner.run(&side.xtask(UP)).await?;
        Ok((took, alone(side, config, runner).await?))
    };
    let both = both.await;
    // Whatever came of it, and after a signal too: nobody else would.
    let down = query(side.xtask(["down"]), DOWN).await;
    let down = down.map_err(anyhow::Error::msg).context("end the stack")?;
    ensure!(down.ok, "end the stack: {}", down.stderr);
    both
}

async fn alone(side: &Side, config: &Config, runner: &Runner) -> anyhow::Result<f64> {
    let kept = KeptStack::find(&side.root, config, &runner.interrupt).await?;
    let kept = kept.context("the stack is gone")?;
    let up = kept.compose().context("no Compose started the stack")?;
    let run = &kept.stack.context.run;
    runner.run(&run.own(removal(up)?)).await?;
    runner.run(&run.own(up_by_hand(up))).await
}

/// As whoever has no harness would type it.
fn up_by_hand(up: &Command) -> Command {
    // Compose itself waits now, so it has to ask as often as the file says.
    let interval = "E2E_HEALTH_INTERVAL";
    let mut alone = up.clone().args(["--wait"]);
    alone.env.retain(|var| var.name != interval);
    alone.unset(interval)
}

/// Removes the containers; network, keys and data stay.
fn removal(up: &Command) -> anyhow::Result<Command> {
    let mut removal = up.clone();
    let verb = removal.args.iter().position(|word| word == "up");
    removal.args.truncate(verb.context("it was not `up`")?);
    Ok(removal.args(["rm", "--stop", "--force"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compose_by_hand() {
        let up = Command::new("docker")
            .args(["compose", "--project-name", "p", "--file", "f"])
            .args(["up", "--detach", "--pull", "never"])
            .env("E2E_HEALTH_INTERVAL", "30s")
            .env("E2E_NETWORK", "p");
        let by_hand = up_by_hand(&up);
        insta::assert_snapshot!(by_hand.echo(), @"E2E_NETWORK=p docker compose --project-name p --file f up --detach --pull never --wait");
        let left: Vec<&str> = by_hand.env.iter().map(|var| var.name.as_str()).collect();
        assert_eq!(left, ["E2E_NETWORK"]);
        assert_eq!(by_hand.unset, ["E2E_HEALTH_INTERVAL"]);
        insta::assert_snapshot!(removal(&up).unwrap().echo(), @"E2E_HEALTH_INTERVAL=30s E2E_NETWORK=p docker compose --project-name p --file f rm --stop --force");
        assert!(removal(&Command::new("docker")).is_err());
    }
}
