//! What phase 2 starts with, by its flags and by what is there: nothing is missing, and a model or none.

use crate::verbs::prereqs;
use clap::ValueEnum;
use harness_base::{Code, Config, Interrupt, coded, quoted};
use harness_provision::{LiveModel, Mode, Model, ModelChoice, ModelPlan, choose};

/// What answers in the replayed and the live lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ModelMode {
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

impl From<ModelMode> for Mode {
    fn from(mode: ModelMode) -> Self {
        match mode {
            ModelMode::Auto => Self::Auto,
            ModelMode::Replay => Self::Replay,
            ModelMode::Record => Self::Record,
            ModelMode::Live => Self::Live,
        }
    }
}

/// Flags about the model.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ModelArgs {
    /// What answers in the replayed and the live lane
    #[arg(long, value_enum, default_value = "auto")]
    pub model: ModelMode,
    /// OpenAI-compatible address of a model [env: E2E_MODEL_URL], its key in STIGMER_LLM_API_KEY or OPENAI_API_KEY
    #[arg(long, value_name = "URL")]
    pub model_url: Option<String>,
    /// The model's name [env: E2E_MODEL_NAME]
    #[arg(long, value_name = "NAME")]
    pub model_name: Option<String>,
}

impl ModelArgs {
    /// Looks at what was told, before anybody waits for a build to hear of it.
    ///
    /// # Errors
    /// As [`ModelArgs::choice`], where it asks a model.
    pub fn check(&self) -> anyhow::Result<()> {
        match self.mode() {
            Mode::Replay => Ok(()),
            _ => self.choice().map(drop),
        }
    }

    /// The flags that say the same, as they are typed.
    pub fn flags(&self) -> Vec<String> {
        let default = ModelMode::Auto;
        let mode = (self.model != default).then(|| self.model.to_possible_value());
        let mode = mode.flatten().map(|mode| mode.get_name().to_owned());
        let named = [
            ("--model", &mode),
            ("--model-url", &self.model_url),
            ("--model-name", &self.model_name),
        ];
        let said = named
            .into_iter()
            .filter_map(|(flag, value)| Some((flag, value.as_ref()?)));
        said.flat_map(|(flag, value)| [flag.to_owned(), quoted(value)])
            .collect()
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.model.into()
    }

    /// Which model is wanted.
    ///
    /// # Errors
    /// Usage errors about its address.
    pub fn choice(&self) -> anyhow::Result<ModelChoice> {
        ModelChoice::new(self.model_url.clone(), self.model_name.clone())
    }
}

/// Makes sure that this machine has what phase 2 needs with any model or none.
///
/// # Errors
/// [`Code::Missing`] for what it lacks.
pub async fn equipped(config: &Config) -> anyhow::Result<()> {
    let lacks = prereqs::missing_for_run(config, None).await;
    if !lacks.is_empty() {
        let lacks = lacks.join("\n");
        return Err(coded(Code::Missing, format!("missing:\n{lacks}")));
    }
    Ok(())
}

/// The model that phase 2 starts with, or none. `required` without one is an error.
///
/// # Errors
/// [`Code::Missing`] for a model that is not there; usage errors about its address.
pub async fn plan(
    config: &Config,
    args: &ModelArgs,
    required: bool,
    interrupt: &Interrupt,
) -> anyhow::Result<ModelPlan> {
    let mode = args.mode();
    if mode == Mode::Replay {
        return Ok(ModelPlan {
            mode,
            live: LiveModel::Unavailable("--model replay asks none".into()),
            required: false,
        });
    }
    let model = choose::model(config, &args.choice()?).await?;
    if model.unlisted.is_some() {
        // Nobody but the model itself knows now.
        let asked = tokio::select! {
            asked = model.load(config.services.model.ready_limit()) => asked,
            () = interrupt.reached(1) => return Err(coded(Code::Interrupted, "interrupted")),
        };
        asked.map_err(|why| coded(Code::Missing, model.not_there(&format!("{why:#}"))))?;
    }
    let lacks = model_lacks(config, &model).await;
    let mut plan = ModelPlan {
        mode,
        live: LiveModel::Available(model.clone()),
        required: required || mode.needs_model(),
    };
    if !lacks.is_empty() {
        plan.without(&model, &lacks.join("; "))?;
    }
    Ok(plan)
}

/// What the model needs and this machine lacks, beyond what phase 2 needs anyway.
async fn model_lacks(config: &Config, model: &Model) -> Vec<String> {
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
    use harness_base::code_of;

    #[test]
    fn flags_are_said_as_they_were_given() {
        assert_eq!(ModelArgs::default().flags(), [""; 0]);
        let args = ModelArgs {
            model: ModelMode::Live,
            model_url: Some("http://m/v1".into()),
            model_name: Some("a model".into()),
        };
        let flags = args.flags().join(" ");
        assert_eq!(
            flags,
            "--model live --model-url http://m/v1 --model-name 'a model'"
        );
    }

    #[tokio::test]
    async fn replay_asks_nobody_even_where_a_model_is_required() {
        let config: Config = toml::from_str(include_str!("../../e2e.toml")).unwrap();
        let args = |model| ModelArgs {
            model,
            model_url: Some("no address at all".into()),
            model_name: None,
        };
        let interrupt = Interrupt::install().unwrap();
        let replay = plan(&config, &args(ModelMode::Replay), true, &interrupt).await;
        let replay = replay.unwrap();
        assert!(replay.live.model().is_none() && !replay.required);
        let error = plan(&config, &args(ModelMode::Record), false, &interrupt).await;
        assert_eq!(code_of(&error.unwrap_err()), Code::Usage);
    }
}
