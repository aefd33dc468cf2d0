use stigmer_api::{
    apiresource::ApiResourceReference,
    environment::{Environment, EnvironmentSpec, EnvironmentValue},
    executioncontext::{ExecutionContext, ExecutionContextSpec, ExecutionValue},
    session::{Session, SessionSpec},
};

use super::*;
use crate::backend::fake::Fake;

fn skill(org: &str, scope: Scope) -> ApiResourceReference {
    ApiResourceReference {
        scope: scope.into(),
        org: org.to_owned(),
        slug: "knots".to_owned(),
        ..Default::default()
    }
}

#[test]
fn a_skill_without_an_organization_is_of_the_agents() {
    let organization = Scope::Organization;
    let sub = stigmer_api::agent::SubAgent {
        skill_refs: vec![skill("", organization)],
        ..Default::default()
    };
    let mut agent = AgentSpec {
        skill_refs: vec![
            skill("", organization),
            skill("theirs", organization),
            skill("", Scope::Platform),
        ],
        sub_agents: vec![sub],
        ..AgentSpec::default()
    };
    name_orgs(&mut agent, "ours");
    let orgs: Vec<&str> = agent.skill_refs.iter().map(|r| r.org.as_str()).collect();
    assert_eq!(orgs, ["ours", "theirs", ""]);
    assert_eq!(
        agent.sub_agents[0].skill_refs,
        [skill("ours", organization)]
    );
}

fn environment(slug: &str, data: &[(&str, &str, bool)]) -> (String, Environment) {
    let data = data.iter().map(|&(name, value, is_secret)| {
        let value = EnvironmentValue {
            value: value.to_owned(),
            is_secret,
            ..Default::default()
        };
        (name.to_owned(), value)
    });
    let spec = EnvironmentSpec {
        data: data.collect(),
        ..Default::default()
    };
    let environment = Environment {
        spec: Some(spec),
        ..Default::default()
    };
    (slug.to_owned(), environment)
}

/// A server that keeps no contexts, with a session in two environments.
fn original() -> Fake {
    let fake = Fake::default();
    let (_, declared) = environment(
        "",
        &[
            ("A", "agent", false),
            ("B", "agent", true),
            ("E", "agent", false),
            ("NOT", "", false),
        ],
    );
    fake.put_agent(Agent {
        spec: Some(AgentSpec {
            env_spec: declared.spec,
            ..Default::default()
        }),
        ..Default::default()
    });
    let reference = |slug: &str| ApiResourceReference {
        slug: slug.to_owned(),
        ..Default::default()
    };
    fake.put_session(
        Session {
            spec: Some(SessionSpec {
                agent_instance_id: "ain-1".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        },
        AgentInstance {
            spec: Some(AgentInstanceSpec {
                agent_id: "agt-1".to_owned(),
                environment_refs: vec![reference("first"), reference("second")],
                ..Default::default()
            }),
            ..Default::default()
        },
        [
            environment("first", &[("B", "first", false), ("C", "first", false)]),
            environment("second", &[("C", "second", false), ("D", "second", false)]),
        ],
    );
    fake
}

fn spec() -> AgentExecutionSpec {
    let own = ExecutionValue {
        value: "own".to_owned(),
        is_secret: false,
    };
    AgentExecutionSpec {
        session_id: "ses-1".to_owned(),
        runtime_env: ["D", "E"].map(|name| (name.to_owned(), own.clone())).into(),
        ..Default::default()
    }
}

const ALL: &str = "${A} ${B} ${C} ${D} ${E}";

#[tokio::test]
async fn without_a_context_the_layers_are_merged_here() {
    let backend = original().serve_original().await;
    let settled = Settled::load(&backend, "e", &spec()).await.unwrap();
    let filled = settled.env.fill(ALL).unwrap();
    assert_eq!(filled, "agent first second own own");
    // What the agent called a secret stays one.
    assert_eq!(settled.env.redact("first"), "[redacted]");
    assert_eq!(settled.env.redact("second"), "second");
    // What nobody gives is missed by whoever needs it.
    let missing = settled.env.fill("${NOT}").unwrap_err().to_string();
    assert!(missing.contains("${NOT} has no value"), "{missing}");
}

#[tokio::test]
async fn a_context_settles_all() {
    let fake = original();
    let only = ExecutionValue {
        value: "context".to_owned(),
        is_secret: false,
    };
    fake.put_context(ExecutionContext {
        spec: Some(ExecutionContextSpec {
            data: [("A".to_owned(), only)].into(),
            ..Default::default()
        }),
        ..Default::default()
    });
    let backend = fake.serve().await;
    let settled = Settled::load(&backend, "e", &spec()).await.unwrap();
    assert_eq!(settled.env.fill("${A}").unwrap(), "context");
    assert!(settled.env.fill("${B}").is_err());
}

#[tokio::test]
async fn without_a_session_there_is_no_environment() {
    let backend = original().serve_original().await;
    let spec = AgentExecutionSpec {
        session_id: String::new(),
        agent_id: "agt-1".to_owned(),
        ..spec()
    };
    let settled = Settled::load(&backend, "e", &spec).await.unwrap();
    assert_eq!(
        settled.env.fill("${A} ${B} ${D}").unwrap(),
        "agent agent own"
    );
    assert!(settled.env.fill("${C}").is_err());
}

#[tokio::test]
async fn what_is_referred_to_and_not_there_is_named() {
    let fake = original();
    fake.put_session(
        Session::default(),
        AgentInstance {
            spec: Some(AgentInstanceSpec {
                agent_id: "agt-1".to_owned(),
                environment_refs: vec![ApiResourceReference {
                    slug: "moon".to_owned(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        },
        [],
    );
    let backend = fake.serve_original().await;
    let refused = Settled::load(&backend, "e", &spec()).await.err().unwrap();
    let why = format!("{refused:?}");
    assert!(
        why.contains("environment moon is not on the server"),
        "{why}"
    );
    assert!(crate::failure::is_permanent(&refused), "{why}");
}
