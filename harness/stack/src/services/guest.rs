//! A part of somebody else's build, as its description says.

use super::{NAMESPACE, TASK_QUEUE};
use crate::pollers::Queue;
use crate::service::{ContainerNeeds, Described, Health, Place, ServiceSpec, without_proxies};
use crate::wiring::Wiring;
use anyhow::Context;
use harness_base::parts::guest::ReadyBy;
use harness_base::{Code, Command, Guest, Inherit, Part, coded};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Our variables, and the placeholder by which a part of somebody else's is told the same.
const SAME: [(&str, &str); 7] = [
    ("TEMPORAL_ADDRESS", "temporal"),
    ("TEMPORAL_NAMESPACE", "namespace"),
    ("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", "task_queue"),
    ("STIGMER_BACKEND_ENDPOINT", "server"),
    ("STIGMER_LLM_BASE_URL", "model_url"),
    ("STIGMER_LLM_MODEL", "model_name"),
    ("STIGMER_LLM_MAX_TOKENS", "max_tokens"),
];
/// Most memory of a container.
const MEMORY: &str = "1g";

/// What an instance is told beyond what all have: in the stack's terms, in its own variables, and secrets.
#[derive(Debug, Default)]
struct Told<'a> {
    values: BTreeMap<&'static str, &'a str>,
    runner_key: Option<&'a str>,
    model_key: Option<&'a str>,
    env: Vec<(&'a str, &'a str)>,
}

impl<'a> Told<'a> {
    /// Sorts what a test gives an instance by our names.
    fn of(part: Part, guest: &Guest, env: &'a [(String, String)]) -> anyhow::Result<Self> {
        let mut told = Self::default();
        for (name, value) in env {
            match (name.as_str(), SAME.iter().find(|(ours, _)| ours == name)) {
                (_, Some((_, placeholder))) => {
                    if !guest.is_told(placeholder) {
                        let what = format!("says {{{placeholder}}}");
                        return Err(untold(part, guest, name, &what));
                    }
                    told.values
                        .insert(placeholder, value.trim_start_matches("http://"));
                    if *placeholder == "model_url" {
                        told.values.insert(placeholder, value);
                    }
                }
                ("STIGMER_RUNNER_KEY", None) if guest.keys.runner.is_some() => {
                    told.runner_key = Some(value);
                }
                ("STIGMER_LLM_API_KEY", None) if guest.keys.model.is_some() => {
                    told.model_key = Some(value);
                }
                ("STIGMER_RUNNER_KEY" | "STIGMER_LLM_API_KEY", None) => {
                    return Err(untold(part, guest, name, "names it in `keys`"));
                }
                (name, None) => told.env.push((name, value)),
            }
        }
        Ok(told)
    }
}

/// The port that it takes in a container.
pub fn inside(part: Part, guest: &Guest) -> u16 {
    let any = match part {
        Part::Server => super::server::PORT,
        Part::Gateway | Part::Runner => super::gateway::PORT,
    };
    guest.fixed_port().map_or(any, |(port, _)| port)
}

fn untold(part: Part, guest: &Guest, name: &str, what: &str) -> anyhow::Error {
    let place = guest.place();
    let text = format!(
        "{place}: the {part} cannot be told {name}, which a test gives an instance of its own: nothing in its description {what}"
    );
    coded(Code::NotReady, text)
}

/// Where an instance of it is to run.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// Process or container.
    pub place: Place<'a>,
    /// The port that it is told.
    pub port: u16,
    /// The checkout: paths of programs and folders are relative to it.
    pub root: &'a Path,
    /// Where a process keeps its logs.
    pub logs: &'a Path,
    /// The service's own limit.
    pub limit: Duration,
}

/// A part of somebody else's; `env` is what a test adds, by our names.
///
/// # Errors
/// `FILE:LINE: why`, for what cannot be told.
pub fn spec(
    (part, guest): (Part, &Guest),
    wiring: &Wiring,
    at: At<'_>,
    env: &[(String, String)],
) -> anyhow::Result<ServiceSpec> {
    let told = Told::of(part, guest, env)?;
    let address = format!("{}:{}", at.place.host(), at.port);
    let value = |name: &str| {
        if let Some(value) = told.values.get(name) {
            return Some((*value).to_owned());
        }
        let own = |text: &str| Some(text.to_owned());
        match (name, part) {
            ("port", _) => Some(at.port.to_string()),
            ("host", _) => own(at.place.host()),
            ("address", _) => Some(address.clone()),
            ("data", _) => Some(at.place.data_folder()),
            ("temporal", _) => wiring.temporal().map(str::to_owned),
            ("namespace", _) => own(NAMESPACE),
            ("task_queue", _) => own(TASK_QUEUE),
            ("server", _) => wiring
                .server()
                .map(|url| url.trim_start_matches("http://").to_owned()),
            ("model_url", Part::Runner) => wiring.gateway().map(str::to_owned),
            ("model_url", _) => wiring.seen_upstream().map(str::to_owned),
            ("model_name", _) => own(&wiring.runner_model.name),
            ("max_tokens", _) => Some(wiring.max_tokens.to_string()),
            ("gateway_mode", _) => Some(wiring.gateway_mode.to_string()),
            ("exchanges", _) => Some(match at.place {
                Place::Process { .. } => at.logs.join("exchanges.jsonl").display().to_string(),
                Place::Container => "-".into(),
            }),
            _ => None,
        }
    };
    let filled = guest.filled(value).map_err(|why| coded(Code::Usage, why))?;
    let (program, args) = filled.words.split_first().context("the command is empty")?;
    let inherit = match part {
        Part::Gateway => Inherit::Proxied,
        Part::Server | Part::Runner => Inherit::Traced,
    };
    let mut command = Command::new(at.place.path(at.root, program))
        .args(args.iter().cloned())
        .inherit(inherit);
    command.cwd = filled.folder.map(|folder| match at.place {
        Place::Process { .. } => at.root.join(folder),
        Place::Container => folder.into(),
    });
    for (name, value) in &filled.env {
        command = match value {
            Some(value) => command.env(name, value),
            None => command.unset(name),
        };
    }
    let keys = [
        (
            &guest.keys.runner,
            told.runner_key.or(wiring.runner_key.as_deref()),
        ),
        (
            &guest.keys.model,
            told.model_key.or(wiring.runner_model.key.as_deref()),
        ),
    ];
    for (name, key) in keys {
        if let (Some(name), Some(key)) = (name, key) {
            command = command.secret(name, key);
        }
    }
    for (name, value) in told.env {
        command = command.secret(name, value); // one may be a secret that is under test
    }
    let polled = |kind| {
        let queue = filled.queue.clone().or_else(|| value("task_queue"));
        Health::Polls(Queue {
            name: queue.unwrap_or_default(),
            namespace: value("namespace").unwrap_or_default(),
            kind,
        })
    };
    let health = match (guest.ready(), part) {
        (ReadyBy::Health, Part::Runner) => {
            Health::Asked(super::runner::WAITS.map(str::to_owned).into())
        }
        (ReadyBy::Health, _) => {
            let address = format!("127.0.0.1:{}", at.port);
            Health::Asked(vec!["healthcheck".into(), "--address".into(), address])
        }
        (ReadyBy::Grpc, _) => Health::Grpc,
        (ReadyBy::Port, _) => Health::Listening,
        (ReadyBy::Workflows, _) => polled("workflow"),
        (ReadyBy::Activities, _) => polled("activity"),
    };
    if matches!(health, Health::Polls(_)) && wiring.temporal().is_none() {
        let text = format!(
            "{}: the {part} is ready when it polls a queue, and this phase has no Temporal; name the phase in `temporal`",
            guest.ready_place()
        );
        return Err(coded(Code::Usage, text));
    }
    Ok(ServiceSpec {
        command: without_proxies(command, at.place),
        health,
        limit: guest.ready_seconds.map_or(at.limit, Duration::from_secs),
        container: ContainerNeeds {
            publishes: guest.listens().then_some(at.port),
            keeps_data: guest.is_told("data"),
            scratch: &["/tmp"],
            memory: MEMORY,
            init: part == Part::Runner,
            ..ContainerNeeds::default()
        },
        described: Some(Described {
            command: guest.place(),
            ready: guest.ready_place(),
            port: guest.listens().then_some(at.port),
            serves: part != Part::Runner,
        }),
    })
}

#[cfg(test)]
mod tests;
