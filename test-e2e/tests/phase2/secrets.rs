use anyhow::{Context, ensure};
use stigmer_api::agentexecution::ExecutionPhase;
use test_e2e::{Result, Stack, unique, until_phase};

#[tokio::test]
async fn a_secret_of_the_runtime_env_shows_up_nowhere() -> Result {
    let stack = Stack::get()?;
    let (api, temporal) = (stack.api()?, stack.temporal()?);
    let name = unique("secret");
    api.new_agent(&name).await?;
    let (secret, plain) = (unique("hush"), unique("loud"));
    let args = [
        "run",
        &name,
        "--message",
        "Say hello.",
        "--runtime-env",
        &format!("secret:TOKEN={secret}"),
        "--runtime-env",
        &format!("PLAIN={plain}"),
        "--no-follow",
        "-o",
        "json",
    ];
    let output = stack.cli().run(args).await?;
    ensure!(!format!("{output:?}").contains(&secret), "{output:#?}");
    let printed = output.json()?;
    let id = printed["metadata"]["id"].as_str().context("no id")?;
    let done = until_phase(&api, id, ExecutionPhase::ExecutionCompleted).await?;
    ensure!(
        !format!("{done:?}").contains(&secret),
        "the server tells it"
    );
    let history = temporal.history_text(id).await?;
    for (value, logged) in [(&secret, "the secret"), (&plain, "the value")] {
        ensure!(
            !history.contains(value),
            "{logged} is in Temporal's history"
        );
        for entry in std::fs::read_dir(&stack.logs)? {
            let path = entry?.path();
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            ensure!(!text.contains(value), "{logged} is in {}", path.display());
        }
    }
    Ok(())
}
