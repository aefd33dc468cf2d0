//! `stigmer run`.

mod target;

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use stigmer_api::{
    agentexecution::{AgentExecution, AgentExecutionSpec, ExecutionConfig, ExecutionPhase},
    executioncontext::ExecutionValue,
    resource::Resource,
    secret::Secrets,
    session::SessionId,
};

use crate::{
    app::App,
    cli::RunArgs,
    client::Client,
    failure::{Exit, Failure},
    follow::{self, Follower},
    output, runtime_env,
    understood::Understood,
    watch,
};
use target::{Target, target};

pub(crate) async fn run(app: &App, args: &RunArgs) -> Result<()> {
    if args.message.trim().is_empty() {
        let text = "--message is empty: say what the agent is to do, or leave it out";
        return Err(Failure::usage(text));
    }
    let env = runtime_env::of(args)?;
    let target = target(app, args).await?;
    let request = request(args, env, &target);
    let mut commands = target.client.execution_commands();
    let created = target.client.answer(commands.create(request)).await;
    if created.is_err() && target.is_new_session {
        let value = target.session.clone();
        let mut sessions = target.client.session_commands();
        // Nobody knows of it; what matters is why there is no execution.
        let _ = target
            .client
            .answer(sessions.delete(SessionId { value }))
            .await;
    }
    let mut execution = created?;
    let id = execution.id().to_owned();
    app.output.people(&format!(
        "Agent execution started: {}\nExecution ID: {id}\n",
        target.agent.name()
    ))?;
    if !args.no_follow {
        execution = follow(app, &target.client, &id, true).await?;
    }
    execution.understand();
    execution.redact();
    app.output.document(&execution)?;
    if args.no_follow {
        return Ok(());
    }
    ended_well(&execution)
}

fn request(
    args: &RunArgs,
    runtime_env: BTreeMap<String, ExecutionValue>,
    target: &Target,
) -> AgentExecution {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut execution = AgentExecution::default();
    execution.set_envelope();
    let metadata = execution.metadata_mut();
    metadata.name = format!("execution-{}", now.unwrap_or_default().as_micros());
    target.agent.org().clone_into(&mut metadata.org);
    let agent_id = if target.session.is_empty() {
        target.agent.id().to_owned()
    } else {
        String::new()
    };
    execution.spec = Some(AgentExecutionSpec {
        session_id: target.session.clone(),
        agent_id,
        message: args.message.clone(),
        execution_config: config(args),
        runtime_env,
        ..AgentExecutionSpec::default()
    });
    execution
}

/// What the execution is limited to; nothing where the runner decides all.
fn config(args: &RunArgs) -> Option<ExecutionConfig> {
    // A part of a second is more than none, and the wire knows only whole ones.
    let seconds = args.max_time.map(|time| time.as_secs_f64().ceil() as i32);
    let config = ExecutionConfig {
        model_name: args.model.clone().unwrap_or_default(),
        max_model_calls: args.max_model_calls.unwrap_or_default(),
        max_tool_calls: args.max_tool_calls.unwrap_or_default(),
        max_seconds: seconds.unwrap_or_default(),
    };
    (config != ExecutionConfig::default()).then_some(config)
}

/// Prints what the execution does until it has ended; `known` as in [`watch::until_ended`].
pub(crate) async fn follow(
    app: &App,
    client: &Client,
    id: &str,
    known: bool,
) -> Result<AgentExecution> {
    let mut follower = Follower::default();
    let see = |execution: &AgentExecution| {
        app.output.people(&follower.step(execution))?;
        Ok(())
    };
    let ended = tokio::select! {
        ended = watch::until_ended(client, app.output, id, known, see) => ended,
        signal = tokio::signal::ctrl_c() => {
            signal.context("waiting for Ctrl-C")?;
            Err(Failure::with(Exit::Interrupted, format!(
                "interrupted; the execution goes on, `stigmer cancel {id}{}` ends it",
                client.again()
            )))
        }
    };
    app.output.people(&follower.close())?;
    let ended = ended?;
    app.output.people(&follow::summary(&ended))?;
    Ok(ended)
}

/// An error unless the execution COMPLETED.
pub(crate) fn ended_well(execution: &AgentExecution) -> Result<()> {
    let phase = execution.phase();
    if phase == ExecutionPhase::ExecutionCompleted {
        return Ok(());
    }
    let error = execution.status.as_ref().map_or("", |s| s.error.as_str());
    let mut text = format!("execution {} ended {}", execution.id(), phase.word());
    if !error.is_empty() {
        text.push_str(": ");
        text.push_str(&output::printable(error));
    }
    Err(Failure::failed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_second_counts_as_a_whole_one() -> Result<()> {
        for (time, seconds) in [("300ms", 1), ("1.2s", 2), ("2s", 2)] {
            let args = RunArgs::of(&["--max-time", time])?;
            let most = config(&args).map(|config| config.max_seconds);
            assert_eq!(most, Some(seconds), "{time}");
        }
        Ok(())
    }
}
