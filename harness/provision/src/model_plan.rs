//! Whether a run has a live model. Without one the scripted and the replayed tests run all the same.

use crate::model::Model;
use harness_base::{Code, coded};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What answers in the replayed and the live lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Recorded conversations are replayed; the live lane runs where a model is there.
    Auto,
    /// No model is started or asked; the live lane does not run.
    Replay,
    /// The replayed tests alone, and a live model's answers to them are recorded.
    Record,
    /// The replayed tests ask a live model too.
    Live,
}

/// What the gateway does with a recording's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayMode {
    /// Answers from the recording.
    Replay,
    /// Asks the model and keeps what it says.
    Record,
    /// Asks the model.
    Live,
}

impl fmt::Display for GatewayMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Replay => "replay",
            Self::Record => "record",
            Self::Live => "live",
        })
    }
}

impl Mode {
    /// The gateway's.
    pub fn gateway(self) -> GatewayMode {
        match self {
            Self::Auto | Self::Replay => GatewayMode::Replay,
            Self::Record => GatewayMode::Record,
            Self::Live => GatewayMode::Live,
        }
    }

    /// Whether it makes no sense without a model.
    pub fn needs_model(self) -> bool {
        matches!(self, Self::Record | Self::Live)
    }
}

/// The live model of a run, or why there is none.
#[derive(Clone, Debug)]
pub enum LiveModel {
    /// There is one.
    Available(Model),
    /// There is none: why, as half a sentence.
    Unavailable(String),
}

impl LiveModel {
    /// The model, if there is one.
    pub fn model(&self) -> Option<&Model> {
        match self {
            Self::Available(model) => Some(model),
            Self::Unavailable(_) => None,
        }
    }
}

/// What a run does about the model.
#[derive(Clone, Debug)]
pub struct ModelPlan {
    /// What answers.
    pub mode: Mode,
    /// Which one.
    pub live: LiveModel,
    /// Without one the run fails.
    pub required: bool,
}

impl ModelPlan {
    /// Goes on without a model that cannot be had.
    ///
    /// # Errors
    /// [`Code::Missing`] where it is required.
    pub fn without(&mut self, model: &Model, why: &str) -> anyhow::Result<()> {
        let why = format!("{}, and the {} one: {why}", model.why, model.kind);
        if self.required {
            return Err(coded(
                Code::Missing,
                format!("no live model: {why}\n  mend: {MEND}"),
            ));
        }
        let why = format!("{why}\n  to have it: {MEND}");
        eprintln!("NO LIVE MODEL, so the live lane will not run: {why}");
        self.live = LiveModel::Unavailable(why);
        Ok(())
    }
}

const MEND: &str = "set E2E_MODEL_URL, or start Ollama and `ollama pull smollm2:135m`, or mend what `cargo xtask prereqs phase2` names";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelKind;
    use harness_base::code_of;

    fn model() -> Model {
        Model {
            kind: ModelKind::Embedded,
            base_url: None,
            name: "m".into(),
            key: None,
            why: "no address was given".into(),
            tools: None,
            unlisted: None,
        }
    }

    #[test]
    fn a_model_that_cannot_be_had_is_missing_or_missed() {
        let plan = |required| ModelPlan {
            mode: Mode::Auto,
            live: LiveModel::Available(model()),
            required,
        };
        let error = plan(true).without(&model(), "no pip").unwrap_err();
        assert_eq!(code_of(&error), Code::Missing);
        let mut plan = plan(false);
        plan.without(&model(), "no pip").unwrap();
        let LiveModel::Unavailable(why) = plan.live else {
            panic!("there is a model")
        };
        insta::assert_snapshot!(why.lines().next().unwrap(), @"no address was given, and the embedded one: no pip");
    }
}
