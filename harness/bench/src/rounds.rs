//! The rounds: each measures every figure once on every side, and the sides take turns in who is first.

use crate::alone;
use crate::child::Runner;
use crate::containers;
use crate::figures::{Figure, How, Unit};
use crate::plan::{Step, steps};
use crate::processes::Watch;
use crate::result::{Results, Samples};
use crate::side::Side;
use crate::timeline;
use anyhow::Context;
use harness_base::{Code, Command, Config, code_of};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is measured, and with what.
#[derive(Debug)]
pub struct Rounds {
    /// Which figures.
    pub figures: Vec<Figure>,
    /// Which builds.
    pub sides: Vec<Side>,
    /// Runs the commands.
    pub runner: Runner,
    /// This checkout's `e2e.toml`.
    pub config: Config,
    /// The bench that asks a stack.
    pub measure: PathBuf,
    /// For what is written.
    pub folder: PathBuf,
    /// How many processors there are.
    pub cores: usize,
}

/// A figure as the bench on a stack tells it.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(flatten)]
    samples: Samples,
    missing: Option<String>,
}

/// A stack of host processes without a model.
const STACK: [&str; 6] = ["e2e", "phase2", "--runtime", "native", "--model", "replay"];

impl Rounds {
    /// Measures.
    ///
    /// # Errors
    /// [`Code::Interrupted`]; what fails otherwise is noted with its figure.
    pub async fn run(&self, rounds: usize) -> anyhow::Result<Results> {
        let mut results = Results::default();
        for round in 0..rounds {
            for step in steps(&self.figures) {
                let mut sides: Vec<&Side> = self.sides.iter().collect();
                if round % 2 == 1 {
                    sides.reverse();
                }
                for side in sides {
                    let names: Vec<&str> = step.figures().iter().map(|it| it.name).collect();
                    eprintln!("round {}, {}: {}", round + 1, side.name, names.join(", "));
                    let done = self.step(side, &step, round, &mut results).await;
                    note(done, step.figures(), side, &mut results)?;
                }
            }
        }
        Ok(results)
    }

    async fn step(
        &self,
        side: &Side,
        step: &Step,
        round: usize,
        results: &mut Results,
    ) -> anyhow::Result<()> {
        match step {
            Step::OnStack(figures) => self.on_stack(side, figures, results).await,
            Step::Phase(phase, figures) => self.phase(side, phase, figures, results).await,
            Step::Command(figure, measured, limit) => {
                let measured = side.xtask(measured.iter().copied());
                let limit = side.cargo(limit.iter().copied());
                if round == 0 {
                    // What it has to do is done then.
                    self.runner.run(&measured).await?;
                }
                // What runs second finds more in the caches.
                let samples = match round % 2 {
                    0 => pair(
                        self.runner.run(&measured).await?,
                        self.runner.run(&limit).await?,
                    ),
                    _ => {
                        let limit = self.runner.run(&limit).await?;
                        pair(self.runner.run(&measured).await?, limit)
                    }
                };
                results.add(figure, &side.name, None, samples);
                Ok(())
            }
            Step::Ready(figure) => {
                let words = STACK.into_iter().chain(["--exec", "true"]);
                self.runner.run(&side.xtask(words)).await?;
                let file = side.runs().join("latest/timeline.jsonl");
                let text = std::fs::read_to_string(&file);
                let text = text.with_context(|| format!("read {}", file.display()))?;
                let ready = timeline::ready(&text, "phase2");
                let (took, slowest) = ready.context("the run tells nothing of its services")?;
                let alone = alone::temporal(&self.config, &self.folder, &self.runner.interrupt);
                let mut samples = pair(took, alone.await?);
                samples.note = format!("its slowest was {slowest}");
                results.add(figure, &side.name, None, samples);
                Ok(())
            }
            Step::Containers(figure) => {
                let (took, alone) = containers::start(side, &self.config, &self.runner).await?;
                results.add(figure, &side.name, None, pair(took, alone));
                Ok(())
            }
        }
    }

    async fn on_stack(
        &self,
        side: &Side,
        figures: &[Figure],
        results: &mut Results,
    ) -> anyhow::Result<()> {
        let file = self.folder.join("measured.json");
        let names = figures.iter().map(|figure| figure.name.to_owned());
        let words = std::iter::once(file.to_string_lossy().into_owned()).chain(names);
        let script = Command::new(&self.measure).args(words).echo();
        let words = STACK.into_iter().chain(["--exec", &script]);
        self.runner.run(&side.xtask(words)).await?;
        let text = std::fs::read_to_string(&file).context("read what was measured")?;
        let told: BTreeMap<String, Told> =
            serde_json::from_str(&text).context("read what was measured")?;
        for (name, told) in told {
            let Some(figure) = figures.iter().find(|figure| figure.name == name) else {
                continue;
            };
            match told.missing {
                Some(why) => results.miss(figure, &side.name, &why),
                None => results.add(figure, &side.name, None, told.samples),
            }
        }
        Ok(())
    }

    async fn phase(
        &self,
        side: &Side,
        phase: &str,
        figures: &[Figure],
        results: &mut Results,
    ) -> anyhow::Result<()> {
        let watch = Watch::begin();
        let took = self
            .runner
            .run(&side.xtask(["e2e", phase, "--runtime", "native"]))
            .await;
        let seen = watch.map(Watch::end); // also where it failed: nobody watches any more
        let took = took?;
        let (total, parts) = seen.context("this system tells nothing of its processes")?;
        for figure in figures {
            if figure.how == How::Memory {
                for (part, taken) in &parts {
                    let (Some(idle), Some(after)) = (taken.idle, taken.after) else {
                        continue;
                    };
                    let part = Some((*part, figure.unit));
                    results.add(figure, &side.name, part, pair(after, idle));
                }
                continue;
            }
            let limit = total / self.cores as f64;
            results.add(figure, &side.name, None, pair(took, limit));
            let known: f64 = parts.values().map(|taken| taken.seconds).sum();
            let rest = ("the rest", (total - known).max(0.0));
            let parts = parts.iter().map(|(part, taken)| (*part, taken.seconds));
            for (part, seconds) in parts.chain([rest]) {
                let part = format!("processor: {part}");
                let samples = Samples {
                    measured: vec![seconds],
                    ..Samples::default()
                };
                results.add(figure, &side.name, Some((&part, Unit::Seconds)), samples);
            }
        }
        Ok(())
    }
}

fn pair(measured: f64, limit: f64) -> Samples {
    Samples {
        measured: vec![measured],
        limit: vec![limit],
        note: String::new(),
    }
}

/// What fails is noted, and the rest goes on; a signal ends all.
fn note(
    done: anyhow::Result<()>,
    figures: &[Figure],
    side: &Side,
    results: &mut Results,
) -> anyhow::Result<()> {
    match done {
        Err(error) if code_of(&error) == Code::Interrupted => Err(error),
        Err(error) => {
            for figure in figures {
                results.miss(figure, &side.name, &format!("{error:#}"));
            }
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
