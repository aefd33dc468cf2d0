//! Where mutants are tested: the copy, and how long each stage takes without a fault.

use crate::judge::{Outcome, judge};
use crate::mutant::Mutant;
use crate::results::{Record, Verdict};
use crate::stages::{self, Places, Stage};
use crate::step::{self, End};
use anyhow::Context;
use harness_base::{Code, Interrupt, coded, tail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A first build of everything, on two cores.
const FIRST: Duration = Duration::from_secs(3600);
/// A mutant may be so many times slower than the code as it is, which may have had the machine to itself.
const TIMES: u32 = 5;
/// What every stage may take: builds of one crate and all above it, on two cores that compile for others too.
const AT_LEAST: Duration = Duration::from_secs(240);

/// The copy and what runs in it.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The copy of the checkout.
    pub copy: PathBuf,
    /// `xtask`, a copy too: the checkout may build another meanwhile.
    pub xtask: PathBuf,
    /// What a step says.
    pub log: PathBuf,
    /// The user's wish to stop.
    pub interrupt: &'a Interrupt,
    limits: BTreeMap<(String, Stage), Duration>,
}

impl<'a> Bench<'a> {
    /// In a folder of `target`.
    pub fn new(dir: &Path, interrupt: &'a Interrupt) -> Self {
        Self {
            copy: dir.join("copy"),
            xtask: dir.join("xtask"),
            log: dir.join("step.log"),
            interrupt,
            limits: BTreeMap::new(),
        }
    }

    fn places(&self) -> Places<'_> {
        Places {
            copy: &self.copy,
            xtask: &self.xtask,
        }
    }

    /// Runs every stage of these crates without a fault: what fails then would notice any mutant.
    ///
    /// # Errors
    /// The stage that fails, with its last words.
    pub async fn prepare(&mut self, packages: &[String]) -> anyhow::Result<()> {
        let mut phases = BTreeMap::<Stage, Duration>::new();
        for package in packages {
            for stage in stages::of(package) {
                let took = match phases.get(&stage) {
                    Some(took) => *took,
                    None => self.without_fault(package, stage).await?,
                };
                if matches!(stage, Stage::Phase1 | Stage::Phase2) {
                    phases.insert(stage, took);
                }
                let limit = (took * TIMES).max(AT_LEAST);
                self.limits.insert((package.clone(), stage), limit);
            }
        }
        Ok(())
    }

    /// How long a stage takes of the code as it is, once it is built.
    async fn without_fault(&self, package: &str, stage: Stage) -> anyhow::Result<Duration> {
        let name = format!("{} of {package} without a fault", stage.name());
        let mut took = Duration::ZERO;
        // The first builds what is not built.
        let build = matches!(stage, Stage::Unit | Stage::Dependents);
        for _ in 0..=usize::from(build) {
            let began = Instant::now();
            self.expect(stage.command(package, self.places()), &name)
                .await?;
            took = began.elapsed();
        }
        eprintln!("{name}: {:.1} s", took.as_secs_f32());
        Ok(took)
    }

    async fn expect(&self, command: harness_base::Command, what: &str) -> anyhow::Result<()> {
        let words = || tail(&self.log, 20).join("\n  ");
        match step::run(&command, &self.log, FIRST, self.interrupt).await? {
            End::Code(Some(0)) => Ok(()),
            End::Interrupted => Err(coded(Code::Interrupted, format!("interrupted: {what}"))),
            End::Late => Err(anyhow::anyhow!(
                "{what}: no end within {} s\n  {}",
                FIRST.as_secs(),
                words()
            )),
            End::Code(code) => {
                let code = code.map_or("by a signal".into(), |code| {
                    format!("with exit code {code}")
                });
                Err(anyhow::anyhow!("{what}: ended {code}\n  {}", words()))
            }
        }
    }

    /// Puts a mutant into the copy, asks one stage after the other, and takes it out again.
    ///
    /// # Errors
    /// A stage that cannot run; [`Code::Interrupted`].
    pub async fn test(&self, mutant: &Mutant) -> anyhow::Result<Record> {
        let (path, began) = (self.copy.join(&mutant.file), Instant::now());
        let read =
            || std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()));
        let whole = read()?;
        let write = |text: &str| {
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
        };
        write(&mutant.put_into(&whole)?)?;
        let result = self.ask(mutant).await;
        write(&whole)?;
        let (verdict, by) = result?;
        Ok(Record::new(
            mutant,
            verdict,
            by,
            began.elapsed().as_secs_f64(),
        ))
    }

    async fn ask(&self, mutant: &Mutant) -> anyhow::Result<(Verdict, Option<String>)> {
        for stage in stages::of(&mutant.package) {
            let limit = self.limits.get(&(mutant.package.clone(), stage));
            let limit = limit.copied().unwrap_or(AT_LEAST);
            let command = stage.command(&mutant.package, self.places());
            let code = match step::run(&command, &self.log, limit, self.interrupt).await? {
                End::Code(code) => code,
                End::Late => return Ok((Verdict::Timeout, Some(stage.name().into()))),
                End::Interrupted => return Err(coded(Code::Interrupted, "interrupted")),
            };
            let words = std::fs::read(&self.log).unwrap_or_default();
            match judge(stage, code, &String::from_utf8_lossy(&words)) {
                Outcome::Silent => {}
                Outcome::Noticed(by) => {
                    let unit = matches!(stage, Stage::Unit | Stage::Dependents);
                    let verdict = if unit {
                        Verdict::CaughtByUnit
                    } else {
                        Verdict::CaughtByE2e
                    };
                    return Ok((verdict, Some(by)));
                }
                Outcome::Unviable => return Ok((Verdict::Unviable, None)),
                Outcome::Broken(why) => anyhow::bail!(
                    "{}: {why}\n  {}",
                    mutant.name,
                    tail(&self.log, 20).join("\n  ")
                ),
            }
        }
        Ok((Verdict::Missed, None))
    }
}
