//! Whether a gateway serves.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Where health is asked.
pub const PATH: &str = "/healthz";

const LIMIT: Duration = Duration::from_secs(6);

/// Asks a running gateway. Speaks HTTP by hand: a check that runs every second must not set up TLS for one line.
///
/// # Errors
/// Why it is not ready.
pub async fn ask(address: &str) -> anyhow::Result<()> {
    let answer = tokio::time::timeout(LIMIT, question(address)).await;
    let answer = answer.with_context(|| format!("{address} gave no answer within {LIMIT:?}"))??;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    let said: serde_json::Value = serde_json::from_str(body.trim()).unwrap_or_default();
    match said["error"]["message"].as_str() {
        Some(why) => bail!("{why}"),
        None => bail!(
            "{address} said {:?}",
            head.lines().next().unwrap_or_default()
        ),
    }
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
