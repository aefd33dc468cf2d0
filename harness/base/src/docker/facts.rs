//! What a Docker Engine says of itself, and what that means for us. Pure: the questions are asked elsewhere.

use serde_json::Value;
use std::path::PathBuf;

/// All images (0.3 GB) with the older ones that a day of changes leaves, and what a build and a run need for themselves.
const FREE_MB: u64 = 4_000;
/// `compose.yaml` allows the services of a stack 2.4 GB together, of which they use a part.
const MEMORY: u64 = 2_000_000_000;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Docker Engine of this or another machine.
    Engine,
    /// Docker Engine under an ordinary user.
    Rootless,
    /// Docker Desktop's virtual machine.
    Desktop,
    /// Podman, which speaks as Docker does.
    Podman,
}

/// What `docker version` and `docker info` said.
#[derive(Clone, Debug)]
pub struct Engine {
    version: Value,
    info: Value,
}

/// A thing that is there, or that is not as it should be, with its mend.
pub type Seen = Result<String, (String, String)>;

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

impl Engine {
    /// From the answers, as JSON.
    pub fn parse(version: &str, info: &str) -> Result<Self, String> {
        let parse = |what: &str, said: &str| {
            serde_json::from_str(said)
                .map_err(|error| format!("docker {what} gives no JSON: {error}"))
        };
        Ok(Self {
            version: parse("version", version)?,
            info: parse("info", info)?,
        })
    }

    fn who(&self) -> Who {
        let components = self.version.pointer("/Server/Components");
        let podman = components
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|component| text(component, "/Name").contains("Podman"));
        let options = self.info.pointer("/SecurityOptions");
        let rootless = options
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|option| option.contains("rootless"));
        if podman {
            Who::Podman
        } else if text(&self.info, "/OperatingSystem").contains("Docker Desktop") {
            Who::Desktop
        } else if rootless {
            Who::Rootless
        } else {
            Who::Engine
        }
    }

    /// Client and daemon.
    pub fn answers(&self) -> Seen {
        let server = text(&self.version, "/Server/Version");
        if server.is_empty() {
            return Err((
                "the client answers, but no daemon behind it (is it podman-docker?)".into(),
                "systemctl --user start podman.socket, and Docker's own client with DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock".into(),
            ));
        }
        let system = text(&self.info, "/OperatingSystem");
        let engine = match self.who() {
            Who::Engine => format!("Docker Engine {server} on {system}"),
            Who::Rootless => format!("Docker Engine {server}, rootless, on {system}"),
            Who::Desktop => format!("Docker Desktop with engine {server}"),
            Who::Podman => {
                format!("Podman {server} on {system} (the tests are run on Docker Engine only)")
            }
        };
        let client = text(&self.version, "/Client/Version");
        Ok(format!("{engine}, client {client}"))
    }

    /// Who builds images. All of them will do, but for one wish that cannot be met.
    pub fn builder(&self, buildkit: Option<&str>) -> Seen {
        let plugins = self.info.pointer("/ClientInfo/Plugins");
        let buildx = plugins
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|plugin| text(plugin, "/Name") == "buildx")
            .map(|plugin| text(plugin, "/Version"));
        let client = text(&self.version, "/Client/Version");
        let major = client
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        let wish = buildkit.is_some_and(|wish| wish == "1" || wish == "true");
        match buildx {
            Some(_) if buildkit == Some("0") => Ok("classic, by DOCKER_BUILDKIT=0".into()),
            Some(version) => Ok(format!("BuildKit by buildx {version}")),
            // Older clients speak to the daemon's own BuildKit when told to.
            None if wish && major.is_some_and(|major: u32| major < 23) => {
                Ok("BuildKit by DOCKER_BUILDKIT".into())
            }
            None if wish => Err((
                "DOCKER_BUILDKIT asks for BuildKit, and the client has no buildx".into(),
                "unset DOCKER_BUILDKIT".into(),
            )),
            None => Ok("classic (no buildx, and none is needed)".into()),
        }
    }

    /// Memory of the machine that containers run on.
    pub fn memory(&self) -> Seen {
        let total = self.info.pointer("/MemTotal").and_then(Value::as_u64);
        let Some(total) = total.filter(|total| *total > 0) else {
            return Ok("not told".into());
        };
        let found = format!("{:.1} GB", total as f64 / 1e9);
        if total >= MEMORY {
            return Ok(found);
        }
        let mend = match self.who() {
            Who::Desktop => "Docker Desktop: Settings, Resources, Memory",
            _ => "give the machine of the engine more memory",
        };
        Err((
            format!("{found}, {:.0} GB should be there", MEMORY as f64 / 1e9),
            mend.into(),
        ))
    }

    /// Our binaries are for this machine's processor; the engine's must be one of them.
    pub fn architecture(&self, ours: &str) -> Seen {
        let theirs = text(&self.info, "/Architecture");
        let plain = match theirs {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            other => other,
        };
        let system = text(&self.info, "/OSType");
        if !system.is_empty() && system != "linux" {
            return Err((
                format!("containers of {system}, ours are for linux"),
                "switch the engine to Linux containers".into(),
            ));
        }
        if plain == ours || plain.is_empty() {
            return Ok(format!("linux {ours}"));
        }
        Err((
            format!("the engine runs on {plain}, our binaries are for {ours}"),
            "point DOCKER_HOST to an engine of this machine".into(),
        ))
    }

    /// The folder of images and containers, where it is on this machine: `host` is `DOCKER_HOST`, or the context's.
    pub fn root(&self, host: &str) -> Option<PathBuf> {
        let here = cfg!(target_os = "linux") && (host.is_empty() || host.starts_with("unix://"));
        let root = text(&self.info, "/DockerRootDir");
        (here && self.who() != Who::Desktop && !root.is_empty()).then(|| PathBuf::from(root))
    }
}

/// Free space of that folder.
pub fn disk(free_mb: Option<u64>, at: &str) -> Seen {
    match free_mb {
        None => Ok("not to be measured from here".into()),
        Some(free) if free >= FREE_MB => Ok(format!("{free} MB free at {at}")),
        Some(free) => Err((
            format!("{free} MB free at {at}, {FREE_MB} should be there"),
            "docker system df shows what uses it, docker system prune makes room".into(),
        )),
    }
}

#[cfg(test)]
mod tests;
