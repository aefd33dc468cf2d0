//! Whether a run has a live model. Without one the scripted and the replayed tests run all the same.

use crate::config::Config;
use crate::exit::{Code, coded};
use crate::model::{self, Model, Wish};
use crate::prereqs;

/// What answers in the replayed and the live lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Recorded conversations are replayed; the live lane runs where a model is there
    #[default]
    Auto,
    /// No model is started or asked; the live lane does not run
    Replay,
    /// The replayed tests alone, and a live model's answers to them are recorded
    Record,
    /// The replayed tests ask a live model too
    Live,
}

impl Mode {
    /// The gateway's word.
    pub fn gateway(self) -> &'static str {
        match self {
            Self::Auto | Self::Replay => "replay",
            Self::Record => "record",
            Self::Live => "live",
        }
    }

    /// Whether it makes no sense without a model.
    fn required(self) -> bool {
        matches!(self, Self::Record | Self::Live)
    }
}

/// The live model of a run, or why there is none.
#[derive(Clone, Debug)]
pub enum Live {
    /// There is one.
    There(Model),
    /// There is none: why, as half a sentence.
    Not(String),
}

/// What a run does about the model.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `--model`.
    pub mode: Mode,
    /// Which one.
    pub live: Live,
    /// Without one the run fails.
    pub required: bool,
}

impl Live {
    /// The model, if there is one.
    pub fn model(&self) -> Option<&Model> {
        match self {
            Self::There(model) => Some(model),
            Self::Not(_) => None,
        }
    }
}

impl Plan {
    /// Finds out. `required` without a model is an error here already.
    ///
    /// # Errors
    /// Usage errors about the address; [`Code::Missing`] for a model that is required.
    pub async fn make(
        config: &Config,
        mode: Mode,
        wish: &Wish,
        required: bool,
    ) -> anyhow::Result<Self> {
        let required = mode.required() || required && mode != Mode::Replay;
        let mut plan = Self {
            mode,
            live: Live::Not("--model replay asks none".into()),
            required,
        };
        if mode == Mode::Replay {
            return Ok(plan);
        }
        let model = model::choose(config, wish).await?;
        let lacks = lacks(config, &model).await;
        plan.live = Live::There(model.clone());
        if !lacks.is_empty() {
            plan.without(&model, &lacks.join("; "))?;
        }
        Ok(plan)
    }

    /// Goes on without a model that cannot be had.
    ///
    /// # Errors
    /// [`Code::Missing`] where it is required.
    pub fn without(&mut self, model: &Model, why: &str) -> anyhow::Result<()> {
        let why = format!("{}, and the {} one: {why}", model.why, model.kind.word());
        if self.required {
            return Err(coded(
                Code::Missing,
                format!("no live model: {why}\n  mend: {MEND}"),
            ));
        }
        let why = format!("{why}\n  to have it: {MEND}");
        eprintln!("NO LIVE MODEL, so the live lane will not run: {why}");
        self.live = Live::Not(why);
        Ok(())
    }
}

const MEND: &str = "set E2E_MODEL_URL, or start Ollama and `ollama pull smollm2:135m`, or mend what `cargo xtask prereqs phase2` names";

/// What the model needs and this machine lacks, beyond what phase 2 needs anyway.
async fn lacks(config: &Config, model: &Model) -> Vec<String> {
    let (all, anyway) = tokio::join!(
        prereqs::missing_for_run(config, Some(model)),
        prereqs::missing_for_run(config, None)
    );
    all.into_iter()
        .filter(|finding| !anyway.contains(finding))
        // One line: `MISSING`, what, why, and how to mend it.
        .map(|finding| {
            let words: Vec<_> = finding.split_whitespace().skip(1).collect();
            words.join(" ")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::code_of;
    use crate::model::Kind;

    fn model() -> Model {
        Model {
            kind: Kind::Embedded,
            base_url: None,
            name: "m".into(),
            key: None,
            why: "no address was given".into(),
        }
    }

    #[test]
    fn a_model_that_cannot_be_had_is_missing_or_missed() {
        let plan = |required| Plan {
            mode: Mode::Auto,
            live: Live::There(model()),
            required,
        };
        let error = plan(true).without(&model(), "no pip").unwrap_err();
        assert_eq!(code_of(&error), Code::Missing);
        let mut plan = plan(false);
        plan.without(&model(), "no pip").unwrap();
        let Live::Not(why) = plan.live else {
            panic!("there is a model")
        };
        insta::assert_snapshot!(why.lines().next().unwrap(), @"no address was given, and the embedded one: no pip");
    }

    #[tokio::test]
    async fn replay_asks_nobody_even_where_a_model_is_required() {
        let config: Config = toml::from_str(include_str!("../../../e2e.toml")).unwrap();
        let wish = Wish {
            url: Some("no address at all".into()),
            name: None,
        };
        let plan = Plan::make(&config, Mode::Replay, &wish, true)
            .await
            .unwrap();
        assert!(plan.live.model().is_none() && !plan.required);
        let error = Plan::make(&config, Mode::Record, &wish, false).await;
        assert_eq!(code_of(&error.unwrap_err()), Code::Usage);
    }
}
