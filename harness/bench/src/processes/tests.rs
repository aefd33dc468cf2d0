use super::*;

fn stat(pid: i32, name: &str, parent: i32, own: u64, children: u64) -> Stat {
    let start = u64::try_from(pid).unwrap();
    Stat {
        pid,
        name: name.to_owned(),
        parent,
        own,
        children,
        start,
    }
}

#[test]
fn a_line_of_stat() {
    let text = "12 (a) b (c) S 7 12 12 0 -1 4194304 1 2 3 4 100 20 3000 400 20 0 1 0 987654 1 2 3";
    let expected = Stat {
        pid: 12,
        name: "a) b (c".to_owned(),
        parent: 7,
        own: 120,
        children: 3400,
        start: 987_654,
    };
    assert_eq!(Stat::parse(text), Some(expected));
    assert_eq!(Stat::parse("nonsense"), None);
    assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2.0));
}

#[test]
fn only_what_stands_below_is_counted() {
    let all = vec![
        stat(1, "init", 0, 1, 0),
        stat(10, "bench", 1, 1, 0),
        stat(11, "xtask", 10, 1, 0),
        stat(12, "temporal", 11, 1, 0),
        stat(20, "temporal", 1, 1, 0),
    ];
    let found: Vec<i32> = below(all, 10).iter().map(|stat| stat.pid).collect();
    assert_eq!(found, [11, 12]);
}

#[test]
fn parts_are_summed_and_tests_are_their_runners_children() {
    let mut seen = Seen::default();
    let none = |_| None;
    seen.look(
        &[
            stat(12, "stigmer-server", 11, 100, 50),
            stat(13, "xtask", 10, 9, 9),
        ],
        none,
    );
    seen.look(
        &[
            stat(12, "stigmer-server", 11, 250, 50),
            stat(14, "stigmer-server", 11, 50, 0),
            stat(15, "cargo-nextest", 11, 10, 90),
            stat(16, "phase2-0123abcd", 15, 70, 0),
        ],
        none,
    );
    let taken: Vec<_> = seen
        .taken()
        .into_iter()
        .map(|(part, it)| (part, it.seconds))
        .collect();
    assert_eq!(taken, [("server", 3.0), ("tests", 1.0)]);
}

#[test]
fn memory_is_that_of_the_shared_instance_while_tests_run() {
    let mut seen = Seen::default();
    let (server, runner) = (
        stat(12, "stigmer-server", 11, 0, 0),
        stat(15, "cargo-nextest", 11, 0, 0),
    );
    let of = |mib: f64| move |pid: i32| Some(if pid == 12 { mib } else { 1.0 });
    seen.look(std::slice::from_ref(&server), of(5.0));
    assert_eq!(seen.taken()["server"].idle, None, "nobody tests yet");
    seen.look(&[server.clone(), runner.clone()], of(10.0));
    let own = stat(14, "stigmer-server", 11, 0, 0);
    seen.look(&[own, server.clone(), runner], of(30.0));
    seen.look(&[server], of(20.0));
    let taken = seen.taken()["server"];
    assert_eq!((taken.idle, taken.after), (Some(10.0), Some(30.0)));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_child_takes_is_seen() {
    let watch = Watch::begin().unwrap();
    let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    let command = harness_base::Command::new("sh").args(["-c", script]);
    let said = harness_base::query(command, Duration::from_secs(60)).await;
    assert!(said.unwrap().ok);
    let (total, _) = watch.end();
    assert!(total > 0.0, "{total}");
}
