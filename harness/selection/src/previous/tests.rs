//! What is left of earlier runs, by what lies in their folders.

use super::*;

const JUNIT: &str = r#"<testsuites><testsuite>
    <testcase name="a::good" time="0.1"/>
    <testcase name="b::bad" time="0.2"><failure message="m">Error: x</failure></testcase>
</testsuite></testsuites>"#;

fn run(complete: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let filter = |phase| (phase == Phase::Two).then(|| "test(~b)".to_owned());
    Selection::begin(dir.path(), &Phase::ALL, filter).unwrap();
    std::fs::create_dir(dir.path().join("phase1")).unwrap();
    std::fs::write(dir.path().join("phase1/junit.xml"), JUNIT).unwrap();
    Selection::note(dir.path(), Phase::One, None, complete).unwrap();
    dir
}

#[test]
fn what_failed_is_run_again_and_a_phase_that_never_ran_as_a_whole() {
    let dir = run(true);
    let left = Unfinished::in_folder(dir.path()).unwrap();
    assert_eq!(left.phases["phase1"].as_deref(), Some("test(=b::bad)"));
    assert_eq!(left.phases["phase2"].as_deref(), Some("test(~b)"));
    assert_eq!(left.failed["phase1"], ["b::bad"]);
    assert!(left.failed["phase2"].is_empty());
}

#[test]
fn of_tests_that_were_stopped_all_but_the_passed_ones_are_open() {
    let dir = run(false);
    let left = Unfinished::in_folder(dir.path()).unwrap();
    assert_eq!(
        left.phases["phase1"].as_deref(),
        Some("not (test(=a::good))")
    );
}

#[test]
fn a_phase_without_a_failure_is_done() {
    let dir = run(true);
    let passed = JUNIT.replace("failure", "system-out");
    std::fs::write(dir.path().join("phase1/junit.xml"), passed).unwrap();
    Selection::note(dir.path(), Phase::Two, None, true).unwrap();
    std::fs::create_dir(dir.path().join("phase2")).unwrap();
    let none = "<testsuites tests=\"0\"></testsuites>";
    std::fs::write(dir.path().join("phase2/junit.xml"), none).unwrap();
    let left = Unfinished::in_folder(dir.path()).unwrap();
    assert!(left.phases.is_empty(), "{left:?}");
}

#[test]
fn evidence_is_found_in_a_folder_of_its_own_and_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("download/20260131-101530-k3f9");
    std::fs::create_dir_all(&inner).unwrap();
    std::os::unix::fs::symlink(&inner, dir.path().join("download/latest")).unwrap();
    let error = Unfinished::in_folder(dir.path()).unwrap_err();
    assert!(
        error.to_string().contains("no evidence of a run"),
        "{error}"
    );
    Selection::begin(&inner, &[Phase::One], |_| None).unwrap();
    let left = Unfinished::in_folder(dir.path()).unwrap();
    assert_eq!(
        (left.runs, left.phases["phase1"].clone()),
        (vec![inner.canonicalize().unwrap()], None)
    );
}

#[test]
fn a_report_that_cannot_be_read_proves_nothing_passed() {
    let dir = run(true);
    let junit = dir.path().join("phase1/junit.xml");
    Selection::note(dir.path(), Phase::One, Some("test(~a)".into()), true).unwrap();
    let doubted = |why: &str| {
        let left = Unfinished::in_folder(dir.path()).unwrap();
        assert_eq!(left.phases["phase1"].as_deref(), Some("test(~a)"), "{why}");
        assert_eq!(left.doubts.len(), 1, "{:?}", left.doubts);
        assert!(left.doubts[0].contains(why), "{:?}", left.doubts);
    };
    for cut in [
        &JUNIT.as_bytes()[..50],
        b"",
        b"\xff\xfe<\0",
        b"<html></html>",
    ] {
        std::fs::write(&junit, cut).unwrap();
        doubted(if cut.starts_with(b"\xff") {
            "UTF-8"
        } else {
            "no whole report"
        });
    }
    std::fs::remove_file(&junit).unwrap();
    doubted("it is not there");
    std::fs::create_dir(&junit).unwrap();
    doubted("directory");
    std::fs::remove_dir_all(dir.path().join("phase1")).unwrap();
    std::os::unix::fs::symlink("phase1", dir.path().join("phase1")).unwrap();
    doubted("symbolic links");
}

#[test]
fn what_failed_in_any_shard_is_run_again() {
    let dir = tempfile::tempdir().unwrap();
    for (shard, name) in [
        ("job-1/20260131-101530-aaaa", "b::bad"),
        ("job-2/20260131-101530-bbbb", "c::bad"),
    ] {
        let run = dir.path().join(shard);
        std::fs::create_dir_all(run.join("phase1")).unwrap();
        Selection::begin(&run, &[Phase::One], |_| None).unwrap();
        Selection::note(&run, Phase::One, None, true).unwrap();
        std::fs::write(run.join("phase1/junit.xml"), JUNIT.replace("b::bad", name)).unwrap();
    }
    let left = Unfinished::in_folder(dir.path()).unwrap();
    assert_eq!(
        left.phases["phase1"].as_deref(),
        Some("(test(=b::bad)) | (test(=c::bad))")
    );
    assert_eq!(left.failed["phase1"], ["b::bad", "c::bad"]);
    assert_eq!(left.runs.len(), 2);
    // One that never ran its tests leaves all of them to do.
    Selection::note(&left.runs[1], Phase::One, None, false).unwrap();
    std::fs::remove_file(left.runs[1].join("phase1/junit.xml")).unwrap();
    let left = Unfinished::in_folder(dir.path()).unwrap();
    assert_eq!((left.phases["phase1"].clone(), left.doubts), (None, vec![]));
}

#[test]
fn a_damaged_selection_is_no_empty_one() {
    let dir = run(true);
    for text in [
        "",
        "{",
        "null",
        "{}",
        r#"{"phases":{"phase9":{"expression":null,"complete":true}}}"#,
    ] {
        std::fs::write(dir.path().join(FILE), text).unwrap();
        let error = Unfinished::in_folder(dir.path()).unwrap_err();
        assert_eq!(harness_base::code_of(&error), Code::Usage, "{error:#}");
        assert!(error.to_string().contains(FILE), "{error:#}");
    }
}
