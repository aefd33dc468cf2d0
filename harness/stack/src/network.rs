//! The network of one instance of a test's own: every address that it is told leads through a way of its own, and so does
//! the one by which it is found. Cut, held or slow, they hurt nobody else.

use crate::compose::containers::Containers;
use crate::relay::{Peers, Relay, Traffic};
use crate::wiring::Wiring;
use anyhow::Context;
use harness_provision::Binary;
use std::net::SocketAddr;
use std::time::Duration;

/// Ways from an instance to others, and to it.
#[derive(Debug, Default)]
pub(crate) struct Network {
    out: Vec<Relay>,
    into: Option<Relay>,
}

/// The variables that tell a service where others are, with what it is told where a test says nothing else.
fn told(binary: Binary, wiring: &Wiring) -> Vec<(&'static str, Option<&str>)> {
    let temporal = ("TEMPORAL_ADDRESS", wiring.temporal());
    match binary {
        Binary::Runner => vec![
            temporal,
            ("STIGMER_BACKEND_ENDPOINT", wiring.server()),
            ("STIGMER_LLM_BASE_URL", wiring.gateway()),
        ],
        _ => vec![temporal],
    }
}

impl Network {
    /// Opens a way to each address that an instance will be told, and tells it that one in place of the other.
    ///
    /// # Errors
    /// When a way cannot be opened, or leads nowhere that this host knows.
    pub(crate) async fn around(
        binary: Binary,
        wiring: &Wiring,
        containers: Option<&Containers>,
        env: &mut Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        let mut network = Self::default();
        for (name, told) in told(binary, wiring) {
            let own = env.iter().rev().find(|(it, _)| it == name);
            let Some(value) = own.map(|(_, value)| value.as_str()).or(told) else {
                continue;
            };
            let (start, authority, rest) = parts(value);
            let to = match containers.and_then(|all| all.published.port_of(authority)) {
                Some(port) => format!("127.0.0.1:{port}"),
                None => authority.to_owned(),
            };
            let relay = way(to).await?;
            let value = format!("{start}{}{rest}", relay.address);
            network.out.push(relay);
            env.push((name.to_owned(), value));
        }
        Ok(network)
    }

    /// Opens the way to the instance itself, or leads it to where it is now; its address.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) async fn lead_in(&mut self, to: String) -> anyhow::Result<String> {
        match &self.into {
            Some(relay) => relay.lead_to(&to),
            None => self.into = Some(way(to).await?),
        }
        let relay = self.into.as_ref().context("the way was just opened")?;
        Ok(relay.address.to_string())
    }

    /// Nothing passes and nobody hears of it, or everything does again.
    pub(crate) fn cut(&self, cut: bool) {
        let traffic = if cut { Traffic::Held } else { Traffic::Open };
        self.ways().for_each(|way| way.set(traffic));
    }

    /// Each piece takes so long, in each direction.
    pub(crate) fn slow(&self, delay: Duration) {
        self.ways().for_each(|way| way.slow(delay));
    }

    fn ways(&self) -> impl Iterator<Item = &Relay> {
        self.out.iter().chain(&self.into)
    }
}

async fn way(to: String) -> anyhow::Result<Relay> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Relay::listen(any, to, Peers::All).await
}

/// What is before, the `HOST:PORT` of, and what is after an address.
pub(crate) fn parts(address: &str) -> (&str, &str, &str) {
    let start = address.find("://").map_or(0, |at| at + 3);
    let end = address[start..]
        .find('/')
        .map_or(address.len(), |at| start + at);
    (&address[..start], &address[start..end], &address[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring::RunnerModel;
    use harness_provision::GatewayMode;

    #[test]
    fn addresses() {
        assert_eq!(parts("http://h:1/v1"), ("http://", "h:1", "/v1"));
        assert_eq!(parts("h:1"), ("", "h:1", ""));
    }

    #[tokio::test]
    async fn each_address_leads_through_a_way_of_its_own() {
        let model = RunnerModel::default();
        let wiring = Wiring::whole("key".into(), model, GatewayMode::Replay, 1);
        wiring.set_temporal("127.0.0.1:1");
        wiring.set_server("http://127.0.0.1:2");
        wiring.set_gateway("http://127.0.0.1:3/v1");
        let mut env = vec![
            ("A".to_owned(), "b".to_owned()),
            (
                "STIGMER_BACKEND_ENDPOINT".to_owned(),
                "http://127.0.0.1:9".to_owned(),
            ),
        ];
        let network = Network::around(Binary::Runner, &wiring, None, &mut env).await;
        let mut network = network.unwrap();
        assert_eq!(network.ways().count(), 3);
        let last = |name: &str| {
            let mut named = env.iter().rev().filter(|(it, _)| it == name);
            named.next().unwrap().1.clone()
        };
        assert_eq!(last("A"), "b");
        assert!(!last("TEMPORAL_ADDRESS").ends_with(":1"));
        let gateway = last("STIGMER_LLM_BASE_URL");
        assert!(
            gateway.starts_with("http://127.0.0.1:") && gateway.ends_with("/v1"),
            "{gateway}"
        );
        assert_ne!(last("STIGMER_BACKEND_ENDPOINT"), "http://127.0.0.1:9");
        let at = network.lead_in("127.0.0.1:4".into()).await.unwrap();
        let again = network.lead_in("127.0.0.1:5".into()).await.unwrap();
        assert_eq!(
            (at, network.ways().count()),
            (again, 4),
            "it stays where it was"
        );
    }
}
