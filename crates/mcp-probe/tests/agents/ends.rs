//! The ends of servers and what they leave.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use agent_tools::Limits;
use serde_json::json;

use crate::{call, kit, lives, pid, probe, said, shell, tools, until, until_gone};

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
    let main = kit(
        "aex_1",
        vec![shell("probe", "sleep 1000 & echo $! > helper; exec \"$0\"")],
    );
    let mut sub = kit("aex_1/helper", vec![probe("probe")]);
    sub.env = main.env.clone();
    let other = kit("aex_11", vec![probe("probe")]);
    let server = pid(&tools, &main).await;
    let subs = pid(&tools, &sub).await;
    let others = pid(&tools, &other).await;
    let cwd = said(&tools, &main, "cwd", json!({})).await;
    assert!(
        cwd.starts_with(fs::canonicalize(dir.path()).unwrap().to_str().unwrap()),
        "{cwd}"
    );
    let helper = fs::read_to_string(Path::new(&cwd).join("helper")).unwrap();
    let helper: u32 = helper.trim().parse().unwrap();
    assert!(lives(server) && lives(helper) && lives(subs));

    let started = Instant::now();
    tools.close("aex_1").await;
    // It ended by itself when its stdin was closed.
    assert!(
        started.elapsed() < Duration::from_millis(900),
        "{:?}",
        started.elapsed()
    );
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
    for (script, least, most) in [
        ("\"$0\"; sleep 1000", 1000, 2000),
        ("trap '' TERM; \"$0\"; sleep 1000", 3000, 6000),
    ] {
        let (tools, _dir) = tools(Limits::default());
        let kit = kit(
            "aex_1",
            vec![shell("probe", &format!("echo $$ > shell; {script}"))],
        );
        let cwd = said(&tools, &kit, "cwd", json!({})).await;
        let shell = fs::read_to_string(Path::new(&cwd).join("shell")).unwrap();
        let shell: u32 = shell.trim().parse().unwrap();
        let started = Instant::now();
        tools.close("aex_1").await;
        let took = started.elapsed();
        assert!(!lives(shell));
        assert!(
            (Duration::from_millis(least)..Duration::from_millis(most)).contains(&took),
            "{took:?}"
        );
    }
}

#[tokio::test]
async fn a_call_on_its_way_ends_with_the_execution() {
    let (tools, _dir) = tools(Limits::default());
    let kit = kit("aex_1", vec![probe("probe")]);
    tools.list(&kit).await.unwrap();
    let slow = {
        let (tools, kit) = (tools.clone(), kit.clone());
        tokio::spawn(async move { call(&tools, &kit, "slow", json!({"ms": 60_000})).await })
    };
    let quick = said(&tools, &kit, "echo", json!({"text": "it is under way"})).await;
    assert!(!quick.is_empty() && !slow.is_finished());
    tools.close("aex_1").await;
    let outcome = slow.await.unwrap();
    assert!(outcome.failed, "{outcome:?}");
}

#[tokio::test]
async fn an_end_while_a_server_starts_is_heard() {
    let (tools, dir) = tools(Limits::default());
    let kit = kit("aex_1", vec![shell("probe", "echo $$ > shell; sleep 1000")]);
    let starting = {
        let (tools, kit) = (tools.clone(), kit.clone());
        tokio::spawn(async move { tools.list(&kit).await })
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
    tools.close("aex_1").await;
    let told = starting.await.unwrap().unwrap_err();
    assert!(
        told.is_transient() && told.message.contains("closed"),
        "{told}"
    );
    until_gone(shell).await;
    assert_eq!(left(dir.path()), [""; 0]);
}

#[tokio::test]
async fn close_all_ends_everything_and_nothing_starts_after() {
    let (tools, dir) = tools(Limits::default());
    let kits = ["aex_1", "aex_2", "aex_2/helper"].map(|scope| kit(scope, vec![probe("probe")]));
    let mut pids = Vec::new();
    for kit in &kits {
        pids.push(pid(&tools, kit).await);
    }
    tools.close_all().await;
    assert!(pids.iter().all(|pid| !lives(*pid)), "{pids:?}");
    assert_eq!(left(dir.path()), [""; 0]);
    let told = tools.list(&kits[0]).await.unwrap_err();
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
    let pid = pid(&tools, &kit("aex_1", vec![probe("probe")])).await;
    drop(tools);
    until_gone(pid).await;
}

#[tokio::test]
async fn servers_that_nobody_uses_are_ended_and_come_back() {
    let (tools, dir) = tools(Limits {
        idle: Duration::from_millis(200),
        ..Limits::default()
    });
    let kit = kit("aex_1", vec![probe("probe")]);
    let first = pid(&tools, &kit).await;
    // A use is no idleness, however long it takes.
    assert_eq!(
        said(&tools, &kit, "slow", json!({"ms": 700})).await,
        "waited 700 ms"
    );
    assert_eq!(pid(&tools, &kit).await, first);
    until_gone(first).await;
    until("the removal of the files", async || {
        left(dir.path()).is_empty().then_some(())
    })
    .await;
    assert_ne!(pid(&tools, &kit).await, first);
    tools.close("aex_1").await;
}
