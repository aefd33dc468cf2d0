//! Agents that refer to skills.

use anyhow::{Context, ensure};
use stigmer_api::{
    Kind, agent::SubAgent, apiresource::ApiResourceReference, resource::Resource, skill::SkillId,
};
use test_e2e::{Project, Result, Stack, agent, reference, unique};
use tonic::Code;

use super::{artifact, at, code, event, key, skill};

#[tokio::test]
async fn a_skill_in_use_is_not_deleted_and_its_archive_goes_with_its_last_skill() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let (mine, other) = (unique("mine"), unique("other"));
    let text = unique("shared");
    let pushed = api.push_skill(&mine, skill(&text)?, "").await?;
    let sole = api.push_skill(&mine, skill(&unique("sole"))?, "").await?;
    api.push_skill(&other, skill(&text)?, "").await?;
    let mut user = agent(&unique("user"));
    let spec = user.spec.get_or_insert_default();
    spec.skill_refs = vec![reference(Kind::Skill, &mine)];
    let mut chief = agent(&unique("chief"));
    let spec = chief.spec.get_or_insert_default();
    spec.sub_agents = vec![SubAgent {
        name: "helper".to_owned(),
        instructions: "Help the other one.".to_owned(),
        skill_refs: vec![ApiResourceReference {
            org: String::new(),
            ..reference(Kind::Skill, &mine)
        }],
        ..Default::default()
    }];
    let user = api.agents().create(user).await?.into_inner();
    let chief = api.agents().create(chief).await?.into_inner();
    let value = pushed.id().to_owned();
    let refused = api.skills().delete(SkillId { value }).await;
    let status = refused.err().context("it was deleted")?;
    ensure!(status.code() == Code::FailedPrecondition, "{status:?}");
    for name in [user.slug(), chief.slug(), &mine] {
        ensure!(status.message().contains(name), "{status:?}");
    }
    let cli = stack.cli();
    cli.run(["delete", "agents", user.slug(), chief.slug()])
        .await?
        .ok()?;
    cli.run(["delete", "skill", &mine]).await?.ok()?;
    ensure!(code(at(&api, &mine, "").await) == Some(Code::NotFound));
    artifact(&api, &key(&pushed)).await?;
    ensure!(
        code(artifact(&api, &key(&sole)).await) == Some(Code::NotFound),
        "it was left"
    );
    cli.run(["delete", "skill", &other]).await?.ok()?;
    ensure!(
        code(artifact(&api, &key(&pushed)).await) == Some(Code::NotFound),
        "it was left"
    );
    // The name and the archive are free again.
    let again = api.push_skill(&mine, skill(&text)?, "").await?;
    ensure!(
        event(&again) == "created" && again.id() != pushed.id(),
        "{again:?}"
    );
    artifact(&api, &key(&again)).await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_refers_only_to_skills_that_are_there() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let missing = unique("missing");
    let mut user = agent(&unique("user"));
    let spec = user.spec.get_or_insert_default();
    spec.skill_refs = vec![reference(Kind::Skill, &missing)];
    for refused in [
        api.agents().create(user.clone()).await,
        api.agents().apply(user.clone()).await,
    ] {
        let status = refused.err().context("it was taken")?;
        ensure!(status.code() == Code::NotFound, "{status:?}");
        for text in [
            missing.as_str(),
            "spec.skill_refs[0]",
            "stigmer skill push DIR",
        ] {
            ensure!(status.message().contains(text), "{status:?}");
        }
    }
    api.push_skill(&missing, skill("x")?, "v1").await?;
    api.agents().apply(user.clone()).await?;
    let spec = user.spec.get_or_insert_default();
    "v2".clone_into(&mut spec.skill_refs[0].version);
    let refused = api
        .agents()
        .update(user)
        .await
        .err()
        .context("it was taken")?;
    ensure!(
        refused.code() == Code::NotFound && refused.message().contains("v2"),
        "{refused:?}"
    );

    let project = Project::new()?;
    let (name, gone) = (unique("by-file"), unique("gone"));
    let text = test_e2e::agent_yaml(&name, "Do what is right.");
    project.write(
        "agents/a.yaml",
        format!("{text}  skillRefs: [{{slug: {gone}}}]\n"),
    )?;
    let output = stack.cli().within(project.path()).run(["apply"]).await?;
    ensure!(output.code == Some(3), "{output:#?}");
    for text in [&name, &gone, "stigmer skill push DIR"] {
        ensure!(output.stderr.contains(text), "{output:#?}");
    }
    ensure!(api.agent_by_slug(&name).await.is_err());
    Ok(())
}
