//! A runner whose network is cut, slow, or which stands still for a moment: its execution completes all the same.

use stigmer_api::agentexecution::ExecutionPhase;
use test_e2e::{
    Answer, Api, Ask, Control, Instance, NewAgent, Result, Script, Stack, ensure, unique, until,
    until_phase,
};

const QUEUE: &str = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE";

/// A server, a runner with a network of its own, and an execution in the middle of its answer.
struct Answering {
    control: Control,
    runner: Instance,
    api: Api,
    script: Script,
    id: String,
}

async fn answering(stack: &Stack, name: &str) -> Result<Answering> {
    let mut control = stack.control().await?;
    let queue = unique("queue");
    let server = control.start("server", &[(QUEUE, &queue)]).await?;
    let env = [
        (QUEUE, queue.as_str()),
        ("STIGMER_BACKEND_ENDPOINT", server.url()?),
    ];
    let runner = control.start_networked("runner", &env).await?;
    let api = Api::new(server.url()?)?;
    let script = stack.script(name).await?;
    let answer = Answer::pieces(["Once upon"]).hold().then(" a time.");
    script.answer(answer).await?;
    let agent = NewAgent::new(name).apply(&api).await?;
    let id = Ask::new(&agent, script.model(), "Tell me.")
        .start(&api)
        .await?;
    until(&api, &id, test_e2e::is_answering).await?;
    Ok(Answering {
        control,
        runner,
        api,
        script,
        id,
    })
}

impl Answering {
    async fn completes(&self, stack: &Stack) -> Result {
        let done = until_phase(&self.api, &self.id, ExecutionPhase::ExecutionCompleted).await?;
        let said = done.status.unwrap_or_default().messages;
        let last = said.last().map(|message| message.content.clone());
        ensure!(last.as_deref() == Some("Once upon a time."), "{last:?}");
        ensure!(stack.temporal()?.runs(&self.id).await? == 1);
        self.script.finish().await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_runner_that_was_cut_off_for_a_moment_completes_its_execution() -> Result {
    let stack = Stack::get()?;
    let mut it = answering(&stack, "cut").await?;
    it.control.cut(&it.runner).await?;
    it.script.release().await?;
    // The gateway has said everything, and none of it has come through.
    let now = it.api.get_execution(&it.id).await?;
    ensure!(!now.phase().is_terminal(), "{now:?}");
    it.control.heal(&it.runner).await?;
    it.completes(&stack).await
}

#[tokio::test]
async fn a_runner_that_stood_still_for_a_moment_completes_its_execution() -> Result {
    let stack = Stack::get()?;
    let mut it = answering(&stack, "paused").await?;
    it.control.pause(&it.runner).await?;
    it.script.release().await?;
    let now = it.api.get_execution(&it.id).await?;
    ensure!(!now.phase().is_terminal(), "{now:?}");
    it.control.resume(&it.runner).await?;
    it.completes(&stack).await
}

#[tokio::test]
async fn a_runner_with_a_slow_network_completes_its_execution() -> Result {
    let stack = Stack::get()?;
    let mut it = answering(&stack, "slow").await?;
    it.control.slow(&it.runner, 50).await?;
    it.script.release().await?;
    it.completes(&stack).await
}
