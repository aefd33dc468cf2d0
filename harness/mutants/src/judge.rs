//! What the end of a stage says about a mutant.

use crate::stages::Stage;

/// How a stage went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It noticed nothing.
    Silent,
    /// It noticed, by this test or sign.
    Noticed(String),
    /// The mutant does not compile.
    Unviable,
    /// The stage itself could not run.
    Broken(String),
}

/// By exit code and words. nextest: 0 passed, 100 tests failed, 101 the build failed. xtask: 10 tests failed, 40 a service died
/// or did not become ready, 50 something was left behind.
pub fn judge(stage: Stage, code: Option<i32>, words: &str) -> Outcome {
    let by = || failed_test(words);
    match (stage, code) {
        (_, Some(0)) => Outcome::Silent,
        (Stage::Unit | Stage::Dependents, Some(100))
        | (Stage::Phase1 | Stage::Phase2, Some(10)) => {
            Outcome::Noticed(by().unwrap_or_else(|| "a test that is not named".into()))
        }
        (Stage::Unit | Stage::Dependents, Some(101)) => Outcome::Unviable,
        (Stage::Phase1 | Stage::Phase2, Some(40)) => {
            let by = by().unwrap_or_else(|| "a service that died or did not become ready".into());
            Outcome::Noticed(by)
        }
        (Stage::Phase1 | Stage::Phase2, Some(50)) => {
            Outcome::Noticed("what was left behind".into())
        }
        (Stage::Phase1 | Stage::Phase2, Some(1)) if words.contains("the build failed") => {
            Outcome::Unviable
        }
        (_, code) => {
            let code = code.map_or("a signal".into(), |code| format!("exit code {code}"));
            Outcome::Broken(format!("{} ended with {code}", stage.name()))
        }
    }
}

/// The first test that nextest says failed: `FAIL [ 0.1s] (3/9) crate::binary name`, `TIMEOUT`, `SIGABRT` and the like.
fn failed_test(words: &str) -> Option<String> {
    words.lines().find_map(|line| {
        let (status, rest) = line.trim_start().split_once(" [")?;
        let (_, rest) = rest.split_once("] ")?;
        let failed = matches!(status, "FAIL" | "TIMEOUT" | "ABORT" | "LEAK-FAIL" | "XFAIL")
            || (status.starts_with("SIG") && status.chars().all(char::is_alphanumeric));
        let rest = rest.trim_start();
        let name = match rest.strip_prefix('(') {
            Some(counted) => counted.split_once(") ")?.1,
            None => rest,
        };
        let late = if status == "TIMEOUT" {
            " (timed out)"
        } else {
            ""
        };
        failed.then(|| format!("{}{late}", name.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_exit_code() {
        let of = |stage, code| judge(stage, code, "");
        assert_eq!(of(Stage::Unit, Some(0)), Outcome::Silent);
        assert_eq!(of(Stage::Unit, Some(101)), Outcome::Unviable);
        assert!(matches!(
            of(Stage::Dependents, Some(100)),
            Outcome::Noticed(_)
        ));
        for code in [10, 40, 50] {
            assert!(
                matches!(of(Stage::Phase2, Some(code)), Outcome::Noticed(_)),
                "{code}"
            );
            assert!(
                matches!(of(Stage::Unit, Some(code)), Outcome::Broken(_)),
                "{code}"
            );
        }
        for code in [Some(1), Some(2), Some(20), Some(130), None] {
            assert!(
                matches!(of(Stage::Phase1, code), Outcome::Broken(_)),
                "{code:?}"
            );
        }
        let words = "error: the build failed (exit code 101); cargo says why above";
        assert_eq!(judge(Stage::Phase1, Some(1), words), Outcome::Unviable);
    }

    #[test]
    fn the_test_that_noticed() {
        let of = |line: &str| {
            failed_test(&format!(
                "   Compiling it\n        PASS [   0.1s] a b\n{line}\n"
            ))
        };
        let found = [
            (
                "        FAIL [   0.005s] (12/90) it::server ops::refuses",
                Some("it::server ops::refuses"),
            ),
            (
                "        FAIL [   0.005s] it ops::refuses",
                Some("it ops::refuses"),
            ),
            ("     SIGABRT [   0.1s] (  3/90) it a", Some("it a")),
            (
                "     TIMEOUT [  30.0s] (  3/90) it a",
                Some("it a (timed out)"),
            ),
            ("        SLOW [> 30.0s] (─────) it a", None),
            ("        LEAK [   0.1s] (  3/90) it a", None),
        ];
        for (line, name) in found {
            assert_eq!(of(line).as_deref(), name, "{line}");
        }
    }
}
