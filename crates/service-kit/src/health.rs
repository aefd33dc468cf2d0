//! Whether a service that speaks HTTP serves.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Where health is asked.
pub const PATH: &str = "/healthz";

const LIMIT: Duration = Duration::from_secs(6);

/// Asks a running service. Speaks HTTP by hand: a check that runs every second must not set up TLS for one line.
///
/// # Errors
/// Why it is not ready.
pub async fn ask(address: &str) -> anyhow::Result<()> {
    let answer = tokio::time::timeout(LIMIT, question(address)).await;
    let answer = answer.with_context(|| format!("{address} gave no answer within {LIMIT:?}"))??;
    let line = answer.lines().next().unwrap_or_default();
    if line.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    bail!("{address} said {line:?}")
}

async fn question(address: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot reach {address}"))?;
    let request = format!("GET {PATH} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncBufReadExt, net::TcpListener};

    use super::*;

    /// What is said of a service that answers so, and its address.
    async fn told(answer: &'static str) -> (Result<(), String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let service = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = tokio::io::BufReader::new(stream);
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                stream.read_line(&mut line).await.unwrap();
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let told = ask(&address).await.map_err(|error| error.to_string());
        service.await.unwrap();
        (told, address)
    }

    #[tokio::test]
    async fn only_200_is_ready_and_all_else_says_why() {
        assert_eq!(told("HTTP/1.1 200 OK\r\n\r\nok").await.0, Ok(()));
        for (answer, line) in [
            ("HTTP/1.1 503 No\r\nA: b\r\n\r\n200", "HTTP/1.1 503 No"),
            ("", ""),
        ] {
            let (told, address) = told(answer).await;
            assert_eq!(told, Err(format!("{address} said {line:?}")));
        }
        let nobody = ask("127.0.0.1:1").await.unwrap_err().to_string();
        assert_eq!(nobody, "cannot reach 127.0.0.1:1");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_says_nothing_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let told = tokio::time::timeout(2 * LIMIT, ask(&address)).await;
        let why = told.unwrap().unwrap_err().to_string();
        assert_eq!(why, format!("{address} gave no answer within {LIMIT:?}"));
    }
}
