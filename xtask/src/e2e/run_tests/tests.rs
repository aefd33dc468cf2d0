//! What the ends of test runners mean.

use super::*;
use harness_base::Command;

#[test]
fn what_could_not_run_is_no_failed_test() {
    let ran = Some(Counts::default());
    for code in [92, 95, 96, 101, 102, 104] {
        assert!(could_not_run(Some(code), None), "{code}");
    }
    for code in [Some(0), Some(FAILED), Some(1), Some(4), None] {
        assert!(!could_not_run(code, None), "{code:?}");
    }
    assert!(!could_not_run(Some(104), ran), "a list of its own failed");
    assert!(could_not_run(Some(101), ran));
}

#[tokio::test]
async fn of_copies_the_first_that_fails_tells() {
    let sh = |script: &&str| {
        let command = Command::new("sh").args(["-c", script]);
        spawn(&command, &Output::Inherit, None).unwrap()
    };
    for (scripts, code) in [
        (&["exit 0", "exit 0"][..], 0),
        (&["exit 101", "exit 0"], 101),
        (&["exit 0", "exit 101"], 101),
        (&["exit 3", "exit 101", "exit 0"], 3),
    ] {
        let processes: Vec<Process> = scripts.iter().map(sh).collect();
        assert_eq!(all(&processes).await.code, Some(code), "{scripts:?}");
    }
}
