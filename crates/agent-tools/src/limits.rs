//! How long what may take.

use std::time::Duration;

use stigmer_api::agent::{McpServerDefinition, mcp_server_definition::ServerType};

/// A call of an HTTP server whose definition says nothing: what the contract means by none.
const HTTP_CALL: Duration = Duration::from_secs(30);

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the start of a server to its answer, and once more until its tools are known.
    pub start: Duration,
    /// Silence of a server that was called: its progress begins it anew.
    pub call: Duration,
    /// A whole call, whatever progress it makes.
    pub whole_call: Duration,
    /// Without use an execution's servers are ended after this: another runner has taken it over.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // What is fetched at first use, as by npx and uvx, takes its time.
            start: Duration::from_secs(30),
            call: Duration::from_secs(60),
            whole_call: Duration::from_secs(600),
            idle: Duration::from_secs(15 * 60),
        }
    }
}

impl Limits {
    /// Those of a server: its definition's, and ours where that has none.
    pub(crate) fn of(self, server: &McpServerDefinition) -> Self {
        let or = |seconds: i32, ours: Duration| match u64::try_from(seconds) {
            Ok(seconds @ 1..) => Duration::from_secs(seconds),
            _ => ours,
        };
        let call = match &server.server_type {
            Some(ServerType::Stdio(stdio)) => or(stdio.timeout_seconds, self.call),
            Some(ServerType::Http(http)) => or(http.timeout_seconds, HTTP_CALL),
            _ => self.call,
        };
        // Who may be silent for longer may take longer.
        let whole_call = match call > self.call {
            true => self.whole_call.max(call),
            false => self.whole_call,
        };
        Self {
            start: or(server.start_timeout_seconds, self.start),
            call,
            whole_call: or(server.max_call_seconds, whole_call),
            idle: self.idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use stigmer_api::agent::{HttpServer, StdioServer};

    use super::*;

    #[test]
    fn a_definition_says_how_long_and_the_runner_where_it_does_not() {
        let stdio = |seconds| {
            ServerType::Stdio(StdioServer {
                timeout_seconds: seconds,
                ..Default::default()
            })
        };
        let http = |seconds| {
            ServerType::Http(HttpServer {
                timeout_seconds: seconds,
                ..Default::default()
            })
        };
        for (kind, start, whole, expected) in [
            (stdio(0), 0, 0, [30, 60, 600]),
            (stdio(90), 45, 100, [45, 90, 100]),
            (stdio(900), 0, 0, [30, 900, 900]),
            (stdio(-1), -1, -1, [30, 60, 600]),
            (http(0), 0, 0, [30, 30, 600]),
            (http(300), 0, 60, [30, 300, 60]),
        ] {
            let server = McpServerDefinition {
                server_type: Some(kind),
                start_timeout_seconds: start,
                max_call_seconds: whole,
                ..Default::default()
            };
            let limits = Limits::default().of(&server);
            let is = [limits.start, limits.call, limits.whole_call];
            assert_eq!(is.map(|limit| limit.as_secs()), expected, "{server:?}");
        }
    }
}
