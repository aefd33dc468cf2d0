//! Valid messages, in few words.

use stigmer_api::{
    Kind, LOCAL_ORG,
    agent::{Agent, AgentSpec},
    agentexecution::{AgentExecution, AgentExecutionSpec},
    agentinstance::{AgentInstance, AgentInstanceSpec},
    apiresource::{ApiResourceOwnerScope as Scope, ApiResourceReference},
    environment::{Environment, EnvironmentSpec, EnvironmentValue},
    resource::Resource,
    session::{Session, SessionSpec},
};

use crate::{trail, unique};

/// A reference to a resource of the local organization.
pub fn reference(kind: Kind, slug: &str) -> ApiResourceReference {
    ApiResourceReference {
        scope: Scope::Organization.into(),
        org: LOCAL_ORG.to_owned(),
        kind: kind.api_kind().into(),
        slug: slug.to_owned(),
        version: String::new(),
    }
}

/// A valid agent named `name`.
pub fn agent(name: &str) -> Agent {
    let agent = Agent {
        spec: Some(AgentSpec {
            instructions: "Answer every message in one short sentence.".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    called(agent, name)
}

/// A valid execution of the agent with the id `agent_id`.
pub fn execution(agent_id: &str, message: &str) -> AgentExecution {
    let mut execution = AgentExecution {
        spec: Some(AgentExecutionSpec {
            agent_id: agent_id.to_owned(),
            message: message.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    execution.set_envelope();
    execution.metadata_mut().name = unique("execution");
    execution
}

/// A valid environment named `name` with these variables: name, value, whether it is a secret.
pub fn environment(name: &str, data: &[(&str, &str, bool)]) -> Environment {
    let data = data.iter().map(|&(name, value, is_secret)| {
        if is_secret {
            trail::secret(value);
        }
        let value = EnvironmentValue {
            value: value.to_owned(),
            is_secret,
            description: String::new(),
        };
        (name.to_owned(), value)
    });
    let environment = Environment {
        spec: Some(EnvironmentSpec {
            description: String::new(),
            data: data.collect(),
        }),
        ..Default::default()
    };
    called(environment, name)
}

/// A valid instance named `name` of the agent with the id `agent_id`, with these environments.
pub fn instance(name: &str, agent_id: &str, environments: &[&str]) -> AgentInstance {
    let environments = environments.iter();
    let instance = AgentInstance {
        spec: Some(AgentInstanceSpec {
            agent_id: agent_id.to_owned(),
            description: String::new(),
            environment_refs: environments
                .map(|slug| reference(Kind::Environment, slug))
                .collect(),
        }),
        ..Default::default()
    };
    called(instance, name)
}

/// A valid session with the instance with the id `instance_id`.
pub fn session(instance_id: &str) -> Session {
    let session = Session {
        spec: Some(SessionSpec {
            agent_instance_id: instance_id.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    called(session, &unique("session"))
}

/// `resource` with this name, in an organization.
fn called<R: Resource>(mut resource: R, name: &str) -> R {
    resource.set_envelope();
    let metadata = resource.metadata_mut();
    name.clone_into(&mut metadata.name);
    metadata.owner_scope = Scope::Organization.into();
    resource
}
