//! The services of a stack, one file each, as `docs/stack.md` tells them.

pub mod gateway;
pub mod guest;
pub mod mcp;
pub mod model;
pub mod runner;
pub mod server;
pub mod temporal;

use harness_base::{Command, Inherit};
use std::path::Path;

/// Temporal's namespace; the dev server makes it.
pub const NAMESPACE: &str = "default";
/// The queue that the server hands executions to and the runner polls.
pub const TASK_QUEUE: &str = "agent_execution_runner";

/// The variable that tells one of our services its port.
pub fn port_variable(service: &str) -> Option<&'static str> {
    match service {
        "server" => Some("GRPC_PORT"),
        "gateway" => Some("GATEWAY_PORT"),
        "mcp" => Some("MCP_PROBE_PORT"),
        _ => None,
    }
}

/// Asks a server, a gateway or the MCP server whether it serves.
pub fn address_health(bin: &Path, address: &str) -> Command {
    Command::new(bin)
        .args(["healthcheck", "--address", address])
        .inherit(Inherit::System)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Place, ServiceSpec};
    use crate::wiring::{RunnerModel, Wiring};
    use harness_provision::GatewayMode;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(1);

    fn place() -> Place<'static> {
        Place::Process {
            dir: Path::new("/d"),
            port: 0,
        }
    }

    fn echo(program: &str, spec: ServiceSpec) -> String {
        let command = Command {
            program: program.into(),
            ..spec.command
        };
        command.echo()
    }

    fn wiring() -> Wiring {
        let model = RunnerModel {
            name: "m".into(),
            key: Some("secret-key".into()),
        };
        let mut wiring = Wiring::whole("secret-key".into(), model, GatewayMode::Replay, 48);
        wiring.upstream = Some("http://127.0.0.1:3/v1".into());
        wiring.set_temporal("127.0.0.1:2");
        wiring
    }

    #[test]
    fn command_lines() {
        let wiring = wiring();
        insta::assert_snapshot!(echo(
            "stigmer-server",
            server::spec(&Wiring::alone(), place(), LIMIT)
        ));
        insta::assert_snapshot!(echo(
            "stigmer-server",
            server::spec(&wiring, place(), LIMIT)
        ));
        assert!(
            runner::spec(&wiring, place(), LIMIT).is_err(),
            "no server yet"
        );
        wiring.set_server("http://127.0.0.1:1");
        wiring.set_gateway("http://127.0.0.1:4/v1");
        insta::assert_snapshot!(echo(
            "agent-runner",
            runner::spec(&wiring, place(), LIMIT).unwrap()
        ));
        let logs = Path::new("/l");
        insta::assert_snapshot!(echo(
            "model-gateway",
            gateway::spec(&wiring, place(), logs, LIMIT)
        ));
        insta::assert_snapshot!(echo("mcp-probe", mcp::spec(place(), LIMIT)));
        insta::assert_snapshot!(echo(
            "temporal",
            temporal::spec(
                Place::Process {
                    dir: Path::new("/d"),
                    port: 7
                },
                None,
                LIMIT
            )
        ));
        insta::assert_snapshot!(echo("temporal", temporal::spec(place(), Some(8), LIMIT)));
    }

    #[test]
    fn the_embedded_model() {
        let files = harness_provision::model::ModelFiles {
            python: "python3".into(),
            library: "/t/llama".into(),
            weights: "/t/w".into(),
        };
        let settings = harness_base::config::EmbeddedModel {
            embedded: "m".into(),
            context: 8,
            max_tokens: 24,
            parallel: 4,
        };
        let script = Path::new("/d/m.py");
        let spec = model::spec(&files, script, &settings, ("m", 3, "secret-key"), LIMIT);
        let echo = echo("python3", spec);
        let echo = echo.rsplit_once(" --threads").unwrap().0;
        insta::assert_snapshot!(echo);
    }
}
