use anyhow::Context;
use stigmer_api::{executioncontext::ExecutionValue, resource::Resource};
use test_e2e::{Result, Stack, ensure, execution, unique};
use tonic::Code;

use super::{asked, context};

#[tokio::test]
async fn limits_below_zero_are_refused() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    let mut execution = execution(agent.id(), "hello");
    let spec = execution.spec.get_or_insert_default();
    let config = spec.execution_config.get_or_insert_default();
    config.max_tool_calls = -1;
    config.max_seconds = -2;
    let refused = api
        .executions()
        .create(execution)
        .await
        .err()
        .context("it was taken")?;
    ensure!(refused.code() == Code::InvalidArgument, "{refused:?}");
    for field in ["max_tool_calls", "max_seconds"] {
        ensure!(refused.message().contains(field), "{refused:?}");
    }
    ensure!(
        !refused.message().contains("max_model_calls"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_value_that_is_empty_is_refused_by_its_name() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    let env = [("FULL", "x", false), ("OPEN", "", false), ("S", "", true)];
    let refused = api.executions().create(asked(&agent, &env)).await;
    let status = refused.err().context("it was taken")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    for field in ["spec.runtime_env[OPEN]", "spec.runtime_env[S]"] {
        ensure!(status.message().contains(field), "{status:?}");
    }
    ensure!(!status.message().contains("FULL"), "{status:?}");

    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    let mut context = context(&unique("further"), &id);
    let data = &mut context.spec.get_or_insert_default().data;
    data.insert("EMPTY".to_owned(), ExecutionValue::default());
    let refused = api.contexts().create(context).await;
    let status = refused.err().context("it was taken")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    ensure!(status.message().contains("spec.data[EMPTY]"), "{status:?}");
    Ok(())
}

#[tokio::test]
async fn an_organization_that_is_none_gets_no_execution() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    for org in ["Größe", "a/b", "Two Words"] {
        let mut execution = asked(&agent, &[]);
        org.clone_into(&mut execution.metadata_mut().org);
        let refused = api.executions().create(execution).await;
        let status = refused.err().with_context(|| format!("{org} was taken"))?;
        ensure!(status.code() == Code::InvalidArgument, "{status:?}");
        ensure!(status.message().contains("metadata.org"), "{status:?}");
    }
    Ok(())
}
