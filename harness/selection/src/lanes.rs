//! Lanes: the first segment of a test's name says what answers in the model's place.

use harness_base::{Command, query};
use harness_provision::Mode;
use std::path::Path;
use std::time::Duration;

/// In the order in which people read them; a name without any of these counts as a lane of its own.
pub const KNOWN: [&str; 5] = ["scripted", "replayed", "volume", "live", "stack"];

/// The part of the live lane whose agents have tools, which not every model takes.
pub const LIVE_TOOLS: &str = "live::tools";

/// Which lanes a run has: those that it leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    out: Vec<&'static str>,
}

/// What a stack has, for those lanes that need it.
#[derive(Clone, Copy, Debug)]
pub struct Has {
    /// A live model.
    pub model: bool,
    /// A live model that takes tools, or none.
    pub tools: bool,
    /// A gateway that takes scripts.
    pub gateway: bool,
    /// Services that tests may hurt.
    pub control: bool,
}

/// Every lane.
pub static ALL: Lanes = Lanes { out: Vec::new() };

impl Lanes {
    /// What `--model` and the stack make of it.
    pub fn of(mode: Mode, has: Has) -> Self {
        let runs = |lane: &str| match lane {
            "replayed" => has.gateway,
            _ if mode == Mode::Record => false,
            "scripted" | "volume" => has.gateway,
            "live" => has.model,
            LIVE_TOOLS => has.tools,
            "stack" => has.control,
            _ => true,
        };
        Self {
            out: (KNOWN.into_iter().chain([LIVE_TOOLS]))
                .filter(|lane| !runs(lane))
                .collect(),
        }
    }

    /// Whether none is left out.
    pub fn all(&self) -> bool {
        self.out.is_empty()
    }

    /// Those that are left out.
    pub fn left_out(&self) -> &[&'static str] {
        &self.out
    }

    /// For nextest.
    pub fn expression(&self) -> Option<String> {
        (!self.all()).then(|| format!("not test(/^({})::/)", self.out.join("|")))
    }

    /// Whether a test of this name runs.
    pub fn has(&self, name: &str) -> bool {
        let within = |lane: &str| {
            let rest = name.strip_prefix(lane);
            rest.is_some_and(|rest| rest.starts_with("::"))
        };
        !self.out.iter().any(|lane| within(lane))
    }
}

/// The lane of a test.
pub fn of(name: &str) -> &str {
    name.split("::").next().unwrap_or(name)
}

/// The tests of a target, by asking its binary.
pub async fn tests_of(binary: &Path) -> Vec<String> {
    // It reads its own table and answers within milliseconds.
    let list = Command::new(binary).args(["--list", "--format", "terse"]);
    let said = query(list, Duration::from_secs(10)).await;
    let said = said.map_or_else(|_| String::new(), |answer| answer.stdout);
    let tests = said.lines().filter_map(|line| line.strip_suffix(": test"));
    tests.map(str::to_owned).collect()
}

/// How many tests of a target the lanes leave out.
pub async fn left_out(binary: &Path, lanes: &Lanes) -> usize {
    let tests = tests_of(binary).await;
    tests.iter().filter(|name| !lanes.has(name)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_tests_run() {
        let names = [
            "scripted::a",
            "replayed::a",
            "live::a",
            "live::tools::a",
            "stack::a",
            "alive::live::a",
            "lively",
        ];
        let run = |lanes: Lanes| names.map(|name| lanes.has(name));
        let of = |mode, model, gateway, control| {
            let has = Has {
                model,
                tools: true,
                gateway,
                control,
            };
            run(Lanes::of(mode, has))
        };
        assert_eq!(run(ALL.clone()), [true; 7]);
        assert_eq!(of(Mode::Auto, true, true, true), [true; 7]);
        assert_eq!(
            of(Mode::Replay, false, true, true),
            [true, true, false, false, true, true, true]
        );
        assert_eq!(
            of(Mode::Live, true, true, false),
            [true, true, true, true, false, true, true]
        );
        assert_eq!(
            of(Mode::Auto, true, false, false),
            [false, false, true, true, false, true, true]
        );
        assert_eq!(
            of(Mode::Record, true, true, true),
            [false, true, false, false, false, true, true]
        );
    }

    #[test]
    fn a_model_without_tools_runs_the_live_lane_but_for_them() {
        let has = Has {
            model: true,
            tools: false,
            gateway: true,
            control: true,
        };
        let lanes = Lanes::of(Mode::Auto, has);
        let expression = lanes.expression();
        assert_eq!(expression.as_deref(), Some("not test(/^(live::tools)::/)"));
        assert!(
            !lanes.has("live::tools::a") && lanes.has("live::toolsmith") && lanes.has("live::a")
        );
        assert_eq!(of("live::tools::a"), "live");
    }
}
