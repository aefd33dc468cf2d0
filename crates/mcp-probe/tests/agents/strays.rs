//! Processes that leave their server's group, or that outlive who started them.

use std::{path::Path, process::Command};

use agent_tools::Limits;
use serde_json::json;

use crate::{lives, pid, probe, said, shell, tools, toolset, until, until_gone};

#[tokio::test]
async fn who_left_the_group_ends_with_its_server_alone() {
    let (tools, _dir) = tools(Limits::default());
    let script = "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > helper; exec \"$0\"";
    let left = toolset("aex_1", vec![shell("probe", script)]);
    let other = toolset("aex_2", vec![probe("probe")]);
    let others = pid(&tools, &other).await;
    let cwd = said(&tools, &left, "cwd", json!({})).await;
    let helper = until("the helper's number", async || {
        let text = std::fs::read_to_string(Path::new(&cwd).join("helper")).ok()?;
        text.trim().parse::<u32>().ok()
    })
    .await;
    assert!(lives(helper));
    tools.close("aex_1").await;
    until_gone(helper).await;
    assert!(lives(others));
    tools.close_all().await;
}

#[tokio::test]
async fn what_a_killed_runner_left_is_killed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let here = format!("{}::as_a_runner", module_path!());
    let here = here.split_once("::").unwrap().1;
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", here, "--ignored"])
        .env("DIR", dir.path())
        .spawn()
        .unwrap();
    let server = until("the server's number", async || {
        let text = std::fs::read_to_string(dir.path().join("server")).ok()?;
        text.trim().parse::<u32>().ok()
    })
    .await;
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert!(lives(server));
    let work = Some(dir.path().join("work"));
    let _next = agent_tools::Tools::new(work).unwrap();
    until_gone(server).await;
}

#[tokio::test]
#[ignore = "what_a_killed_runner_left_is_killed_by_the_next starts it"]
async fn as_a_runner() {
    let dir = std::env::var("DIR").unwrap();
    let work = Some(Path::new(&dir).join("work"));
    let tools = agent_tools::Tools::new(work).unwrap();
    // It does not end with its stdin.
    let script = format!("echo $$ > {dir}/server; \"$0\"; sleep 1000");
    let toolset = toolset("aex_1", vec![shell("probe", &script)]);
    tools.list(&toolset).await.unwrap();
    std::future::pending::<()>().await;
}
