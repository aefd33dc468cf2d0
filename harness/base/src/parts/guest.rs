//! A part of somebody else's build: how it is started, what it is told, and how one sees that it is ready.

use super::source::Source;
use super::template::{self, Piece};
use crate::phases::Phase;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use toml::Spanned;

/// Which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Where clients connect.
    Server,
    /// Who does the agents' work.
    Runner,
    /// Between runner and model.
    Gateway,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Server => "server",
            Self::Runner => "runner",
            Self::Gateway => "gateway",
        })
    }
}

/// How one sees that it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadyBy {
    /// Its own program has our health check.
    Health,
    /// It serves by `grpc.health.v1`.
    Grpc,
    /// It listens.
    Port,
    /// It polls its queue for workflows.
    Workflows,
    /// It polls its queue for activities.
    Activities,
}

/// Variables by which it is told secrets. No secret stands in a file or an argument.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyNames {
    /// What a runner shows to a server to be told secrets.
    pub runner: Option<String>,
    /// The model's.
    pub model: Option<String>,
}

/// A part of somebody else's build.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    #[serde(skip)]
    pub(super) source: Arc<Source>,
    /// The program and its arguments, with placeholders.
    command: Spanned<Vec<Spanned<String>>>,
    /// Its working folder.
    folder: Option<Spanned<String>>,
    /// Its environment, with placeholders.
    #[serde(default)]
    env: BTreeMap<String, Spanned<String>>,
    /// Variables by which it is told secrets.
    #[serde(default)]
    pub keys: KeyNames,
    ready: Spanned<ReadyBy>,
    /// The queue that it polls, where it is not the runners'.
    queue: Option<Spanned<String>>,
    /// Longest time from start to ready, in seconds, where it is not the service's own.
    pub ready_seconds: Option<u64>,
    port: Option<Spanned<u16>>,
    /// The phases in which Temporal must be there before it starts.
    #[serde(default)]
    temporal: Vec<Phase>,
    image: Option<Spanned<String>>,
    /// The variable without which ours is used.
    pub(super) only_if_set: Option<String>,
}

/// Placeholders, and whose they are.
const ALL: [Part; 3] = [Part::Server, Part::Runner, Part::Gateway];
const PLACEHOLDERS: [(&str, &[Part]); 13] = [
    ("port", &ALL),
    ("host", &ALL),
    ("address", &ALL),
    ("data", &ALL),
    ("temporal", &ALL),
    ("namespace", &ALL),
    ("task_queue", &ALL),
    ("server", &[Part::Runner, Part::Gateway]),
    ("model_url", &[Part::Runner, Part::Gateway]),
    ("model_name", &[Part::Runner, Part::Gateway]),
    ("max_tokens", &[Part::Runner, Part::Gateway]),
    ("gateway_mode", &[Part::Gateway]),
    ("exchanges", &[Part::Gateway]),
];
/// Before the name of a variable of the user's.
const ENV: &str = "env:";

/// A command line and an environment, filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The program, then its arguments.
    pub words: Vec<String>,
    /// Its working folder.
    pub folder: Option<String>,
    /// Its environment; a variable without a value is none.
    pub env: Vec<(String, Option<String>)>,
    /// The queue that it polls.
    pub queue: Option<String>,
}

impl Guest {
    /// Where its command stands: `FILE:LINE`.
    pub fn place(&self) -> String {
        self.source.at(&self.command)
    }

    /// Where it says when it is ready.
    pub fn ready_place(&self) -> String {
        self.source.at(&self.ready)
    }

    /// When it is ready.
    pub fn ready(&self) -> ReadyBy {
        *self.ready.as_ref()
    }

    /// The one port that it takes, and where that is said; `None` where it takes any.
    pub fn fixed_port(&self) -> Option<(u16, String)> {
        let port = self.port.as_ref()?;
        Some((*port.as_ref(), self.source.at(port)))
    }

    /// Its image, in containers, and where that is said.
    pub fn image(&self) -> Option<(&str, String)> {
        let image = self.image.as_ref()?;
        Some((image.as_ref(), self.source.at(image)))
    }

    /// Whether Temporal must be there before it starts.
    pub fn needs_temporal(&self, phase: Phase) -> bool {
        self.temporal.contains(&phase)
    }

    /// Whether it has a port.
    pub fn listens(&self) -> bool {
        self.port.is_some() || self.is_told("port") || self.is_told("address")
    }

    /// Whether a placeholder stands somewhere in its description.
    pub fn is_told(&self, name: &str) -> bool {
        let has = |text: &Spanned<String>| {
            let pieces = template::pieces(text.as_ref()).unwrap_or_default();
            pieces.contains(&Piece::Name(name))
        };
        // Whoever polls the runners' queue without saying so is told of no other.
        self.texts().any(has)
    }

    fn texts(&self) -> impl Iterator<Item = &Spanned<String>> {
        let command = self.command.as_ref().iter();
        command
            .chain(&self.folder)
            .chain(self.env.values())
            .chain(&self.queue)
    }

    /// Everything that can be said against it before it is started.
    ///
    /// # Errors
    /// `FILE:LINE: why`.
    pub(super) fn check(&self, part: Part) -> Result<(), String> {
        let known = |name: &str| {
            let (_, whose) = PLACEHOLDERS.iter().find(|(known, _)| *known == name)?;
            Some(whose.contains(&part))
        };
        for text in self.texts() {
            let wrong = |why: String| format!("{}: {why}", self.source.at(text));
            for piece in template::pieces(text.as_ref()).map_err(wrong)? {
                match piece {
                    Piece::Name(name) if !name.starts_with(ENV) && known(name) != Some(true) => {
                        return Err(wrong(unknown(name, part, known(name).is_some())));
                    }
                    _ => {}
                }
            }
        }
        let wrong = |place: String, why: &str| Err(format!("{place}: {why}"));
        if self.command.as_ref().is_empty() {
            return wrong(self.place(), "the command is empty");
        }
        if part != Part::Runner && !self.listens() {
            let why = format!(
                "nothing tells the {part} its port: say {{port}} or {{address}} in its command or environment, or port = NUMBER where it takes one alone"
            );
            return wrong(self.place(), &why);
        }
        if matches!(self.ready(), ReadyBy::Port | ReadyBy::Grpc) && !self.listens() {
            let why = format!("the {part} has no port: nothing in its description says {{port}}");
            return wrong(self.ready_place(), &why);
        }
        Ok(())
    }

    /// What of the user's environment it needs and is not there.
    ///
    /// # Errors
    /// `FILE:LINE: why`.
    pub(super) fn check_environment(&self) -> Result<(), String> {
        for text in self.texts() {
            for piece in template::pieces(text.as_ref())? {
                if let Piece::Name(name) = piece
                    && let Some(name) = name.strip_prefix(ENV)
                    && of_the_user(name).is_none()
                {
                    return Err(format!("{}: {name} is not set", self.source.at(text)));
                }
            }
        }
        Ok(())
    }

    /// Its command line and environment with the values of a stack. A variable whose placeholder has no value is not set.
    ///
    /// # Errors
    /// `FILE:LINE: why`, for an argument whose placeholder has none.
    pub fn filled(&self, value: impl Fn(&str) -> Option<String>) -> Result<Filled, String> {
        let fill = |text: &Spanned<String>| {
            template::filled(text.as_ref(), |name| match name.strip_prefix(ENV) {
                Some(name) => of_the_user(name),
                None => value(name),
            })
        };
        let must = |text: &Spanned<String>| {
            fill(text)?.ok_or_else(|| {
                let (place, text) = (self.source.at(text), text.as_ref());
                format!("{place}: {text:?} has no value here (a variable in `env` may have none)")
            })
        };
        let command = self.command.as_ref().iter();
        let env = self.env.iter();
        Ok(Filled {
            words: command.map(must).collect::<Result<_, _>>()?,
            folder: self.folder.as_ref().map(must).transpose()?,
            env: env
                .map(|(name, text)| Ok((name.clone(), fill(text)?)))
                .collect::<Result<_, String>>()?,
            queue: self.queue.as_ref().map(must).transpose()?,
        })
    }
}

/// A variable of the user's; empty is unset.
pub(super) fn of_the_user(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn unknown(name: &str, part: Part, elsewhere: bool) -> String {
    if elsewhere {
        return format!("{{{name}}} says nothing to a {part}");
    }
    let known = PLACEHOLDERS
        .iter()
        .filter(|(_, whose)| whose.contains(&part))
        .map(|(name, _)| format!("{{{name}}}"))
        .collect::<Vec<_>>();
    format!(
        "there is no placeholder {{{name}}}; a {part} has {} and {{env:VARIABLE}}",
        known.join(", ")
    )
}
