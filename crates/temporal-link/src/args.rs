//! The settings that say where Temporal is.

use std::{convert::Infallible, path::PathBuf};

use clap::{
    Args,
    builder::{BoolishValueParser, OsStringValueParser, TypedValueParser},
};

const NAMESPACE: &str = "default";
const TASK_QUEUE: &str = "agent_execution_runner";

/// Where Temporal is and how to talk to it. A setting that is there and empty counts as none: this
/// is how Compose and CI hand on what nobody has set.
#[derive(Args, Clone)]
#[command(next_help_heading = "Temporal")]
pub struct TemporalArgs {
    /// Temporal's frontend, HOST:PORT or a URL
    #[arg(
        long = "temporal-address",
        env = "TEMPORAL_ADDRESS",
        value_name = "HOST:PORT",
        hide_env_values = true // somebody may have written a key in it
    )]
    pub address: Option<String>,

    /// The same by the name that the original's runner knows; it gives way to the other
    #[arg(
        long = "temporal-service-address",
        env = "TEMPORAL_SERVICE_ADDRESS",
        hide = true
    )]
    pub service_address: Option<String>,

    /// Namespace of the workflows
    #[arg(
        long = "temporal-namespace",
        env = "TEMPORAL_NAMESPACE",
        default_value = NAMESPACE,
        value_parser = or(NAMESPACE)
    )]
    pub namespace: String,

    /// Task queue on which agent-runners poll
    #[arg(
        long,
        env = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE",
        default_value = TASK_QUEUE,
        value_parser = or(TASK_QUEUE)
    )]
    pub task_queue: String,

    /// Use TLS (implied by the other TLS options, an API key or a https URL)
    #[arg(long = "temporal-tls", env = "TEMPORAL_TLS", value_parser = BoolishValueParser::new())]
    pub tls: bool,

    /// PEM file of the authority that signed Temporal's certificate
    #[arg(
        long = "temporal-tls-ca",
        env = "TEMPORAL_TLS_CA",
        value_name = "FILE",
        value_parser = path()
    )]
    pub tls_ca: Option<PathBuf>,

    /// PEM file of our own certificate (mTLS)
    #[arg(
        long = "temporal-tls-cert",
        env = "TEMPORAL_TLS_CERT",
        value_name = "FILE",
        value_parser = path(),
        requires = "tls_key"
    )]
    pub tls_cert: Option<PathBuf>,

    /// PEM file of our own private key (mTLS)
    #[arg(
        long = "temporal-tls-key",
        env = "TEMPORAL_TLS_KEY",
        value_name = "FILE",
        value_parser = path(),
        requires = "tls_cert"
    )]
    pub tls_key: Option<PathBuf>,

    /// API key (Temporal Cloud)
    #[arg(
        id = "temporal_api_key",
        long = "temporal-api-key",
        env = "TEMPORAL_API_KEY",
        hide_env_values = true
    )]
    pub api_key: Option<String>,
}

/// A text, and `default` where it is empty.
fn or(default: &'static str) -> impl Fn(&str) -> Result<String, Infallible> + Clone {
    move |text| Ok(if text.is_empty() { default } else { text }.to_owned())
}

/// A path that may be empty, which clap's own may not.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

impl TemporalArgs {
    /// Whether Temporal is configured at all.
    pub fn is_configured(&self) -> bool {
        !self.address().is_empty()
    }

    /// The address as configured, for messages.
    pub fn address(&self) -> &str {
        let told = [&self.address, &self.service_address];
        let mut told = told.into_iter().filter_map(|a| a.as_deref());
        told.find(|a| !a.is_empty()).unwrap_or("")
    }

    /// The variable that the address is from.
    pub(crate) fn address_of(&self) -> &'static str {
        match self.address.as_deref() {
            None | Some("") if self.is_configured() => "TEMPORAL_SERVICE_ADDRESS",
            _ => "TEMPORAL_ADDRESS",
        }
    }

    pub(crate) fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref().filter(|key| !key.is_empty())
    }
}
