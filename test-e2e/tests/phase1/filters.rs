//! Lists that are narrowed: what carries all that is asked for, and nothing else.

use stigmer_api::{
    agent::ListAgentsRequest,
    agentexecution::{AgentExecutionId, ExecutionPhase, ListAgentExecutionsRequest},
    environment::ListEnvironmentsRequest,
    resource::Resource,
    session::ListSessionsRequest,
    skill::ListSkillsRequest,
};
use test_e2e::{
    Result, SkillFolder, Stack, agent, ensure, environment, execution, session, unique,
};

fn tags_of<R: Resource>(resources: &[R]) -> Vec<Vec<String>> {
    let metadata = resources.iter().filter_map(Resource::metadata);
    metadata.map(|it| it.tags.clone()).collect()
}

#[tokio::test]
async fn a_list_by_tags_has_what_carries_all_of_them() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let (one, two) = (unique("tag"), unique("tag"));
    let both = vec![one.clone(), two.clone()];
    for tags in [both.clone(), vec![one], vec![two], Vec::new()] {
        let mut agent = agent(&unique("tagged"));
        agent.metadata_mut().tags.clone_from(&tags);
        let agent = api.agents().create(agent).await?.into_inner();
        let mut execution = execution(agent.id(), "hello");
        execution.metadata_mut().tags.clone_from(&tags);
        api.executions().create(execution).await?;
        let instance = agent.status.unwrap_or_default().default_instance_id;
        let mut session = session(&instance);
        session.metadata_mut().tags.clone_from(&tags);
        api.sessions().create(session).await?;
        let mut environment = environment(&unique("tagged"), &[("A", "a", false)]);
        environment.metadata_mut().tags = tags;
        api.environments().create(environment).await?;
    }
    let expected = std::slice::from_ref(&both);
    let tags = || both.clone();
    let agents = ListAgentsRequest {
        tags: tags(),
        ..Default::default()
    };
    let agents = api.agent_queries().list(agents).await?.into_inner();
    ensure!(tags_of(&agents.entries) == expected);
    let executions = ListAgentExecutionsRequest {
        tags: tags(),
        ..Default::default()
    };
    let executions = api.execution_queries().list(executions).await?;
    ensure!(tags_of(&executions.into_inner().entries) == expected);
    let sessions = ListSessionsRequest {
        tags: tags(),
        ..Default::default()
    };
    let sessions = api.session_queries().list(sessions).await?.into_inner();
    ensure!(tags_of(&sessions.entries) == expected);
    let environments = ListEnvironmentsRequest {
        tags: tags(),
        ..Default::default()
    };
    let environments = api.environment_queries().list(environments).await?;
    ensure!(tags_of(&environments.into_inner().entries) == expected);
    // A push has no tags but that of its version, so no skill carries one.
    let skill = SkillFolder::new("tagged", "# Say it\n")?;
    skill.push(&stack, None).await?;
    let skills = ListSkillsRequest {
        tags: tags(),
        ..Default::default()
    };
    let skills = api.skill_queries().list(skills).await?.into_inner();
    ensure!(skills.items.is_empty(), "{skills:?}");
    Ok(())
}

#[tokio::test]
async fn a_phase_and_tags_are_asked_for_together() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("phases")).await?;
    let tags = vec![unique("tag")];
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mut execution = execution(agent.id(), "hello");
        execution.metadata_mut().tags.clone_from(&tags);
        let created = api.executions().create(execution).await?.into_inner();
        ids.push(created.id().to_owned());
    }
    // One of the phase that carries no tag.
    let other = api.new_execution(&agent, "hello").await?.id().to_owned();
    for value in [ids[0].clone(), other] {
        api.executions().cancel(AgentExecutionId { value }).await?;
    }
    for (phase, id) in [
        (ExecutionPhase::ExecutionCancelled, &ids[0]),
        (ExecutionPhase::ExecutionPending, &ids[1]),
    ] {
        let request = ListAgentExecutionsRequest {
            phase: phase.into(),
            tags: tags.clone(),
            ..Default::default()
        };
        let list = api.execution_queries().list(request).await?.into_inner();
        let listed: Vec<&str> = list.entries.iter().map(Resource::id).collect();
        ensure!(listed == [id.as_str()], "{phase:?}");
    }
    Ok(())
}
