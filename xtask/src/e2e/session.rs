//! What all parts of a command share: configuration, run folder, signals, the first cause, times.

use super::Phases;
use super::nextest::Runner;
use super::provision;
use crate::config::Config;
use crate::docker::leftovers;
use crate::run::{Run, runs_dir, sweep};
use crate::signals::Interrupt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, watch};

/// One command that starts things.
#[derive(Debug)]
pub struct Session {
    /// `e2e.toml`.
    pub config: Arc<Config>,
    /// Its run.
    pub run: Run,
    /// The user's wish to stop.
    pub interrupt: Interrupt,
    /// What it runs.
    pub phases: Phases,
    /// When it began.
    pub began: Instant,
    built: watch::Sender<Option<bool>>,
    runner: OnceCell<Runner>,
    causes: Mutex<Vec<anyhow::Error>>,
    steps: Mutex<Vec<(String, Duration)>>,
}

impl Session {
    /// Installs signal handling, makes the run's folder, sweeps what dead runs left.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub async fn begin(root: &Path, config: Config, phases: Phases) -> anyhow::Result<Self> {
        let began = Instant::now();
        let interrupt = Interrupt::install()?;
        let run = Run::create(root)?;
        report_sweep(
            &sweep::sweep(
                &runs_dir(root),
                config.evidence.keep_runs,
                Duration::from_secs(config.stop.term_seconds),
            )
            .await,
        );
        for swept in leftovers::sweep(root, config.stop.docker_limit()).await {
            eprintln!("removed what the dead run {swept} had in Docker");
        }
        Ok(Self {
            config: Arc::new(config),
            run,
            interrupt,
            phases,
            began,
            built: watch::channel(None).0,
            runner: OnceCell::new(),
            causes: Mutex::default(),
            steps: Mutex::default(),
        })
    }

    /// Says whether the build worked, to everybody who waits for it.
    pub fn built(&self, worked: bool) {
        self.built.send_replace(Some(worked));
    }

    /// Waits for the build; whether it worked.
    pub async fn wait_built(&self) -> bool {
        let mut receiver = self.built.subscribe();
        receiver
            .wait_for(Option::is_some)
            .await
            .is_ok_and(|built| *built == Some(true))
    }

    /// What runs the tests, found or fetched once.
    ///
    /// # Errors
    /// [`Code::Missing`] when it cannot be had.
    pub async fn runner(&self, exec: Option<&str>) -> anyhow::Result<Runner> {
        let find = async {
            if let Some(script) = exec {
                return Ok(Runner::Exec(script.to_owned()));
            }
            anyhow::Ok(Runner::Nextest(provision::nextest(&self.config).await?))
        };
        Ok(self.runner.get_or_try_init(|| find).await?.clone())
    }

    /// Records why the command cannot pass; the first one decides the exit code.
    pub fn cause(&self, error: anyhow::Error) {
        if let Ok(mut causes) = self.causes.lock() {
            causes.push(error);
        }
    }

    /// The causes, first one first.
    pub fn causes(&self) -> Vec<anyhow::Error> {
        self.causes
            .lock()
            .map(|mut causes| std::mem::take(&mut *causes))
            .unwrap_or_default()
    }

    /// Records a step's time.
    pub fn step(&self, name: &str, time: Duration) {
        if let Ok(mut steps) = self.steps.lock() {
            steps.push((name.to_owned(), time));
        }
    }

    /// The steps so far.
    pub fn steps(&self) -> Vec<(String, Duration)> {
        self.steps
            .lock()
            .map(|steps| steps.clone())
            .unwrap_or_default()
    }
}

/// Tells people what a sweep ended; silent when there was nothing.
pub fn report_sweep(swept: &sweep::Swept) {
    for run in &swept.runs {
        eprintln!("swept the dead run {run}");
    }
    if swept.processes > 0 {
        eprintln!("ended {} of its processes", swept.processes);
    }
}
