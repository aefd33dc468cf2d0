//! What clients may leave out, bring with them, or change.

mod executions;

use std::sync::Arc;

use stigmer_api::{
    Kind,
    agent::{Agent, AgentSpec},
    agentinstance::AgentInstance,
    apiresource::ApiResourceOwnerScope as Scope,
    environment::Environment,
    id,
    resource::Resource,
};

use crate::{
    error::{Error, Result},
    hub::Hub,
    ops::{self, Entity, Valid},
    store::Store,
};

fn open(folder: &tempfile::TempDir) -> Store {
    let path = folder.path().join("s.db");
    let hub = Arc::new(Hub::default());
    Store::open(&path, &path.with_extension("key"), hub).unwrap()
}

/// In the scope that its kind may have.
fn named<R: Resource>(mut resource: R, name: &str) -> R {
    resource.set_envelope();
    let scope = R::KIND.owner_scopes().last().copied();
    let metadata = resource.metadata_mut();
    name.clone_into(&mut metadata.name);
    metadata.owner_scope = scope.map_or(0, i32::from);
    resource
}

fn agent(name: &str) -> Agent {
    let spec = AgentSpec {
        instructions: "Do what is right.".to_owned(),
        ..Default::default()
    };
    let agent = Agent {
        spec: Some(spec),
        ..Default::default()
    };
    named(agent, name)
}

async fn create<R: Entity + Send>(store: &Store, resource: R) -> Result<R> {
    let resource = Valid::new(resource)?;
    let created = store.write(|tx| ops::create(tx, resource));
    created.await
}

async fn create_agent(store: &Store, agent: Agent) -> Agent {
    let agent = Valid::new(agent).unwrap();
    let created = store.write(|tx| ops::agent::create(tx, agent));
    created.await.unwrap()
}

#[tokio::test]
async fn an_id_of_ones_own_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let own = id::new(Kind::Environment);
    let [first, second] = ["first", "second"].map(|name| {
        let mut environment = named(Environment::default(), name);
        environment.metadata_mut().id.clone_from(&own);
        environment
    });
    let first = create(&store, first).await.unwrap();
    assert_eq!(first.id(), own);
    let refused = create(&store, second).await;
    assert!(
        matches!(&refused, Err(Error::AlreadyExists { id, .. }) if *id == own),
        "{refused:?}"
    );
    let stored: Environment = store.read(|view| view.get(&own)).unwrap();
    assert_eq!(stored, first);
}

#[tokio::test]
async fn a_slug_alone_is_the_name_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut nameless = agent("");
    "wise".clone_into(&mut nameless.metadata_mut().slug);
    let agent = create_agent(&store, nameless).await;
    let id = agent.status.clone().unwrap_or_default().default_instance_id;
    let instance: AgentInstance = store.read(|view| view.get(&id)).unwrap();
    assert_eq!((agent.name(), instance.name()), ("wise", "wise-default"));
}

fn of_the_platform(name: &str, org: &str) -> Agent {
    let mut agent = agent(name);
    let metadata = agent.metadata_mut();
    metadata.set_owner_scope(Scope::Platform);
    org.clone_into(&mut metadata.org);
    agent
}

#[tokio::test]
async fn a_name_of_a_platform_agent_is_free_in_every_organization_and_in_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for org in ["acme", "other", ""] {
        let agent = create_agent(&store, of_the_platform("wise", org)).await;
        let id = agent.status.clone().unwrap_or_default().default_instance_id;
        let instance: AgentInstance = store.read(|view| view.get(&id)).unwrap();
        assert_eq!((agent.org(), instance.org()), (org, org));
        let found = store.read(|view| view.id_in_org(Kind::AgentInstance, "wise-default", org));
        assert_eq!(found.unwrap(), Some(id));
    }
}

/// It was in no organization.
#[tokio::test]
async fn the_default_instance_that_a_server_of_before_made_goes_with_its_agent() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let agent = create_agent(&store, of_the_platform("wise", "acme")).await;
    let id = agent.status.clone().unwrap_or_default().default_instance_id;
    let default = id.clone();
    let deleted = store.write(move |tx| {
        let mut instance: AgentInstance = tx.view().get(&default)?;
        tx.free_slug(Kind::AgentInstance, instance.slug(), "acme")?;
        instance.metadata_mut().org.clear();
        tx.claim_slug(&instance)?;
        tx.put(&mut instance)?;
        ops::agent::delete(tx, agent.id())
    });
    deleted.await.unwrap();
    let left = store.read(|view| {
        let named = view.id_in_org(Kind::AgentInstance, "wise-default", "")?;
        Ok((view.find::<AgentInstance>(&id)?, named))
    });
    assert_eq!(left.unwrap(), (None, None));
}

#[tokio::test]
async fn a_new_name_is_taken_and_one_that_is_left_out_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let created = create(&store, named(Environment::default(), "first")).await;
    let created = created.unwrap();
    let [second, third, nameless] = ["Second", "Third", ""].map(|name| {
        let mut renamed = created.clone();
        name.clone_into(&mut renamed.metadata_mut().name);
        Valid::new(renamed).unwrap()
    });
    let written = store.write(|tx| {
        let updated = ops::update(tx, second)?;
        let applied = ops::apply(tx, third, ops::create)?;
        Ok([updated, applied, ops::update(tx, nameless)?])
    });
    let written = written.await.unwrap();
    let names: Vec<&str> = written.iter().map(|it| it.name()).collect();
    assert_eq!(names, ["Second", "Third", "Third"]);
    for it in &written {
        assert_eq!((it.id(), it.slug()), (created.id(), "first"));
    }
}
