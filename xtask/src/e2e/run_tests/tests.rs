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

#[test]
fn another_run_meets_the_stack_that_this_one_did() {
    let args = |words: &[&str]| {
        let command = <Args as clap::Args>::augment_args(clap::Command::new("e2e"));
        let told = command.get_matches_from([&["e2e"], words].concat());
        <Args as clap::FromArgMatches>::from_arg_matches(&told).unwrap()
    };
    for (words, runtime, flags) in [
        (&[][..], Runtime::Native, ""),
        (&[], Runtime::Docker, " --runtime docker"),
        (&["--reuse"], Runtime::Docker, " --reuse"),
        (&["--reuse=as-is"], Runtime::Native, " --reuse=as-is"),
        (
            &["--reuse=external"],
            Runtime::External,
            " --reuse=external",
        ),
        (&["--parts", "a b"], Runtime::Native, " --parts 'a b'"),
    ] {
        assert_eq!(again(&args(words), Phase::Two, runtime), flags, "{words:?}");
    }
    let phase1 = again(&args(&["--reuse"]), Phase::One, Runtime::Native);
    assert_eq!(phase1, "", "it has a server of its own");
}
