//! Which phase, on the command line.

use harness_base::Phases;

/// Which phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PhaseChoice {
    /// One server: no Temporal, no model
    Phase1,
    /// The whole chain
    Phase2,
    /// Both
    All,
}

impl From<PhaseChoice> for Phases {
    fn from(choice: PhaseChoice) -> Self {
        Self {
            one: choice != PhaseChoice::Phase2,
            two: choice != PhaseChoice::Phase1,
        }
    }
}
