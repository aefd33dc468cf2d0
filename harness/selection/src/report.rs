//! What people read at the end.

pub mod github;
pub mod summary;
pub mod tally;

use harness_base::Phase;
use harness_base::run::info::Judged;
use harness_base::run::junit::Case;
use std::time::Duration;
use tally::{Counts, Tally};

/// How one phase went.
#[derive(Debug)]
pub struct PhaseReport {
    /// Which.
    pub phase: Phase,
    /// From JUnit; `None` when the tests did not run or were not counted.
    pub counts: Option<Counts>,
    /// The tests that ran.
    pub cases: Vec<Case>,
    /// What is known to differ, and what became of it; `None` where nothing is listed.
    pub judged: Option<Judged>,
    /// The same by lane, where the phase has lanes.
    pub lanes: Vec<Tally>,
    /// How many tests the lanes left out.
    pub left_out: usize,
    /// Why, where a lane did not run.
    pub without: Option<String>,
    /// What answered in the live lane, for people.
    pub model: Option<String>,
    /// The tests' time.
    pub tests: Duration,
    /// From the first start of a service to the last one's readiness.
    pub ready: Option<Duration>,
    /// From start to ready, by service.
    pub services: Vec<(String, Duration)>,
    /// What ran, on what.
    pub on: Vec<String>,
    /// Where, if not on host processes: nothing there takes as long as elsewhere.
    pub place: Option<&'static str>,
    /// Flags by which another run meets the same, each with a blank before it.
    pub again: String,
    /// Why it did not run or did not pass.
    pub trouble: Option<anyhow::Error>,
    /// Nothing of it ran.
    pub skipped: bool,
    /// It may be skipped: its trouble fails nobody.
    excused: bool,
}

impl PhaseReport {
    /// Of a phase that nothing is known of yet.
    pub fn new(phase: Phase) -> Self {
        Self {
            phase,
            counts: None,
            cases: Vec::new(),
            judged: None,
            lanes: Vec::new(),
            left_out: 0,
            without: None,
            model: None,
            tests: Duration::ZERO,
            ready: None,
            services: Vec::new(),
            on: Vec::new(),
            place: None,
            again: String::new(),
            trouble: None,
            skipped: false,
            excused: false,
        }
    }

    /// Nothing of it runs, for this reason; whether the run may pass all the same.
    pub fn skip(&mut self, why: anyhow::Error, excused: bool) {
        (self.trouble, self.skipped, self.excused) = (Some(why), true, excused);
    }

    /// Why the run cannot pass, as far as this phase goes.
    pub fn cause(&self) -> Option<&anyhow::Error> {
        self.trouble.as_ref().filter(|_| !self.excused)
    }
}
