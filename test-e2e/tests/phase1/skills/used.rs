//! Agents that refer to skills.

use anyhow::Context;
use stigmer_api::{
    Kind, agent::SubAgent, apiresource::ApiResourceReference, resource::Resource, skill::SkillId,
};
use test_e2e::{
    Project, Result, Stack, agent, bail, ensure, environment, instance, reference, unique,
};
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
async fn an_agent_may_refer_to_skills_that_are_not_there_yet() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let missing = unique("missing");
    let mut user = agent(&unique("user"));
    let spec = user.spec.get_or_insert_default();
    spec.skill_refs = vec![reference(Kind::Skill, &missing)];
    let made = api.agents().create(user.clone()).await?.into_inner();
    let again = api.agents().apply(user.clone()).await?.into_inner();
    ensure!(again.id() == made.id(), "{again:?}");
    let spec = user.spec.get_or_insert_default();
    "v2".clone_into(&mut spec.skill_refs[0].version);
    api.agents().update(user).await?;
    // From its push on it is one that is used.
    let pushed = api.push_skill(&missing, skill("x")?, "v1").await?;
    let value = pushed.id().to_owned();
    let refused = api.skills().delete(SkillId { value }).await;
    let status = refused.err().context("it was deleted")?;
    ensure!(status.code() == Code::FailedPrecondition, "{status:?}");
    Ok(())
}

#[tokio::test]
async fn apply_warns_of_skills_that_are_not_there_yet() -> Result {
    let stack = Stack::get()?;
    let project = Project::new()?;
    let (name, gone) = (unique("by-file"), unique("gone"));
    let text = test_e2e::agent_yaml(&name, "Do what is right.");
    project.write(
        "agents/a.yaml",
        format!(
            "{text}  skillRefs: [{{slug: {gone}}}]\n  subAgents:\n  - name: helper\n    \
             instructions: Do what is right.\n    skillRefs: [{{slug: {gone}, version: v9}}]\n"
        ),
    )?;
    let cli = stack.cli().within(project.path());
    for args in [["apply", "--dry-run"].as_slice(), &["apply"]] {
        let output = cli.run(args).await?.ok()?;
        let warnings: Vec<&str> = output.stderr.lines().collect();
        ensure!(warnings.len() == 2, "{output:#?}");
        for text in [
            "warning: ",
            "agents/a.yaml:1: ",
            &name,
            &gone,
            "stigmer skill push DIR",
        ] {
            ensure!(warnings[0].contains(text), "{output:#?}");
        }
        ensure!(warnings[1].contains("version v9"), "{output:#?}");
        let json = cli
            .run([args, &["--output", "json"]].concat())
            .await?
            .json()?;
        ensure!(
            json["warnings"].as_array().is_some_and(|w| w.len() == 2),
            "{json}"
        );
    }
    stack.api()?.agent_by_slug(&name).await?;
    stack.api()?.push_skill(&gone, skill("x")?, "v9").await?;
    for args in [["apply", "--dry-run"].as_slice(), &["apply"]] {
        let output = cli.run(args).await?.ok()?;
        ensure!(output.stderr.is_empty(), "{output:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_reference_without_a_kind_has_that_of_its_field() -> Result {
    let api = Stack::get()?.api()?;
    let shared = unique("shared");
    api.environments()
        .create(environment(&shared, &[("A", "b", false)]))
        .await?;
    let mut user = agent(&unique("user"));
    let of = |kind: i32, slug: &str| ApiResourceReference {
        kind,
        ..reference(Kind::Skill, slug)
    };
    let spec = user.spec.get_or_insert_default();
    spec.skill_refs = vec![of(0, "anything")];
    let user = api.agents().create(user).await?.into_inner();
    let kind = user.spec.clone().unwrap_or_default().skill_refs[0].kind();
    ensure!(kind == Kind::Skill.api_kind(), "{user:?}");
    for (kind, taken) in [(0, true), (53, true), (52, false), (43, false), (99, false)] {
        let mut instance = instance(&unique("instance"), user.id(), &[]);
        let spec = instance.spec.get_or_insert_default();
        spec.environment_refs = vec![of(kind, &shared)];
        match api.instances().create(instance).await {
            Ok(made) if taken => {
                let spec = made.into_inner().spec.unwrap_or_default();
                let kind = spec.environment_refs[0].kind();
                ensure!(kind == Kind::Environment.api_kind(), "{spec:?}");
            }
            Err(status) if !taken => {
                let field = "spec.environment_refs[0].kind";
                ensure!(status.message().contains(field), "{status:?}");
            }
            other => bail!("{kind}: {other:?}"),
        }
    }
    Ok(())
}
