//! Running one phase's tests, and reading how they went.

use crate::expression::{all_of, exactly};
use crate::lanes::Lanes;
use crate::nextest_metadata::Metadata;
use harness_base::{Command, Inherit};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What runs the tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestRunner {
    /// `cargo-nextest` at this path.
    Nextest(PathBuf),
    /// A shell command of the user's in place of the tests.
    Exec(String),
}

/// One phase's tests.
#[derive(Clone, Debug)]
pub struct Tests<'a> {
    /// `phase1` or `phase2`: the test target.
    pub phase: &'a str,
    /// Substring of test names, or a nextest filter expression (it has parentheses).
    pub filter: Option<&'a str>,
    /// Which of them, beyond that: an expression.
    pub narrowed: Option<&'a str>,
    /// Which lanes run.
    pub lanes: &'a Lanes,
    /// nextest's partition.
    pub shard: Option<&'a str>,
    /// For nextest, as they are.
    pub also: &'a [String],
    /// Which of several copies that run side by side.
    pub copy: Option<usize>,
    /// What nextest need not ask cargo again.
    pub metadata: Option<Metadata>,
    /// The phase's folder.
    pub dir: &'a Path,
    /// The checkout.
    pub root: &'a Path,
    /// How much is printed.
    pub talk: Talk,
}

/// How much nextest prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// Each test, and all that a failed one said.
    All,
    /// On a terminal: a line that moves, and the names of the failed; the run's last words say why.
    Terminal,
    /// In pipes and CI: the failed ones with all that they said.
    Lines,
}

impl Talk {
    /// What the user wants, where.
    pub fn of(verbose: bool, terminal: bool) -> Self {
        match (verbose, terminal) {
            (true, _) => Self::All,
            (false, true) => Self::Terminal,
            (false, false) => Self::Lines,
        }
    }

    fn args(self) -> &'static [&'static str] {
        match self {
            Self::All => &[],
            Self::Terminal => &[
                "--status-level",
                "fail",
                "--final-status-level",
                "none",
                "--failure-output",
                "never",
            ],
            Self::Lines => &["--status-level", "fail", "--final-status-level", "none"],
        }
    }
}

/// The command line. `stack.json` and a folder for temporary files are told by environment.
pub fn command(runner: &TestRunner, tests: Tests<'_>) -> Command {
    let command = match runner {
        TestRunner::Nextest(bin) => {
            let command = Command::new(bin)
                .args(["nextest", "run", "--profile", "e2e", "--no-tests", "pass"])
                .args(tests.talk.args().iter().copied())
                .args([
                    "--tool-config-file".to_owned(),
                    format!("xtask:{}", overlay_path(tests.dir, tests.copy).display()),
                ])
                // Our tests are not stopped by Ctrl-Z, against which each would be started through a second process.
                .env("NEXTEST_DOUBLE_SPAWN", "0");
            let command = match &tests.metadata {
                Some(metadata) => command.args(metadata.args()),
                None => command
                    .args(["--cargo-quiet"])
                    .args(["--test", tests.phase]),
            };
            // Words and expression narrow each other, expressions do not.
            let (expression, word) = match tests.filter {
                Some(filter) if filter.contains('(') => (Some(filter), None),
                word => (None, word),
            };
            let narrowed = tests.narrowed.map(str::to_owned);
            let filter = expression.map(str::to_owned);
            let expression = all_of([filter, narrowed, tests.lanes.expression()]);
            let command = match expression {
                Some(expression) => command.args(["-E".to_owned(), expression]),
                None => command,
            };
            let partition = tests.shard.map(|shard| ["--partition", shard]);
            let command = command.args(partition.into_iter().flatten()).args(word);
            command.args(tests.also.iter().cloned())
        }
        TestRunner::Exec(script) => Command::new("sh").args(["-c", script]),
    };
    let temp = tests.dir.join("data/tmp");
    command
        .env("E2E_STACK", tests.dir.join("stack.json").to_string_lossy())
        .env("TMPDIR", temp.to_string_lossy())
        .cwd(tests.root)
}

/// Which tests nextest is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// `cargo-nextest`.
    pub bin: &'a Path,
    /// The test target.
    pub phase: &'a str,
    /// What it need not ask cargo again.
    pub metadata: Option<&'a Metadata>,
    /// The checkout.
    pub root: &'a Path,
}

impl Selection<'_> {
    /// Asks which tests an expression stands for.
    pub fn list(&self, expression: &str) -> Command {
        let command = Command::new(self.bin)
            .args(["nextest", "list", "--profile", "e2e"])
            .args(["--message-format", "json", "-E", expression]);
        let command = match self.metadata {
            Some(metadata) => command.args(metadata.args()),
            None => command.args(["--cargo-quiet", "--test", self.phase]),
        };
        command.inherit(Inherit::TestTool).cwd(self.root)
    }
}

/// The tests of a list that match its expression.
pub fn matching(list: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(list).unwrap_or_default();
    let suites = list["rust-suites"].as_object().into_iter().flatten();
    let tests = suites.filter_map(|(_, suite)| suite["testcases"].as_object());
    let matches = |test: &Value| test["filter-match"]["status"] == "matches";
    tests
        .flatten()
        .filter(|(_, test)| matches(test))
        .map(|(name, _)| name.clone())
        .collect()
}

/// A nextest configuration of this phase alone, so that two runs never write one JUnit file; with tests that run first.
pub fn overlay(junit: &Path, first: &[String]) -> String {
    // A JSON string is a TOML basic string.
    let string = |text: String| serde_json::Value::from(text);
    let path = string(junit.to_string_lossy().into_owned());
    let mut text = format!("[profile.e2e.junit]\npath = {path}\n");
    if let Some(them) = exactly(first.iter().map(String::as_str)) {
        let them = string(them);
        text += &format!("[[profile.e2e.overrides]]\nfilter = {them}\npriority = 100\n");
    }
    text
}

/// Where [`overlay`] goes.
pub fn overlay_path(dir: &Path, copy: Option<usize>) -> PathBuf {
    match copy {
        None => dir.join("data/nextest.toml"),
        Some(copy) => dir.join(format!("data/nextest-{copy}.toml")),
    }
}

/// Where the report of the tests goes.
pub fn junit_path(dir: &Path, copy: Option<usize>) -> PathBuf {
    match copy {
        None => dir.join("junit.xml"),
        Some(copy) => dir.join(format!("stress/{copy}.xml")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{ALL, Has};
    use harness_provision::Mode;

    fn tests(filter: Option<&'static str>) -> Tests<'static> {
        Tests {
            phase: "phase1",
            filter,
            narrowed: None,
            shard: None,
            also: &[],
            copy: None,
            lanes: &ALL,
            metadata: None,
            dir: Path::new("/r/phase1"),
            root: Path::new("/w"),
            talk: Talk::All,
        }
    }

    #[test]
    fn command_lines() {
        let nextest = TestRunner::Nextest("cargo-nextest".into());
        insta::assert_snapshot!(command(&nextest, tests(None)).echo());
        assert!(
            command(&nextest, tests(Some("apply")))
                .echo()
                .ends_with("--test phase1 apply")
        );
        assert!(
            command(&nextest, tests(Some("test(/^a/)")))
                .echo()
                .ends_with("-E 'test(/^a/)'")
        );
    }

    #[test]
    fn lanes_narrow_what_the_user_asks_for() {
        let has = Has {
            model: false,
            tools: true,
            gateway: true,
            control: false,
        };
        let echo = |runner: &TestRunner, filter| {
            let tests = Tests {
                lanes: &Lanes::of(Mode::Replay, has),
                ..tests(filter)
            };
            let echo = command(runner, tests).echo();
            echo.split_once("--test phase1 ").unwrap().1.to_owned()
        };
        let nextest = TestRunner::Nextest("cargo-nextest".into());
        assert_eq!(echo(&nextest, None), "-E 'not test(/^(live|stack)::/)'");
        assert_eq!(
            echo(&nextest, Some("apply")),
            "-E 'not test(/^(live|stack)::/)' apply"
        );
        assert_eq!(
            echo(&nextest, Some("test(a) | test(b)")),
            "-E '(test(a) | test(b)) & (not test(/^(live|stack)::/))'"
        );
    }

    #[test]
    fn a_terminal_gets_a_line_and_a_pipe_the_failures() {
        assert_eq!(Talk::of(true, true), Talk::All);
        let echo = |terminal| {
            let tests = Tests {
                talk: Talk::of(false, terminal),
                ..tests(None)
            };
            command(&TestRunner::Nextest("n".into()), tests).echo()
        };
        assert!(
            echo(true)
                .contains("--status-level fail --final-status-level none --failure-output never")
        );
        assert!(echo(false).contains("--final-status-level none --tool-config-file"));
    }

    #[test]
    fn an_expression_is_asked_about() {
        let selection = Selection {
            bin: Path::new("cargo-nextest"),
            phase: "phase1",
            metadata: None,
            root: Path::new("/w"),
        };
        insta::assert_snapshot!(selection.list("test(/^a/)").echo(), @"cargo-nextest nextest list --profile e2e --message-format json -E 'test(/^a/)' --cargo-quiet --test phase1");
        let list = r#"{"rust-suites":{"t::phase1":{"testcases":{
            "a::b":{"filter-match":{"status":"matches"}},
            "c":{"filter-match":{"status":"mismatch","reason":"expression"}}}}}}"#;
        assert_eq!(matching(list), ["a::b"]);
        assert!(matching("half").is_empty());
    }

    #[test]
    fn overlay_survives_odd_paths() {
        let first = ["a::b".to_owned()];
        insta::assert_snapshot!(overlay(Path::new("/a \"b\"/junit.xml"), &first), @r#"
        [profile.e2e.junit]
        path = "/a \"b\"/junit.xml"
        [[profile.e2e.overrides]]
        filter = "test(=a::b)"
        priority = 100
        "#);
    }
}
