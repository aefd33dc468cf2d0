//! Whether a runner is ready: Temporal itself is asked who polls the queue.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType, taskqueue::v1::TaskQueue,
    workflowservice::v1::DescribeTaskQueueRequest,
};
use tonic::IntoRequest;

use crate::{config::Healthcheck, model::Model};

/// Between two questions: a tenth of what a runner takes to start.
const PAUSE: Duration = Duration::from_millis(25);

pub(crate) async fn run(args: &Healthcheck) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let asked = ask(args).await;
        if asked.is_ok() || began.elapsed() >= args.wait() {
            return asked;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn pollers_of(namespace: &str, queue: &str, kind: TaskQueueType) -> DescribeTaskQueueRequest {
    DescribeTaskQueueRequest {
        namespace: namespace.to_owned(),
        task_queue: Some(TaskQueue {
            name: queue.to_owned(),
            ..Default::default()
        }),
        task_queue_type: kind.into(),
        ..Default::default()
    }
}

/// What the identity of a poller that counts begins with.
fn wanted(announced: Option<&Path>) -> anyhow::Result<String> {
    Ok(match announced {
        Some(file) => fs::read_to_string(file).context("the runner has not announced itself")?,
        None => "agent-runner/".to_owned(),
    })
}

async fn ask(args: &Healthcheck) -> anyhow::Result<()> {
    if args.model {
        let probe = Model::new(&args.llm)?.probe().await;
        return probe.map_err(|e| anyhow::anyhow!(e.why));
    }
    let wanted = wanted(args.announce_file.as_deref())?;
    let client = args.temporal.connect("agent-runner healthcheck").await?;
    let queue = &args.temporal.task_queue;
    for kind in [TaskQueueType::Workflow, TaskQueueType::Activity] {
        let request = pollers_of(&args.temporal.namespace, queue, kind);
        let answer = client
            .connection()
            .workflow_service()
            .describe_task_queue(request.into_request())
            .await;
        let pollers = answer
            .context("Temporal does not describe the queue")?
            .into_inner()
            .pollers;
        if !pollers.iter().any(|p| p.identity.starts_with(&wanted)) {
            bail!(
                "no runner polls task queue {queue} for {}",
                kind.as_str_name()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_asked_for_by_itself() {
        for kind in [TaskQueueType::Workflow, TaskQueueType::Activity] {
            let asked = pollers_of("n", "q", kind);
            assert_eq!(asked.task_queue_type(), kind);
            assert_eq!(asked.namespace, "n");
            assert_eq!(
                asked.task_queue.map(|queue| queue.name).as_deref(),
                Some("q")
            );
        }
    }

    #[test]
    fn the_runner_that_announced_itself_counts_and_no_other() -> anyhow::Result<()> {
        // Any file will do.
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert_eq!(wanted(Some(file))?, include_str!("../Cargo.toml"));
        assert_eq!(wanted(None)?, "agent-runner/");
        let missing = wanted(Some(Path::new("/no/such/file"))).err();
        let why = missing.map(|e| e.to_string());
        assert_eq!(why.as_deref(), Some("the runner has not announced itself"));
        Ok(())
    }
}
