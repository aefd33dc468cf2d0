//! What is wrong with Docker, and what mends it.

use crate::exit::{Code, code_of, coded};
use std::path::Path;

/// What the client or Compose said, as one message with its mend.
pub fn explain(said: &str, code: Code, shown: &str) -> anyhow::Error {
    let lower = said.to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    // What the daemon itself says of a permission is about something inside.
    let outside = !has(&["error response from daemon"]) && has(&["socket", "daemon"]);
    let unusable = match () {
        () if has(&["cannot run docker"]) => {
            Some(("docker is not on PATH".into(), install().into()))
        }
        () if has(&["permission denied"]) && outside => {
            Some(("no permission on Docker's socket".into(), PERMISSION.into()))
        }
        () if has(&SILENT) => Some((
            format!("the Docker daemon does not answer{}", host()),
            start(),
        )),
        () => None,
    };
    if let Some((what, mend)) = unusable {
        return coded(Code::Missing, format!("{what}\n  mend: {mend}"));
    }
    let lines: Vec<_> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = lines[lines.len().saturating_sub(8)..].join("\n  ");
    // The reference that a registry speaks of is the command's last word.
    let host = registry(shown.rsplit(' ').next().unwrap_or_default());
    let call = format!("$ {shown}");
    let (what, mend) = match () {
        () if has(&["no space left on device"]) => (
            "Docker's disk is full",
            "docker system df shows what uses it, docker system prune makes room".into(),
        ),
        () if has(&["unknown mount option"]) => (
            "this engine does not know a mount option of compose/compose.yaml, as Podman 4.3 does not",
            "--runtime native, or Docker Engine".into(),
        ),
        () if has(&["buildx component is missing"]) => (
            "DOCKER_BUILDKIT asks for BuildKit, and the client has no buildx",
            "unset DOCKER_BUILDKIT, or install the buildx plug-in".into(),
        ),
        () if has(&["http response to https"]) => (
            &*call,
            format!("give {host} a certificate, or name it under insecure-registries in Docker's daemon.json"),
        ),
        () if has(&DENIED) => (&*call, format!("docker login {host}")),
        () if is_absent(said) => (
            &*call,
            "cargo xtask images builds what is ours, and push sends it there; is a digest in e2e.toml right?".into(),
        ),
        () if has(&["dial tcp"]) => (
            &*call,
            format!("is {host} right (--registry, e2e.toml), and reachable from Docker's daemon?"),
        ),
        () => return coded(code, format!("{call}\n  {last}")),
    };
    coded(code, format!("{what}\n  mend: {mend}\n  {last}"))
}

/// Of the client, for a daemon that does not answer.
const SILENT: [&str; 4] = [
    "cannot connect to the docker daemon",
    "is the docker daemon running",
    "couldn't connect to docker daemon",
    "error during connect",
];
/// Of registries, for who does not say who they are.
const DENIED: [&str; 3] = [
    "unauthorized",
    "no basic auth",
    "access to the resource is denied",
];

/// Whether a registry answered that it does not have what was asked for.
pub fn is_absent(said: &str) -> bool {
    let lower = said.to_lowercase();
    // Docker's own words for a tag that is not there, and registries' codes.
    [
        "manifest unknown",
        "name unknown",
        "does not exist",
        "manifest for",
    ]
    .iter()
    .any(|text| lower.contains(text))
}

/// The registry in a reference.
pub fn registry(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// For a daemon that answered before.
pub fn gone(when: &str) -> anyhow::Error {
    coded(
        Code::NotReady,
        format!(
            "the Docker daemon{} stopped answering {when}, and this run's services are in it\n  mend: {}, then the same command again",
            host(),
            start()
        ),
    )
}

/// Whether this is [`explain`]'s word for a daemon that does not answer; it may yet come back.
pub fn is_silent(error: &anyhow::Error) -> bool {
    code_of(error) == Code::Missing
}

fn host() -> String {
    std::env::var("DOCKER_HOST").map_or_else(|_| String::new(), |host| format!(" at {host}"))
}

const PERMISSION: &str = "sudo usermod -aG docker \"$USER\", then log in again";

fn install() -> &'static str {
    if cfg!(target_os = "macos") {
        "brew install --cask docker"
    } else {
        "sudo apt-get install -y docker.io (or https://docs.docker.com/engine/install/)"
    }
}

/// How a daemon that does not answer is started on this machine.
fn start() -> String {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    start_on(&host, cfg!(target_os = "macos"), &|path| {
        Path::new(path).exists() || on_path(path)
    })
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    !program.contains('/') && std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// The command that this machine can carry out, by what `has` finds on it.
fn start_on(host: &str, macos: bool, has: &dyn Fn(&str) -> bool) -> String {
    if !host.is_empty() && !host.starts_with("unix://") {
        return format!("start the daemon at {host}, or unset DOCKER_HOST");
    }
    if macos {
        return "open -a Docker".into();
    }
    let daemon = has("dockerd") || has("/usr/sbin/dockerd");
    // systemd is at work where this folder is; its client alone may lie in a container.
    match (
        daemon,
        has("/run/systemd/system"),
        has("/etc/init.d/docker"),
    ) {
        (true, true, _) => "sudo systemctl start docker".into(),
        (true, false, true) => "sudo service docker start".into(),
        (true, false, false) => "sudo dockerd &".into(),
        (false, ..) => format!(
            "{}, since only the client is here; or --runtime native",
            install()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_have_a_mend() {
        let cases = [
            (
                "cannot run docker: No such file or directory",
                Code::Missing,
                "not on PATH",
            ),
            (
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
                Code::Missing,
                "usermod",
            ),
            (
                "Got permission denied while trying to connect to the Docker daemon socket",
                Code::Missing,
                "usermod",
            ),
            (
                "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
                Code::Missing,
                "does not answer",
            ),
            (
                "write /x: no space left on device",
                Code::Image,
                "docker system prune",
            ),
            (
                "Error response from daemon: runc: exec /temporal: permission denied",
                Code::Image,
                "exec /temporal",
            ),
            (
                "Error response from daemon: container create: unknown mount option \"uid=65532\"",
                Code::Image,
                "--runtime native",
            ),
            ("failed: nonsense", Code::Image, "nonsense"),
            (
                "Error response from daemon: manifest for r.example/a:1 not found: manifest unknown",
                Code::Image,
                "mend: cargo xtask images",
            ),
            (
                "unauthorized: authentication required",
                Code::Image,
                "mend: docker login r.example",
            ),
            (
                "Error response from daemon: Head \"https://r.example/v2/x\": no basic auth credentials",
                Code::Image,
                "mend: docker login r.example",
            ),
            (
                "Error response from daemon: Get \"https://r.example/v2/\": http: server gave HTTP response to HTTPS client",
                Code::Image,
                "insecure-registries",
            ),
            (
                "Error response from daemon: Get \"https://r.example/v2/\": dial tcp: lookup r.example: no such host",
                Code::Image,
                "is r.example right",
            ),
        ];
        for (said, code, part) in cases {
            let error = explain(said, Code::Image, "docker pull r.example/a:1");
            assert_eq!(code_of(&error), code, "{said}");
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn registries_of_references() {
        for (reference, expected) in [
            ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000"),
            ("localhost/a", "localhost"),
            ("team/a:1", "docker.io"),
            ("rust:1", "docker.io"),
        ] {
            assert_eq!(registry(reference), expected);
        }
    }

    #[test]
    fn a_daemon_is_started_by_what_is_there() {
        let on = |host: &str, there: &'static [&'static str]| {
            start_on(host, false, &|path| there.contains(&path))
        };
        let systemd = ["dockerd", "/run/systemd/system", "/etc/init.d/docker"];
        insta::assert_snapshot!(start_on("", false, &|path| systemd.contains(&path)), @"sudo systemctl start docker");
        insta::assert_snapshot!(on("", &["/usr/sbin/dockerd", "/etc/init.d/docker"]), @"sudo service docker start");
        insta::assert_snapshot!(on("unix:///x", &["dockerd"]), @"sudo dockerd &");
        assert!(
            on("", &["/run/systemd/system"])
                .contains("since only the client is here; or --runtime native")
        );
        insta::assert_snapshot!(on("tcp://h:1", &["dockerd"]), @"start the daemon at tcp://h:1, or unset DOCKER_HOST");
    }
}
