use std::sync::Arc;

use stigmer_api::{
    agent::AgentSpec,
    agentexecution::AgentExecutionSpec,
    environment::{EnvironmentSpec, EnvironmentValue},
    executioncontext::{ExecutionContext, ExecutionValue},
    resource::Resource,
    secret::REDACTED,
};

use super::*;
use crate::{hub::Hub, ops, store::Store};

fn agent() -> Agent {
    let token = EnvironmentValue {
        is_secret: true,
        ..Default::default()
    };
    let asked_for = EnvironmentSpec {
        data: [("TOKEN".to_owned(), token)].into(),
        ..Default::default()
    };
    let mut agent = Agent {
        spec: Some(AgentSpec {
            instructions: "Do what is right.".to_owned(),
            env_spec: Some(asked_for),
            ..Default::default()
        }),
        ..Default::default()
    };
    agent.set_envelope();
    agent.metadata_mut().name = "agent".to_owned();
    agent.metadata_mut().owner_scope = 2;
    agent
}

/// `is_secret` is what the caller says of its variable.
fn asked(agent: &Agent, is_secret: bool) -> AgentExecution {
    let value = ExecutionValue {
        value: "hush".to_owned(),
        is_secret,
    };
    let mut execution = AgentExecution {
        spec: Some(AgentExecutionSpec {
            agent_id: agent.id().to_owned(),
            message: "hello".to_owned(),
            runtime_env: [("TOKEN".to_owned(), value)].into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    execution.set_envelope();
    execution.metadata_mut().name = "execution".to_owned();
    execution
}

#[tokio::test]
async fn an_open_execution_from_before_contexts_gets_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let hub = Arc::new(Hub::default());
    let store = Store::open(&path, &path.with_extension("key"), hub).unwrap();
    let written = store.write(|tx| {
        let agent = ops::agent::create(tx, ops::Valid::new(agent())?)?;
        let mut ids = Vec::new();
        for lost in [false, true] {
            // Of a lost agent nobody knows what it called a secret.
            let asked = asked(&agent, lost);
            let mut execution = execution::create(tx, ops::Valid::new(asked.clone())?, "new")?;
            // As it was left by a server that knew of no contexts.
            context::close(tx, execution.id())?;
            let spec = execution.spec.get_or_insert_default();
            spec.runtime_env = asked.spec.unwrap_or_default().runtime_env;
            if lost {
                spec.agent_id = "agt-01k00000000000000000000000".to_owned();
            }
            tx.put_execution(&mut execution)?;
            ids.push(execution.id().to_owned());
        }
        complete(tx)?;
        complete(tx)?;
        Ok(ids)
    });
    for id in written.await.unwrap() {
        let read = store.read(|view| {
            let contexts = view.children(&id)?;
            assert_eq!(contexts.len(), 1);
            let context: ExecutionContext = view.get(&contexts[0])?;
            Ok((context, view.get::<AgentExecution>(&id)?))
        });
        let (context, execution) = read.unwrap();
        assert_eq!(context.slug(), id);
        let data = context.spec.unwrap_or_default().data;
        assert_eq!(data["TOKEN"].value, "hush");
        assert!(data["TOKEN"].is_secret);
        let own = execution.spec.unwrap_or_default().runtime_env;
        assert_eq!(own["TOKEN"].value, REDACTED);
        assert!(own["TOKEN"].is_secret);
    }
}

#[tokio::test]
async fn a_default_instance_moves_to_the_organization_of_its_agent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let hub = Arc::new(Hub::default());
    let store = Store::open(&path, &path.with_extension("key"), hub).unwrap();
    let moved = store.write(|tx| {
        let mut of_acme = agent();
        of_acme.metadata_mut().org = "acme".to_owned();
        let agent = ops::agent::create(tx, ops::Valid::new(of_acme)?)?;
        let id = agent.status.unwrap_or_default().default_instance_id;
        // As a server of before made it, where it is in the way of an agent of that name in no organization.
        let mut instance: AgentInstance = tx.view().get(&id)?;
        let slug = instance.slug().to_owned();
        tx.free_slug(AgentInstance::KIND, &slug, "acme")?;
        instance.metadata_mut().org.clear();
        tx.claim_slug(&instance)?;
        tx.put(&mut instance)?;
        complete(tx)?;
        let there = tx.view().id_in_org(AgentInstance::KIND, &slug, "acme")?;
        let instance: AgentInstance = tx.view().get(&id)?;
        ops::agent::create(tx, ops::Valid::new(self::agent())?)?;
        Ok((id, there, instance.org().to_owned()))
    });
    let (id, there, org) = moved.await.unwrap();
    assert_eq!((there, org.as_str()), (Some(id), "acme"));
}
