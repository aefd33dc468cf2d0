//! Stigmer's gRPC server.

mod config;
#[cfg(test)]
mod documented;
mod error;
#[cfg(test)]
mod floors;
mod hub;
mod listen;
mod ops;
mod outbox;
mod serve;
mod services;
mod spans;
mod store;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use service_kit::{command_line, log_filter};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tracing_subscriber::EnvFilter;

use config::{Cli, Command};

fn main() -> ExitCode {
    match run(command_line()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Some(Command::Healthcheck { address }) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(healthcheck(&address))
        }
        None => {
            // Retries of the Temporal client are told by the outbox, once and shorter.
            let level = log_filter(&cli.serve.log_level)?;
            let filter = format!("{level},temporalio_client::retry=error");
            tracing_subscriber::fmt()
                .with_env_filter(
                    EnvFilter::try_new(filter).context("LOG_LEVEL is no level and no filter")?,
                )
                .with_writer(std::io::stderr)
                .with_ansi(false)
                // Whoever read the log may be gone, which is no reason to end.
                .log_internal_errors(false)
                .init();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let mut serve = cli.serve;
            serve.read_keys()?;
            runtime.block_on(async {
                let exporting = otlp::start("stigmer-server", |why| tracing::warn!("{why}"));
                let served = serve::run(serve).await;
                if let Some(exporting) = exporting {
                    exporting.end().await;
                }
                served
            })
        }
    }
}

async fn healthcheck(address: &str) -> anyhow::Result<()> {
    let limit = Duration::from_secs(3);
    // The variable is the command's too, which takes a URL.
    let address = address.strip_prefix("http://").unwrap_or(address);
    // Not repeated: a password may stand in it.
    anyhow::ensure!(
        !address.contains('@'),
        "the server's address has a user or password in it: it takes HOST:PORT"
    );
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .with_context(|| format!("`{address}` is not HOST:PORT"))?
        .connect_timeout(limit)
        .timeout(limit);
    let channel = endpoint.connect().await;
    let channel = channel.with_context(|| format!("cannot reach {address}"))?;
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await;
    let status = answer
        .context("the server does not tell its health")?
        .into_inner()
        .status();
    if status != ServingStatus::Serving {
        bail!("the server is {}", status.as_str_name());
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::transport::Server;
    use tonic_health::{ServingStatus as Health, server::health_reporter};

    #[tokio::test]
    async fn a_server_that_does_not_serve_is_not_healthy() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (health, service) = health_reporter();
        let server = Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        for (status, why) in [
            (Health::Serving, None),
            (Health::NotServing, Some("the server is NOT_SERVING")),
        ] {
            health.set_service_status("", status).await;
            let told = super::healthcheck(&address).await.err();
            let told = told.map(|why| format!("{why:#}"));
            assert_eq!(told.as_deref(), why);
        }
    }
}
