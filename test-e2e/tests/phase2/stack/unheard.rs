//! Spans that no collector takes: nobody waits for that.

use futures::FutureExt;
use test_e2e::{Result, Stack, ensure};
use tokio::net::TcpListener;

use super::exporting::{Env, Exporting, asking, run};

/// An execution that is told of a collector; what the CLI complained of.
///
/// How long an end may wait is shown on the exporter, by a clock of its own: here the machine has other work too.
async fn told(told: Env<'_>) -> Result<String> {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let Exporting { server, runner, .. } = Exporting::start(&mut control, &told).await?;
    let (agent, script) = asking(&stack, &server, "unheard").await?;
    let output = run(&stack, &server, &agent, &script, &told).await?.ok()?;
    for instance in [runner, server] {
        ensure!(control.stop(&instance).await?.code == Some(0));
    }
    script.finish().await?;
    Ok(output.stderr)
}

#[tokio::test]
async fn a_collector_that_is_gone_is_told_of_once_and_costs_nothing() -> Result {
    let gone = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let gone = format!("http://{gone}");
    let said = told(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &gone)]).await?;
    ensure!(said.contains("does not take spans"), "{said}");
    ensure!(said.contains("spans that were dropped: 1"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_collector_that_says_nothing_holds_nobody_up() -> Result {
    // Whoever connects is let in by the kernel, and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", silent.local_addr()?);
    let said = told(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &address)]).await?;
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
        let said = told(env).await?;
        let refused = off.1 == "grpc";
        ensure!(said.contains("takes http/protobuf") == refused, "{said}");
    }
    ensure!(listener.accept().now_or_never().is_none(), "somebody came");
    Ok(())
}
