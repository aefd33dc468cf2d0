//! The phases of a run.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// One server: no Temporal, no model.
    #[serde(rename = "phase1")]
    One,
    /// The whole chain.
    #[serde(rename = "phase2")]
    Two,
}

impl Phase {
    /// In order.
    pub const ALL: [Self; 2] = [Self::One, Self::Two];

    /// Names its folder, its test target and its records.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "phase1",
            Self::Two => "phase2",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which phases are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// Phase 1.
    pub one: bool,
    /// Phase 2.
    pub two: bool,
}

impl From<Phase> for Phases {
    /// This one alone.
    fn from(phase: Phase) -> Self {
        Self {
            one: phase == Phase::One,
            two: phase == Phase::Two,
        }
    }
}

impl Phases {
    /// Names, in order.
    pub fn names(self) -> Vec<&'static str> {
        [(self.one, Phase::One), (self.two, Phase::Two)]
            .into_iter()
            .filter(|(on, _)| *on)
            .map(|(_, phase)| phase.name())
            .collect()
    }
}
