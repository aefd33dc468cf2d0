//! Spans that no collector takes: nobody waits for that.

use std::time::{Duration, Instant};

use futures::FutureExt;
use test_e2e::{Result, Stack, ensure};
use tokio::net::TcpListener;

use super::exporting::{Env, Exporting, asking, run};

/// What an exit may take that must not wait for a collector: an export has 10 s.
const SOON: Duration = Duration::from_secs(8);

/// An execution that is told of a collector; how long it took, and what the CLI complained of.
async fn told(told: Env<'_>) -> Result<(Duration, String)> {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let Exporting { server, runner, .. } = Exporting::start(&mut control, &told).await?;
    let (agent, script) = asking(&stack, &server, "unheard").await?;
    let began = Instant::now();
    let output = run(&stack, &server, &agent, &script, &told).await?.ok()?;
    let took = began.elapsed();
    for instance in [runner, server] {
        let began = Instant::now();
        ensure!(control.stop(&instance).await?.code == Some(0));
        ensure!(began.elapsed() < SOON, "{instance:?}");
    }
    script.finish().await?;
    Ok((took, output.stderr))
}

#[tokio::test]
async fn a_collector_that_is_gone_is_told_of_once_and_costs_nothing() -> Result {
    let gone = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let gone = format!("http://{gone}");
    let (took, said) = told(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &gone)]).await?;
    ensure!(took < SOON, "{took:?}");
    ensure!(said.contains("does not take spans"), "{said}");
    ensure!(said.contains("spans that were dropped: 1"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_collector_that_says_nothing_holds_nobody_up() -> Result {
    // Whoever connects is let in by the kernel, and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", silent.local_addr()?);
    let (took, said) = told(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &address)]).await?;
    ensure!(took < SOON, "{took:?}");
    ensure!(said.contains("were not taken within 1 s"), "{said}");
    ensure!(silent.accept().now_or_never().is_some(), "nobody came");
    Ok(())
}

#[tokio::test]
async fn where_nothing_is_exported_nobody_is_asked() -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    for off in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ] {
        let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()), off];
        let (_, said) = told(env).await?;
        let refused = off.1 == "grpc";
        ensure!(said.contains("takes http/protobuf") == refused, "{said}");
    }
    ensure!(listener.accept().now_or_never().is_none(), "somebody came");
    Ok(())
}
