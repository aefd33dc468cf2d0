//! The ways of a service of a kept stack, as a process that outlives the commands which cut and heal them, and how it is told.

use crate::private;
use crate::relay::{Peers, Relay, Traffic};
use anyhow::{Context, bail};
use harness_base::random;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long the process may take to answer: it only sets a flag.
const ANSWER: Duration = Duration::from_secs(5);

/// What becomes of a service's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Nothing passes, and nobody hears of it.
    Cut,
    /// Everything passes, at full speed.
    Healed,
    /// Each piece takes so many milliseconds, in each direction.
    Slow(u64),
}

impl Weather {
    fn words(self) -> String {
        match self {
            Self::Cut => "cut".into(),
            Self::Healed => "heal".into(),
            Self::Slow(ms) => format!("slow {ms}"),
        }
    }

    fn parse(words: &str) -> Option<Self> {
        match words.split_once(' ') {
            None if words == "cut" => Some(Self::Cut),
            None if words == "heal" => Some(Self::Healed),
            Some(("slow", ms)) => ms.parse().ok().map(Self::Slow),
            _ => None,
        }
    }

    fn onto(self, relay: &Relay) {
        let (traffic, delay) = match self {
            Self::Cut => (Traffic::Held, 0),
            Self::Healed => (Traffic::Open, 0),
            Self::Slow(ms) => (Traffic::Open, ms),
        };
        relay.set(traffic);
        relay.slow(Duration::from_millis(delay));
    }
}

/// Opens ways, each `FROM=TO`, and changes them as it is told at an address that it writes, with a token, to `announce`.
///
/// # Errors
/// When an address cannot be bound, or is none.
pub async fn serve(ways: &[String], announce: &Path) -> anyhow::Result<()> {
    let mut relays = Vec::new();
    for way in ways {
        let (from, to) = way.split_once('=').context("a way is FROM=TO")?;
        let from: SocketAddr = from
            .parse()
            .with_context(|| format!("{from} is no address"))?;
        relays.push(Relay::listen(from, to.to_owned(), Peers::All).await?);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.context("bind the address of the ways")?;
    let (at, token) = (listener.local_addr()?, random::secret()?);
    private::write(announce, &format!("{at} {token}"))?;
    loop {
        let (stream, _) = listener.accept().await.context("take a connection")?;
        // Who says nothing, or something else, concerns nobody but itself.
        let _ = tokio::time::timeout(ANSWER, told(stream, &token, &relays)).await;
    }
}

async fn told(stream: TcpStream, token: &str, relays: &[Relay]) -> anyhow::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let words = line.trim().strip_prefix(token).map(str::trim);
    let answer = match words.and_then(Weather::parse) {
        Some(weather) => {
            relays.iter().for_each(|relay| weather.onto(relay));
            "ok\n"
        }
        None => "no\n",
    };
    stream.write_all(answer.as_bytes()).await?;
    Ok(())
}

/// Tells such a process, by what it wrote to `announce`.
///
/// # Errors
/// When it does not answer.
pub async fn tell(announce: &Path, weather: Weather) -> anyhow::Result<()> {
    let said = std::fs::read_to_string(announce)
        .with_context(|| format!("read {}", announce.display()))?;
    let (at, token) = said.split_once(' ').context("read where the ways are")?;
    let asked = async {
        let mut stream = BufReader::new(TcpStream::connect(at).await?);
        let line = format!("{token} {}\n", weather.words());
        stream.write_all(line.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = tokio::time::timeout(ANSWER, asked).await;
    match answer.context("the ways do not answer")?? {
        answer if answer == "ok\n" => Ok(()),
        answer => bail!("the ways said {answer:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_knows_the_token_changes_the_ways() {
        let dir = tempfile::tempdir().unwrap();
        let announce = dir.path().join("address");
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = crate::lease::lease().unwrap();
        let from = format!("127.0.0.1:{}", port.port);
        let way = format!("{from}={}", target.local_addr().unwrap());
        let serving = {
            let announce = announce.clone();
            tokio::spawn(async move { serve(&[way], &announce).await })
        };
        while !announce.exists() {
            tokio::task::yield_now().await;
        }
        let through = async || {
            let _client = TcpStream::connect(&from).await.unwrap();
            let limit = Duration::from_millis(100);
            tokio::time::timeout(limit, target.accept()).await.is_ok()
        };
        assert!(through().await);
        tell(&announce, Weather::Cut).await.unwrap();
        assert!(!through().await);
        tell(&announce, Weather::Slow(1)).await.unwrap();
        assert!(through().await);
        let at = std::fs::read_to_string(&announce).unwrap();
        let (at, _) = at.split_once(' ').unwrap();
        std::fs::write(&announce, format!("{at} wrong")).unwrap();
        assert!(tell(&announce, Weather::Cut).await.is_err());
        assert!(through().await);
        serving.abort();
    }

    #[test]
    fn words() {
        for weather in [Weather::Cut, Weather::Healed, Weather::Slow(7)] {
            assert_eq!(Weather::parse(&weather.words()), Some(weather));
        }
        assert_eq!(Weather::parse("slow x"), None);
    }
}
