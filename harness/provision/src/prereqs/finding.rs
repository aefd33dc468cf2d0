//! One prerequisite and what was found.

use serde::Serialize;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There.
    Ok,
    /// Not there, and something cannot run without it.
    Missing,
    /// Not there; something else is used in its place.
    Optional,
}

/// One prerequisite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Short name, stable.
    pub name: &'static str,
    /// What the check found.
    pub state: State,
    /// What is there, or what is wrong.
    pub found: String,
    /// The command that mends it.
    pub fix: Option<String>,
    /// Phases that need it.
    #[serde(rename = "for")]
    pub phases: Vec<&'static str>,
}

/// Both phases.
pub const BOTH: [&str; 2] = ["phase1", "phase2"];

/// A finding: what is there, or what is wrong and how to mend it.
pub fn finding(
    name: &'static str,
    phases: &[&'static str],
    result: Result<String, String>,
    fix: String,
) -> Finding {
    let (state, found, fix) = match result {
        Ok(found) => (State::Ok, found, None),
        Err(why) => (State::Missing, why, Some(fix)),
    };
    Finding {
        name,
        state,
        found,
        fix,
        phases: phases.to_vec(),
    }
}
