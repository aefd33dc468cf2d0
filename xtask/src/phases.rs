//! The phases of a run.

/// Phases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// Phase 1.
    pub one: bool,
    /// Phase 2.
    pub two: bool,
}

impl Phases {
    /// Names, in order.
    pub fn names(self) -> Vec<&'static str> {
        [(self.one, "phase1"), (self.two, "phase2")]
            .into_iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| name)
            .collect()
    }
}
