use anyhow::Context;
use serde_json::json;
use stigmer_api::{
    Kind,
    apiresource::{ApiResourceDeleteInput, ApiResourceId, ApiResourceOwnerScope as Scope},
    environment::ListEnvironmentsRequest,
    resource::Resource,
};
use test_e2e::{Result, Stack, ensure, environment, instance, reference, unique};
use tonic::{Code, Response, Status};

/// The status of a call that must be refused.
fn refused<T: std::fmt::Debug>(answer: Result<Response<T>, Status>, code: Code) -> Result<String> {
    let status = answer.err().context("it was taken")?;
    ensure!(status.code() == code, "{status:?}");
    Ok(status.message().to_owned())
}

#[tokio::test]
async fn bad_and_double_environments_are_refused() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("double");
    let made = api
        .environments()
        .create(environment(&name, &[]))
        .await?
        .into_inner();
    ensure!(made.id().starts_with("env-"), "{made:?}");
    let why = refused(
        api.environments().create(environment(&name, &[])).await,
        Code::AlreadyExists,
    )?;
    ensure!(why.contains(&name) && why.contains(made.id()), "{why}");

    let bad = environment(&unique("bad"), &[("1X", "", false), ("A-B", "", false)]);
    let why = refused(api.environments().create(bad).await, Code::InvalidArgument)?;
    ensure!(
        why.contains("spec.data[1X]") && why.contains("spec.data[A-B]"),
        "{why}"
    );
    let mut bad = environment(&unique("bad"), &[]);
    bad.metadata_mut().set_owner_scope(Scope::Platform);
    let why = refused(api.environments().create(bad).await, Code::InvalidArgument)?;
    ensure!(why.contains("owner_scope"), "{why}");
    let unknown = environment(&unique("unknown"), &[]);
    refused(api.environments().update(unknown).await, Code::NotFound)?;
    let value = "env-01k00000000000000000000000".to_owned();
    let mut queries = api.environment_queries();
    refused(queries.get(ApiResourceId { value }).await, Code::NotFound)?;
    let other = reference(Kind::Agent, &name);
    refused(queries.get_by_reference(other).await, Code::InvalidArgument)?;
    let output = stack
        .cli()
        .run(["get", "environment", "no-such-one"])
        .await?;
    ensure!(output.code == Some(3), "{output:#?}");
    Ok(())
}

#[tokio::test]
async fn environments_are_listed_in_pages() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let tag = unique("tag");
    let mut made = Vec::new();
    for i in 0..3 {
        let mut environment = environment(&unique(&format!("listed-{i}")), &[("A", "x", true)]);
        environment.metadata_mut().tags = vec![tag.clone()];
        made.push(api.environments().create(environment).await?.into_inner());
    }
    made.reverse();
    let mut request = ListEnvironmentsRequest {
        page_size: 2,
        tags: vec![tag],
        ..Default::default()
    };
    let mut queries = api.environment_queries();
    let first = queries.list(request.clone()).await?.into_inner();
    ensure!(
        first.total_pages == 2 && first.entries == made[..2],
        "{first:?}"
    );
    request.page_token = first.next_page_token;
    let second = queries.list(request).await?.into_inner();
    ensure!(
        second.entries == made[2..] && second.next_page_token.is_empty(),
        "{second:?}"
    );
    let all = stack
        .cli()
        .run(["get", "environments", "-o", "json"])
        .await?
        .json()?;
    let listed = all.as_array().context("no list")?;
    for environment in &made {
        ensure!(
            listed
                .iter()
                .any(|e| e["metadata"]["id"] == json!(environment.id()))
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_instance_refers_only_to_environments_that_are_there() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("agent")).await?;
    let missing = unique("missing");
    let bad = instance(&unique("bad"), agent.id(), &[&missing]);
    let why = refused(api.instances().create(bad.clone()).await, Code::NotFound)?;
    ensure!(
        why.contains(&missing) && why.contains("spec.environment_refs[0]"),
        "{why}"
    );
    refused(api.instances().apply(bad).await, Code::NotFound)?;

    let there = unique("there");
    api.environments().create(environment(&there, &[])).await?;
    let good = instance(&unique("good"), agent.id(), &[&there]);
    let mut good = api.instances().create(good).await?.into_inner();
    good.spec.get_or_insert_default().environment_refs[0].slug = missing;
    refused(api.instances().update(good).await, Code::NotFound)?;

    // The number that the first server demanded is that of another kind.
    let mut stale = instance(&unique("stale"), agent.id(), &[&there]);
    stale.spec.get_or_insert_default().environment_refs[0].kind = 52;
    let why = refused(api.instances().create(stale).await, Code::InvalidArgument)?;
    ensure!(why.contains("spec.environment_refs[0].kind"), "{why}");
    Ok(())
}

#[tokio::test]
async fn an_environment_in_use_is_not_deleted() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let (name, user) = (unique("used"), unique("user"));
    let agent = api.new_agent(&unique("agent")).await?;
    let used = api
        .environments()
        .create(environment(&name, &[]))
        .await?
        .into_inner();
    api.instances()
        .create(instance(&user, agent.id(), &[&name]))
        .await?;
    let input = ApiResourceDeleteInput {
        resource_id: used.id().to_owned(),
        ..Default::default()
    };
    let why = refused(
        api.environments().delete(input).await,
        Code::FailedPrecondition,
    )?;
    ensure!(why.contains(&user) && why.contains(&name), "{why}");
    let cli = stack.cli();
    let output = cli.run(["delete", "environment", &name]).await?;
    ensure!(
        output.code == Some(1) && output.stderr.contains(&user),
        "{output:#?}"
    );

    // With the agent goes its instance, and with that the reference.
    cli.run(["delete", "agents", agent.slug()]).await?.ok()?;
    cli.run(["delete", "environments", &name]).await?.ok()?;
    let output = cli.run(["delete", "environments", &name]).await?;
    ensure!(output.code == Some(3), "{output:#?}");
    api.environments().create(environment(&name, &[])).await?;
    Ok(())
}
