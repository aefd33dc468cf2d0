use futures::future::try_join_all;
use serde_json::json;
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, ensure};

#[tokio::test]
async fn fifty_executions_at_once_complete_each_with_its_own_answer() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = NewAgent::new("fifty")
        .http(&stack, &[])?
        .only(&["add"])
        .apply(&api)
        .await?;
    let runs = (0..50).map(|n| {
        let (stack, api, agent) = (&stack, &api, &agent);
        async move {
            let script = stack.script("fifty").await?;
            script
                .answer(Answer::tool("add", json!({ "a": n, "b": 1000 })))
                .await?;
            script.answer(Answer::text(format!("{n} is done."))).await?;
            let message = format!("Add {n}.");
            let done = Ask::new(agent, script.model(), &message)
                .completed(api)
                .await?;
            ensure!(
                done.status()?.messages[0].content == message,
                "another's: {done:?}"
            );
            ensure!(done.answer()? == format!("{n} is done."), "{done:?}");
            ensure!(done.tool()?.result == (n + 1000).to_string(), "{done:?}");
            let asked = script.finish().await?;
            ensure!(asked.len() == 2 && asked[0].last() == message, "{asked:?}");
            Ok(())
        }
    });
    try_join_all(runs).await?;
    Ok(())
}
