//! Instances, whose agents may be of another organization.

use stigmer_api::{
    Kind,
    agentinstance::{
        AgentInstance, AgentInstanceId, AgentInstanceList, AgentInstanceSpec,
        GetAgentInstancesByAgentRequest,
        agent_instance_query_controller_server::AgentInstanceQueryController,
    },
    apiresource::ApiResourceReference,
    id,
    resource::Resource,
};
use tonic::{Request, Response, Status};

use super::{
    fake::{Answer, Fake, World, agent, serve},
    *,
};

#[tonic::async_trait]
impl AgentInstanceQueryController for Fake {
    async fn get(&self, _: Request<AgentInstanceId>) -> Answer<AgentInstance> {
        Err(Status::unimplemented(""))
    }
    /// All on one page, however many are asked for.
    async fn get_by_agent(
        &self,
        request: Request<GetAgentInstancesByAgentRequest>,
    ) -> Answer<AgentInstanceList> {
        let agent = request.into_inner().agent_id;
        let mut items = self.0.lock().unwrap().instances.clone();
        items.retain(|it| it.spec.as_ref().is_some_and(|s| s.agent_id == agent));
        Ok(Response::new(AgentInstanceList {
            total_count: i32::try_from(items.len()).unwrap(),
            items,
        }))
    }
    async fn get_by_reference(&self, _: Request<ApiResourceReference>) -> Answer<AgentInstance> {
        Err(Status::unimplemented(""))
    }
}

/// An instance of the agent with this id.
fn instance(agent: &str, name: &str, org: &str) -> AgentInstance {
    let mut instance = AgentInstance {
        spec: Some(AgentInstanceSpec {
            agent_id: agent.to_owned(),
            ..AgentInstanceSpec::default()
        }),
        ..AgentInstance::default()
    };
    instance.set_envelope();
    let metadata = instance.metadata_mut();
    metadata.id = id::new(Kind::AgentInstance);
    name.clone_into(&mut metadata.name);
    org.clone_into(&mut metadata.org);
    instance
}

#[tokio::test]
async fn they_are_listed_by_their_own_organization() {
    let mut world = World::default();
    for (name, org) in [("one", "acme"), ("two", "other")] {
        let mut agent = agent(name);
        org.clone_into(&mut agent.metadata_mut().org);
        for org in ["acme", "other"] {
            let name = format!("{name}-in-{org}");
            world.instances.push(instance(agent.id(), &name, org));
        }
        world.agents.push(agent);
    }
    let (_fake, server) = serve(world).await;
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &[&str]); 5] = [
        (
            &[],
            &["one-in-acme", "one-in-other", "two-in-acme", "two-in-other"],
        ),
        (&["--org", "acme"], &["one-in-acme", "two-in-acme"]),
        (&["--org", "other"], &["one-in-other", "two-in-other"]),
        (&["--org", "other", "--limit", "1"], &["one-in-other"]),
        (
            &["--org", "acme", "--limit", "2"],
            &["one-in-acme", "two-in-acme"],
        ),
    ];
    for (args, expected) in cases {
        let args: Vec<&str> = ["get", "instances"].iter().chain(args).copied().collect();
        let mut command = stigmer(folder.path(), &server, &args);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let text = shown(&output.await.unwrap());
        let words = text
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        let names: Vec<&str> = words.filter(|word| word.contains("-in-")).collect();
        assert_eq!(names, expected, "{args:?}: {text}");
    }
}
