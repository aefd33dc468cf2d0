//! The ends of servers and what they leave.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use agent_tools::{CLOSE_GRACE, Limits, Tools, Toolset};
use serde_json::json;

use crate::{call, lives, pid, probe, said, shell, tools, toolset, until, until_begun, until_gone};

/// A process that a server's shell noted in its folder.
async fn noted(tools: &Tools, toolset: &Toolset, file: &str) -> u32 {
    let cwd = said(tools, toolset, "cwd", json!({})).await;
    let pid = fs::read_to_string(Path::new(&cwd).join(file)).unwrap();
    pid.trim().parse().unwrap()
}

/// What is below the folder of this runner, its lock aside.
fn left(dir: &Path) -> Vec<String> {
    let mut runners = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let runner = runners.find(|path| path.is_dir()).unwrap();
    let entries = fs::read_dir(runner)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name != "lock").collect()
}

#[tokio::test]
async fn close_ends_the_whole_group_and_removes_the_files() {
    let (tools, dir) = tools(Limits::default());
    let main = toolset(
        "aex_1",
        vec![shell("probe", "sleep 1000 & echo $! > helper; exec \"$0\"")],
    );
    let mut sub = toolset("aex_1/helper", vec![probe("probe")]);
    sub.env = main.env.clone();
    let other = toolset("aex_11", vec![probe("probe")]);
    let server = pid(&tools, &main).await;
    let subs = pid(&tools, &sub).await;
    let others = pid(&tools, &other).await;
    let cwd = said(&tools, &main, "cwd", json!({})).await;
    assert!(
        cwd.starts_with(fs::canonicalize(dir.path()).unwrap().to_str().unwrap()),
        "{cwd}"
    );
    let helper = noted(&tools, &main, "helper").await;
    assert!(lives(server) && lives(helper) && lives(subs));

    tools.close("aex_1").await;
    assert!(!lives(server) && !lives(subs));
    until_gone(helper).await; // killed; its new parent takes a moment
    assert!(!Path::new(&cwd).exists());
    assert!(lives(others), "aex_11 is another execution");
    assert_eq!(left(dir.path()).len(), 1);
    tools.close("aex_1").await;
    tools.close("aex_never").await;
    tools.close("aex_11").await;
    assert_eq!(left(dir.path()), [""; 0]);
}

#[tokio::test]
async fn whoever_stays_is_asked_and_then_killed() {
    // The first one tells that it was asked, and ends; the second one hears nothing.
    for (trap, asked, least) in [
        (
            "trap 'echo > ../../../asked; exit' TERM",
            true,
            Duration::from_secs(1),
        ),
        ("trap '' TERM", false, Duration::from_secs(3)),
    ] {
        let (tools, dir) = tools(Limits::default());
        let script = format!("echo $$ > shell; {trap}; \"$0\"; sleep 1000 & wait; sleep 1000");
        let toolset = toolset("aex_1", vec![shell("probe", &script)]);
        let shell = noted(&tools, &toolset, "shell").await;
        let started = Instant::now();
        tools.close("aex_1").await;
        assert!(!lives(shell));
        let took = started.elapsed();
        assert!(took >= least && took < CLOSE_GRACE * 10, "{took:?}");
        assert_eq!(dir.path().join("asked").exists(), asked);
    }
}

#[tokio::test]
async fn a_call_on_its_way_ends_with_the_execution() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    tools.list(&toolset).await.unwrap();
    let slow = {
        let (tools, toolset) = (tools.clone(), toolset.clone());
        tokio::spawn(async move { call(&tools, &toolset, "slow", json!({"ms": 600_000})).await })
    };
    until_begun(&tools, &toolset).await;
    tools.close("aex_1").await;
    let outcome = slow.await.unwrap();
    assert!(outcome.failed, "{outcome:?}");
}

#[tokio::test]
async fn an_end_while_a_server_starts_is_heard_and_waits_for_it() {
    for all in [false, true] {
        let (tools, dir) = tools(Limits::default());
        // Its last act is to write into the folder.
        let script = "trap 'echo > last; exit' TERM; echo $$ > shell; while :; do sleep 0.1; done";
        let toolset = toolset("aex_1", vec![shell("probe", script)]);
        let starting = {
            let (tools, toolset) = (tools.clone(), toolset.clone());
            tokio::spawn(async move { tools.list(&toolset).await })
        };
        let shell = until("the shell", async || {
            let run = left(dir.path()).pop()?;
            let mut runners = fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let runner = runners.find(|path| path.is_dir())?;
            let pid = fs::read_to_string(runner.join(run).join("0/shell")).ok()?;
            pid.trim().parse::<u32>().ok()
        })
        .await;
        if all {
            tools.close_all().await;
        } else {
            tools.close("aex_1").await;
        }
        assert!(!lives(shell));
        assert_eq!(left(dir.path()), [""; 0]);
        let told = starting.await.unwrap().unwrap_err();
        assert!(
            told.is_transient() && told.message.contains("closed"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn close_all_waits_for_ends_that_are_under_way() {
    let (tools, _dir) = tools(Limits::default());
    let script = "echo $$ > shell; \"$0\"; sleep 1000";
    let toolset = toolset("aex_1", vec![shell("probe", script)]);
    let shell = noted(&tools, &toolset, "shell").await;
    tokio::select! {
        biased;
        () = tools.close("aex_1") => panic!("it did not stay"),
        () = tokio::task::yield_now() => {}
    }
    tools.close_all().await;
    assert!(!lives(shell));
}

#[test]
fn groups_end_with_the_runtime() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (tools, _dir) = tools(Limits::default());
    let script = "sleep 1000 & echo $! > helper; exec \"$0\"";
    let toolset = toolset("aex_1", vec![shell("probe", script)]);
    let ending = runtime();
    let (server, helper) = ending.block_on(async {
        (
            pid(&tools, &toolset).await,
            noted(&tools, &toolset, "helper").await,
        )
    });
    drop(ending);
    runtime().block_on(async {
        until_gone(server).await;
        until_gone(helper).await;
    });
}

#[tokio::test]
async fn close_all_ends_everything_and_nothing_starts_after() {
    let (tools, dir) = tools(Limits::default());
    let toolsets =
        ["aex_1", "aex_2", "aex_2/helper"].map(|scope| toolset(scope, vec![probe("probe")]));
    let mut pids = Vec::new();
    for toolset in &toolsets {
        pids.push(pid(&tools, toolset).await);
    }
    tools.close_all().await;
    assert!(pids.iter().all(|pid| !lives(*pid)), "{pids:?}");
    assert_eq!(left(dir.path()), [""; 0]);
    let told = tools.list(&toolsets[0]).await.unwrap_err();
    assert!(
        told.is_transient() && told.message.contains("stopping"),
        "{told}"
    );
    drop(tools);
    let rest = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    assert_eq!(rest.filter(|path| path.is_dir()).count(), 0);
}

#[tokio::test]
async fn who_drops_the_tools_ends_the_servers() {
    let (tools, _dir) = tools(Limits::default());
    let pid = pid(&tools, &toolset("aex_1", vec![probe("probe")])).await;
    drop(tools);
    until_gone(pid).await;
}

#[tokio::test]
async fn servers_that_nobody_uses_are_ended_and_come_back() {
    let (tools, dir) = tools(Limits {
        idle: Duration::from_millis(200),
        ..Limits::default()
    });
    let toolset = toolset("aex_1", vec![probe("probe")]);
    let slow = {
        let (tools, toolset) = (tools.clone(), toolset.clone());
        tokio::spawn(async move { call(&tools, &toolset, "slow", json!({"ms": 600_000})).await })
    };
    until_begun(&tools, &toolset).await;
    let first = pid(&tools, &toolset).await;
    // A use is no idleness, however long it takes. Nothing else can show that something does not happen.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(lives(first) && pid(&tools, &toolset).await == first);
    slow.abort();
    until_gone(first).await;
    until("the removal of the files", async || {
        left(dir.path()).is_empty().then_some(())
    })
    .await;
    assert_ne!(pid(&tools, &toolset).await, first);
    tools.close("aex_1").await;
}
