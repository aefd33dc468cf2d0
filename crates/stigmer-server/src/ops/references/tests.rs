use std::sync::Arc;

use stigmer_api::{
    Kind, agent::AgentSpec, agentinstance::AgentInstanceSpec, resource::Resource, skill::SkillSpec,
};

use super::*;
use crate::{
    hub::Hub,
    ops::{self, Valid, upgrade},
    store::{Store, Tx},
};

fn open(folder: &tempfile::TempDir) -> Store {
    let path = folder.path().join("s.db");
    let hub = Arc::new(Hub::default());
    Store::open(&path, &path.with_extension("key"), hub).unwrap()
}

fn named<R: Resource>(mut resource: R, name: &str, org: &str) -> R {
    resource.set_envelope();
    let metadata = resource.metadata_mut();
    name.clone_into(&mut metadata.name);
    org.clone_into(&mut metadata.org);
    let scope = match org {
        "" => Scope::Platform,
        _ => Scope::Organization,
    };
    metadata.owner_scope = scope.into();
    resource
}

fn skill(tx: &mut Tx<'_>, org: &str) -> Result<Skill> {
    let spec = SkillSpec {
        skill_md: "x".to_owned(),
        ..Default::default()
    };
    let skill = Skill {
        spec: Some(spec),
        ..Default::default()
    };
    ops::create(tx, Valid::new(named(skill, "wise", org))?)
}

fn reference(scope: Scope, org: &str) -> ApiResourceReference {
    ApiResourceReference {
        scope: scope.into(),
        org: org.to_owned(),
        slug: "wise".to_owned(),
        ..Default::default()
    }
}

fn agent(name: &str, org: &str, skill_refs: Vec<ApiResourceReference>) -> Valid<Agent> {
    let spec = AgentSpec {
        instructions: "Do what is right.".to_owned(),
        skill_refs,
        ..Default::default()
    };
    let agent = Agent {
        spec: Some(spec),
        ..Default::default()
    };
    Valid::new(named(agent, name, org)).unwrap()
}

/// Whose skill each reference means, as an agent of `acme` has it and as its runner asks, which names the
/// organization.
#[tokio::test]
async fn a_platform_skill_is_found_from_every_organization() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for (own, expected) in [
        (false, ["platform", "platform", "none"]),
        (true, ["acme", "platform", "acme"]),
    ] {
        let looked = store.write(move |tx| {
            if own {
                skill(tx, "acme")?;
            } else {
                skill(tx, "")?;
            }
            let mut found = Vec::new();
            for scope in [Scope::Unspecified, Scope::Platform, Scope::Organization] {
                for asked in [
                    meant(&reference(scope, ""), "acme"),
                    reference(scope, "acme"),
                ] {
                    let skill: Result<Skill> = by_reference(tx.view(), &asked);
                    found.push(match skill {
                        Ok(skill) if skill.org().is_empty() => "platform",
                        Ok(skill) if skill.org() == "acme" => "acme",
                        Err(Error::NotFound { .. }) => "none",
                        other => panic!("{other:?}"),
                    });
                }
            }
            Ok(found)
        });
        let looked = looked.await.unwrap();
        assert_eq!(looked, expected.map(|e| [e, e]).concat());
    }
}

/// What keeps the skill, empty where nothing does.
async fn kept(store: &Store, skill: &Skill) -> String {
    let skill = skill.clone();
    let looked = store.read(|view| no_agent_has(view, &skill));
    looked.err().map(|e| e.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_skill_stays_as_long_as_somebody_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (ours, theirs, first) = store
        .write(|tx| {
            let (ours, theirs) = (skill(tx, "acme")?, skill(tx, "other")?);
            let refs = || vec![reference(Scope::Unspecified, "")];
            let first = ops::agent::create(tx, agent("first", "acme", refs()))?;
            ops::agent::create(tx, agent("second", "acme", refs()))?;
            ops::agent::create(tx, agent("plain", "other", Vec::new()))?;
            Ok((ours, theirs, first))
        })
        .await
        .unwrap();
    assert!(kept(&store, &ours).await.contains("first, second"));
    // The same name in another organization is another skill.
    assert_eq!(kept(&store, &theirs).await, "");
    let id = first.id().to_owned();
    store
        .write(move |tx| {
            ops::update(tx, agent("second", "acme", Vec::new()))?;
            ops::agent::delete(tx, &id)
        })
        .await
        .unwrap();
    assert_eq!(kept(&store, &ours).await, "");
    // Nobody has to be read to know it.
    let left = store.read(|view| view.referrers(Kind::Skill, "wise"));
    assert!(left.unwrap().is_empty());
}

#[tokio::test]
async fn who_was_not_noted_is_noted_when_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (skill, environment) = store
        .write(|tx| {
            let skill = skill(tx, "acme")?;
            let refs = vec![reference(Scope::Unspecified, "")];
            let agent = ops::agent::create(tx, agent("first", "acme", refs))?;
            let environment = named(Environment::default(), "wise", "acme");
            let environment = ops::create(tx, Valid::new(environment)?)?;
            let instance = AgentInstance {
                spec: Some(AgentInstanceSpec {
                    agent_id: agent.id().to_owned(),
                    environment_refs: vec![reference(Scope::Unspecified, "")],
                    ..Default::default()
                }),
                ..Default::default()
            };
            let instance = ops::create(tx, Valid::new(named(instance, "runs", "acme"))?)?;
            // As a server of before left them.
            tx.unrefer(Kind::Skill, "wise", agent.id())?;
            tx.unrefer(Kind::Environment, "wise", instance.id())?;
            Ok((skill, environment))
        })
        .await
        .unwrap();
    assert_eq!(kept(&store, &skill).await, "");
    store.write(upgrade::complete).await.unwrap();
    assert!(kept(&store, &skill).await.contains("first"));
    let looked = store.read(|view| no_instance_has(view, &environment));
    assert!(looked.unwrap_err().to_string().contains("runs"));
    // Once is enough.
    let id = store
        .read(|view| view.referrers(Kind::Skill, "wise"))
        .unwrap();
    let again = store.write(move |tx| {
        tx.unrefer(Kind::Skill, "wise", &id[0])?;
        upgrade::complete(tx)?;
        tx.view().referrers(Kind::Skill, "wise")
    });
    assert!(again.await.unwrap().is_empty());
}

#[tokio::test]
async fn so_many_are_named_and_the_others_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for (count, more) in [(TOLD, false), (1, true)] {
        let written = store.write(move |tx| {
            for i in 0..count {
                let refs = vec![reference(Scope::Unspecified, "acme")];
                let name = format!("agent-{more}-{i}");
                ops::agent::create(tx, agent(&name, "acme", refs))?;
            }
            match tx.view().id_in_org(Kind::Skill, "wise", "acme")? {
                Some(id) => tx.view().get::<Skill>(&id),
                None => skill(tx, "acme"),
            }
        });
        let skill = written.await.unwrap();
        let told = kept(&store, &skill).await;
        assert_eq!(told.contains("and perhaps 1 more"), more, "{told}");
        assert_eq!(told.matches("agent-").count(), TOLD, "{told}");
    }
}
