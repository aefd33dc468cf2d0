//! What all parts of a command that starts things share: configuration, run folder, signals, the build, times.

use crate::artifacts::Artifacts;
use crate::config::Config;
use crate::docker::leftovers;
use crate::exit::{Code, coded};
use crate::process::quoted;
use crate::run::info::{self, Info};
use crate::run::{Run, runs_dir, sweep};
use crate::signals::Interrupt;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// One command that starts things.
#[derive(Debug)]
pub struct RunContext {
    /// `e2e.toml`.
    pub config: Config,
    /// Its run.
    pub run: Run,
    /// The user's wish to stop.
    pub interrupt: Interrupt,
    /// When it began.
    pub began: Instant,
    built: watch::Sender<Option<Option<Arc<Artifacts>>>>,
    steps: Mutex<Vec<(String, Duration)>>,
}

impl RunContext {
    /// Makes the run's folder and sweeps what dead runs left. Whoever has a handler for signals hands it in, so that
    /// nothing is asked or made before there is one.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub async fn begin(
        root: &Path,
        config: Config,
        interrupt: Interrupt,
        began: Instant,
    ) -> anyhow::Result<Arc<Self>> {
        let run = Run::create(root)?;
        let term = Duration::from_secs(config.stop.term_seconds);
        let runs = runs_dir(root);
        // What asks others goes first: this process looks at its own meanwhile.
        let (in_docker, commit, swept) = tokio::join!(
            leftovers::sweep(root, config.stop.docker_limit()),
            info::commit(root),
            sweep::sweep(&runs, config.evidence.keep_runs, term)
        );
        Info::change(&run.dir, |info| info.commit = commit)?;
        for run in &swept.runs {
            eprintln!("swept the dead run {run}");
        }
        if swept.processes > 0 {
            eprintln!("ended {} of its processes", swept.processes);
        }
        for (dir, info) in &swept.left_alone {
            eprintln!("{}", left_alone(dir, info));
        }
        for it in sweep::unreadable(&runs) {
            eprintln!("{}", it.line());
        }
        for swept in in_docker {
            eprintln!("removed what the dead run {swept} had in Docker");
        }
        Ok(Arc::new(Self {
            config,
            run,
            interrupt,
            began,
            built: watch::channel(None).0,
            steps: Mutex::default(),
        }))
    }

    /// That of a run which another command began, for one that changes it: nothing is made or swept.
    pub fn open(config: Config, run: Run, interrupt: Interrupt) -> Arc<Self> {
        Arc::new(Self {
            config,
            run,
            interrupt,
            began: Instant::now(),
            built: watch::channel(None).0,
            steps: Mutex::default(),
        })
    }

    /// Says what was built, or that the build did not work, to everybody who waits for it.
    pub fn built(&self, artifacts: Option<Artifacts>) {
        self.built.send_replace(Some(artifacts.map(Arc::new)));
    }

    /// Waits for the build; what it made.
    ///
    /// # Errors
    /// [`Code::Fault`] when it did not work: it reports itself, this only ends what waited for it.
    pub async fn wait_built(&self) -> anyhow::Result<Arc<Artifacts>> {
        let mut receiver = self.built.subscribe();
        let built = receiver.wait_for(Option::is_some).await;
        let artifacts = built.ok().and_then(|built| built.clone().flatten());
        artifacts.ok_or_else(|| coded(Code::Fault, "not started, since the build did not finish"))
    }

    /// What the build made.
    ///
    /// # Errors
    /// When it has not ended, or did not work.
    pub fn artifacts(&self) -> anyhow::Result<Arc<Artifacts>> {
        let built = self.built.borrow().clone().flatten();
        built.ok_or_else(|| coded(Code::Fault, "nothing was built yet"))
    }

    /// Notes in `timeline.jsonl` what took `time` and has just ended, for the report.
    pub fn span(&self, name: &str, time: Duration) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let began = now.unwrap_or_default().saturating_sub(time).as_millis();
        let line = format!(
            "{}\n",
            json!({ "name": name, "began": began as u64, "took": time.as_millis() as u64 })
        );
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .append(true)
            .open(self.run.dir.join("timeline.jsonl"));
        // A report without a bar is still one.
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }

    /// Records a step's time.
    pub fn step(&self, name: &str, time: Duration) {
        self.span(name, time);
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.push((name.to_owned(), time));
    }

    /// The steps so far.
    pub fn steps(&self) -> Vec<(String, Duration)> {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.clone()
    }

    /// Does a step, until the first signal, and records its time.
    ///
    /// # Errors
    /// The step's own; [`Code::Interrupted`].
    pub async fn timed<T>(
        &self,
        name: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let began = Instant::now();
        let done = tokio::select! {
            done = work => done,
            () = self.interrupt.reached(1) => Err(coded(Code::Interrupted, format!("interrupted: {name}"))),
        };
        self.step(name, began.elapsed());
        done
    }
}

/// Of a run of another machine, what ends it for good: a command that people paste.
fn left_alone(dir: &Path, info: &Info) -> String {
    let place = info.owner.place.split(':').next().unwrap_or_default();
    let (id, dir) = (&info.run_id, quoted(&dir.to_string_lossy()));
    format!(
        "left the run {id} alone: it is of {place}, where nobody can look from here (if it is over: rm -r {dir})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_removes_a_run_removes_nothing_else() {
        let info = Info::new("r", Path::new("/")).unwrap();
        let said = left_alone(Path::new("/a place/of runs/r"), &info);
        assert!(
            said.ends_with("(if it is over: rm -r '/a place/of runs/r')"),
            "{said}"
        );
    }
}
