//! What can be seen of a part from outside: its port, or its queue.

use crate::pollers::{Pollers, Queue};
use crate::ready::Ready;
use crate::service::Health;
use crate::services;
use crate::stack::Stack;
use crate::wiring::Wiring;
use anyhow::{Context, bail};
use harness_provision::Binary;

/// How a part that is not asked itself is seen to be ready; `address` is where this host reaches its port.
///
/// # Errors
/// When what it is seen by is not there.
pub fn ready(
    stack: &Stack,
    wiring: &Wiring,
    health: &Health,
    address: Option<&str>,
) -> anyhow::Result<Ready> {
    let address = || address.context("nobody reaches its port from here");
    Ok(match health {
        Health::Listening => Ready::Listening(address()?.to_owned()),
        // Ours asks by the standard's own service, whoever answers.
        Health::Grpc => {
            let bin = stack.binary(Binary::Server)?;
            Ready::Asked(services::address_health(&bin, address()?))
        }
        Health::Polls(queue) => Ready::Polls(pollers(wiring, queue.clone())?),
        Health::Announced { .. } | Health::Asked(_) | Health::Http { .. } => {
            bail!("it is asked itself")
        }
    })
}

/// The wait for somebody who polls a queue.
///
/// # Errors
/// When the stack has no Temporal.
pub fn pollers(wiring: &Wiring, queue: Queue) -> anyhow::Result<Pollers> {
    let asked = wiring.asks_temporal();
    let (cli, temporal) = asked.context("this stack has no Temporal to ask")?;
    Ok(Pollers::new(cli, temporal, queue))
}
