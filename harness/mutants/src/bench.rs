//! Where mutants are tested: the copy, and how long each stage takes without a fault.

use crate::judge::{Outcome, judge};
use crate::mutant::Mutant;
use crate::results::{Record, Verdict};
use crate::stages::{self, Places, Stage};
use crate::step::{self, End};
use crate::switch::Switch;
use crate::together::Together;
use anyhow::Context;
use harness_base::{Code, Interrupt, coded, tail};
use std::collections::{BTreeMap, BTreeSet};
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
    switch: Switch,
    without: BTreeMap<(String, Stage), Without>,
}

/// How a stage went without a fault.
#[derive(Clone, Debug)]
struct Without {
    limit: Duration,
    /// The woven mutants that it came by.
    passed: BTreeSet<usize>,
}

impl<'a> Bench<'a> {
    /// In a folder of `target`.
    pub fn new(dir: &Path, interrupt: &'a Interrupt) -> Self {
        Self {
            copy: dir.join("copy"),
            xtask: dir.join("xtask"),
            log: dir.join("step.log"),
            interrupt,
            switch: Switch::new(dir),
            without: BTreeMap::new(),
        }
    }

    fn places(&self) -> Places<'_> {
        Places {
            copy: &self.copy,
            xtask: &self.xtask,
        }
    }

    /// Puts as many of them into the copy as compile side by side, and returns their numbers.
    ///
    /// # Errors
    /// When the copy does not compile, whatever is left out.
    pub async fn weave(
        &self,
        together: &mut Together<'_>,
        packages: &[String],
    ) -> anyhow::Result<BTreeSet<usize>> {
        self.switch.off()?;
        let selections: BTreeSet<_> = packages.iter().map(|it| stages::selection(it)).collect();
        let build = async || {
            let mut failed = String::new();
            for selection in &selections {
                let build = stages::build(selection, self.places());
                match step::run(&build, &self.log, FIRST, self.interrupt).await? {
                    End::Code(Some(0)) => {}
                    End::Interrupted => return Err(coded(Code::Interrupted, "interrupted")),
                    End::Code(_) | End::Late => {
                        let words = std::fs::read(&self.log).unwrap_or_default();
                        failed.push_str(&String::from_utf8_lossy(&words));
                    }
                }
            }
            Ok((!failed.is_empty()).then_some(failed))
        };
        let settled = together.settle(&self.switch, build).await;
        settled.with_context(|| format!("{} says why", self.log.display()))
    }

    /// Runs every stage of these crates without a fault: what fails then would notice any mutant. Of the woven ones it is noted
    /// who comes by.
    ///
    /// # Errors
    /// The stage that fails, with its last words.
    pub async fn prepare(&mut self, packages: &[String]) -> anyhow::Result<()> {
        let mut phases = BTreeMap::<Stage, Without>::new();
        for package in packages {
            for stage in stages::of(package) {
                let without = match phases.get(&stage) {
                    Some(without) => without.clone(),
                    None => self.without_fault(package, stage).await?,
                };
                if matches!(stage, Stage::Phase1 | Stage::Phase2) {
                    phases.insert(stage, without.clone());
                }
                self.without.insert((package.clone(), stage), without);
            }
        }
        Ok(())
    }

    /// How long a stage takes of the code as it is, which is built by now, and what it comes by.
    async fn without_fault(&self, package: &str, stage: Stage) -> anyhow::Result<Without> {
        let name = format!("{} of {package} without a fault", stage.name());
        self.switch.note()?;
        let began = Instant::now();
        self.expect(stage.command(package, self.places()), &name)
            .await?;
        let took = began.elapsed();
        eprintln!("{name}: {:.1} s", took.as_secs_f32());
        let limit = (took * TIMES).max(AT_LEAST);
        let passed = self.switch.passed()?;
        self.switch.off()?;
        Ok(Without { limit, passed })
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

    /// Turns on a mutant that is woven in, and asks the stages that come by it, one after the other.
    ///
    /// # Errors
    /// A stage that cannot run; [`Code::Interrupted`].
    pub async fn test_woven(&self, mutant: &Mutant, number: usize) -> anyhow::Result<Record> {
        self.switch.on(number)?;
        let record = self.ask(mutant, Some(number)).await;
        self.switch.off()?;
        record
    }

    /// Puts a mutant into the copy, asks one stage after the other, and takes it out again.
    ///
    /// # Errors
    /// A stage that cannot run; [`Code::Interrupted`].
    pub async fn test_alone(&self, mutant: &Mutant) -> anyhow::Result<Record> {
        let path = self.copy.join(&mutant.file);
        let read =
            || std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()));
        let whole = read()?;
        let write = |text: &str| {
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
        };
        write(&mutant.put_into(&whole)?)?;
        let record = self.ask(mutant, None).await;
        write(&whole)?;
        record
    }

    async fn ask(&self, mutant: &Mutant, number: Option<usize>) -> anyhow::Result<Record> {
        let began = Instant::now();
        let mut asked = 0;
        let mut end = (Verdict::Missed, None);
        for stage in stages::of(&mutant.package) {
            let without = self.without.get(&(mutant.package.clone(), stage));
            let passes = |number| without.is_none_or(|it| it.passed.contains(&number));
            if !number.is_none_or(passes) {
                continue;
            }
            asked += 1;
            if let Some(found) = self.ask_stage(mutant, stage, without).await? {
                end = found;
                break;
            }
        }
        let mut record = Record::new(mutant, end.0, end.1, began.elapsed().as_secs_f64());
        record.reached = asked > 0;
        Ok(record)
    }

    /// What a stage says; none where it notices nothing.
    async fn ask_stage(
        &self,
        mutant: &Mutant,
        stage: Stage,
        without: Option<&Without>,
    ) -> anyhow::Result<Option<(Verdict, Option<String>)>> {
        let limit = without.map_or(AT_LEAST, |it| it.limit);
        let command = stage.command(&mutant.package, self.places());
        let code = match step::run(&command, &self.log, limit, self.interrupt).await? {
            End::Code(code) => code,
            End::Late => return Ok(Some((Verdict::Timeout, Some(stage.name().into())))),
            End::Interrupted => return Err(coded(Code::Interrupted, "interrupted")),
        };
        let words = std::fs::read(&self.log).unwrap_or_default();
        Ok(match judge(stage, code, &String::from_utf8_lossy(&words)) {
            Outcome::Silent => None,
            Outcome::Noticed(by) => {
                let unit = matches!(stage, Stage::Unit | Stage::Dependents);
                let verdict = if unit {
                    Verdict::CaughtByUnit
                } else {
                    Verdict::CaughtByE2e
                };
                Some((verdict, Some(by)))
            }
            Outcome::Unviable => Some((Verdict::Unviable, None)),
            Outcome::Broken(why) => anyhow::bail!(
                "{}: {why}\n  {}",
                mutant.name,
                tail(&self.log, 20).join("\n  ")
            ),
        })
    }
}
