//! The rules of MCP servers. What a runner could not start or ask, whatever its placeholders stand
//! for, is refused here; else it would be taken and fail at the first run.

use super::{Checker, fault, url};
use crate::{
    limits,
    proto::agent::{
        DockerServer, HttpServer, McpServerDefinition, StdioServer,
        mcp_server_definition::ServerType,
    },
};

/// Checks the lengths of an MCP server's lists.
fn check_lengths(check: &mut Checker, at: &str, server: &McpServerDefinition) {
    let mut most = |field: &str, there: usize| {
        check.at_most(&format!("{at}.{field}"), there, limits::SERVER_ENTRIES);
    };
    most("enabled_tools", server.enabled_tools.len());
    match &server.server_type {
        None => {}
        Some(ServerType::Stdio(s)) => {
            most("stdio.args", s.args.len());
            most("stdio.env_placeholders", s.env_placeholders.len());
        }
        Some(ServerType::Http(s)) => {
            most("http.headers", s.headers.len());
            most("http.query_params", s.query_params.len());
        }
        Some(ServerType::Docker(s)) => {
            most("docker.args", s.args.len());
            most("docker.env_placeholders", s.env_placeholders.len());
            most("docker.volumes", s.volumes.len());
            most("docker.ports", s.ports.len());
        }
    }
}

/// Checks the definition that stands `at`.
pub(super) fn check(check: &mut Checker, at: &str, server: &McpServerDefinition) {
    check.required(format!("{at}.name"), &server.name);
    check_lengths(check, at, server);
    seconds(
        check,
        &format!("{at}.start_timeout_seconds"),
        server.start_timeout_seconds,
        600,
    );
    seconds(
        check,
        &format!("{at}.max_call_seconds"),
        server.max_call_seconds,
        3600,
    );
    match &server.server_type {
        None => check.fail(at, "must have one of stdio, http, docker"),
        Some(ServerType::Stdio(s)) => check_stdio(check, &format!("{at}.stdio"), s),
        Some(ServerType::Http(s)) => check_http(check, &format!("{at}.http"), s),
        Some(ServerType::Docker(s)) => check_docker(check, &format!("{at}.docker"), s),
    }
}

fn check_stdio(check: &mut Checker, at: &str, s: &StdioServer) {
    check.required(format!("{at}.command"), &s.command);
    let mut refuse = |field: &str, fault: Option<&str>| {
        if let Some(why) = fault {
            check.fail(format!("{at}.{field}"), why);
        }
    };
    refuse("command", fault::of_command(&s.command));
    refuse("working_dir", fault::of_path(&s.working_dir));
    // As many as there may be; that there are more is said.
    for (i, arg) in s.args.iter().take(limits::SERVER_ENTRIES).enumerate() {
        refuse(&format!("args[{i}]"), fault::of_process_text(arg));
    }
    for (name, value) in s.env_placeholders.iter().take(limits::SERVER_ENTRIES) {
        let fault = fault::of_variable(name).or(fault::of_process_text(value));
        refuse(&format!("env_placeholders[{name}]"), fault);
    }
    seconds(
        check,
        &format!("{at}.timeout_seconds"),
        s.timeout_seconds,
        3600,
    );
}

fn check_http(check: &mut Checker, at: &str, s: &HttpServer) {
    check.required(format!("{at}.url"), &s.url);
    let fault = url::fault(&s.url).or_else(|| fault::of_template(&s.url).map(str::to_owned));
    if let Some(why) = fault.filter(|_| !s.url.is_empty()) {
        check.fail(format!("{at}.url"), why);
    }
    for (name, value) in s.headers.iter().take(limits::SERVER_ENTRIES) {
        let at = format!("{at}.headers[{name}]");
        check.that(&at, is_header(name), || {
            "must be a header's name: letters, digits and `-`".to_owned()
        });
        if let Some(why) = fault::of_header(value) {
            check.fail(at, why);
        }
    }
    for (name, value) in s.query_params.iter().take(limits::SERVER_ENTRIES) {
        if let Some(why) = fault::of_template(value) {
            check.fail(format!("{at}.query_params[{name}]"), why);
        }
    }
    seconds(
        check,
        &format!("{at}.timeout_seconds"),
        s.timeout_seconds,
        300,
    );
}

fn check_docker(check: &mut Checker, at: &str, s: &DockerServer) {
    check.required(format!("{at}.image"), &s.image);
    for (i, volume) in s.volumes.iter().enumerate() {
        check.required(format!("{at}.volumes[{i}].host_path"), &volume.host_path);
        check.required(
            format!("{at}.volumes[{i}].container_path"),
            &volume.container_path,
        );
    }
    for (i, port) in s.ports.iter().enumerate() {
        for (name, value) in [
            ("host_port", port.host_port),
            ("container_port", port.container_port),
        ] {
            check.that(
                &format!("{at}.ports[{i}].{name}"),
                (1..=65535).contains(&value),
                || "must be 1 to 65535".to_owned(),
            );
        }
    }
}

/// A time limit; 0 stands for whoever runs the server.
fn seconds(check: &mut Checker, at: &str, value: i32, most: i32) {
    check.that(at, (0..=most).contains(&value), || {
        format!("must be 0 to {most}")
    });
}

/// Whether `name` is one that HTTP allows.
fn is_header(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of the definition that are refused.
    fn refused(server_type: ServerType) -> Vec<String> {
        let server = McpServerDefinition {
            name: "a".to_owned(),
            server_type: Some(server_type),
            ..Default::default()
        };
        let mut checker = Checker::default();
        check(&mut checker, "a", &server);
        let broken = checker.finish().map_err(|broken| broken.0);
        let fields = broken.err().unwrap_or_default().into_iter();
        fields.map(|broken| broken.field).collect()
    }

    #[test]
    fn what_would_fail_at_the_first_run_is_refused_with_its_place() {
        let named = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|&(name, text)| (name.to_owned(), text.to_owned()))
                .collect()
        };
        let stdio = StdioServer {
            command: "npx -y foo".to_owned(),
            working_dir: "${D}".to_owned(),
            args: ["${A}", "a\0b", "${TOK-EN}"].map(str::to_owned).into(),
            env_placeholders: named(&[("", ""), ("A=B", ""), ("C", "a\0b"), ("d.e", "${A}")]),
            ..Default::default()
        };
        let fields = [
            "a.stdio.command",
            "a.stdio.working_dir",
            "a.stdio.args[1]",
            "a.stdio.args[2]",
            "a.stdio.env_placeholders[]",
            "a.stdio.env_placeholders[A=B]",
            "a.stdio.env_placeholders[C]",
        ];
        assert_eq!(refused(ServerType::Stdio(stdio)), fields);
        let http = HttpServer {
            url: "http://a/${".to_owned(),
            headers: named(&[("H", "a\nb"), ("I", "${}"), ("J", "Bearer ${A}\n")]),
            query_params: named(&[("q", "${"), ("r", "a\n${A}")]),
            ..Default::default()
        };
        let fields = [
            "a.http.url",
            "a.http.headers[H]",
            "a.http.headers[I]",
            "a.http.query_params[q]",
        ];
        assert_eq!(refused(ServerType::Http(http)), fields);
    }
}
