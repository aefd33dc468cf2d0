//! A server that answers by script.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
};

use stigmer_api::{
    Kind,
    agent::{
        Agent, AgentId, AgentList, ListAgentsRequest,
        agent_command_controller_server::{
            AgentCommandController, AgentCommandControllerServer as AgentCommands,
        },
        agent_query_controller_server::{
            AgentQueryController, AgentQueryControllerServer as AgentQueries,
        },
    },
    agentexecution::{
        AgentExecution, AgentExecutionId, AgentExecutionList, AgentExecutionStatus,
        AgentExecutionUpdateStatusInput, AgentMessage, ExecutionPhase,
        ListAgentExecutionsBySessionRequest, ListAgentExecutionsRequest, MessageType,
        agent_execution_command_controller_server::{
            AgentExecutionCommandController, AgentExecutionCommandControllerServer as Commands,
        },
        agent_execution_query_controller_server::{
            AgentExecutionQueryController, AgentExecutionQueryControllerServer as Queries,
        },
    },
    agentinstance::{
        AgentInstance,
        agent_instance_query_controller_server::AgentInstanceQueryControllerServer as InstanceQueries,
    },
    apiresource::{ApiResourceId, ApiResourceReference},
    id,
    resource::Resource,
};
use tokio::net::TcpListener;
use tokio_stream::{Stream, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, codegen::http, transport::Server};

pub(crate) type Answer<T> = Result<Response<T>, Status>;
type States = Vec<Result<AgentExecution, Status>>;

/// What the server knows and what it was asked.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) agents: Vec<Agent>,
    /// Without any it has no service for them.
    pub(crate) instances: Vec<AgentInstance>,
    /// What each subscription in turn is shown before it ends.
    pub(crate) streams: VecDeque<States>,
    pub(crate) created: Vec<AgentExecution>,
    /// The executions on each page of their list, which has one where `endless` is empty.
    pub(crate) listed: Vec<AgentExecution>,
    pub(crate) cancelled: Vec<String>,
    /// Refuses whatever is asked first.
    pub(crate) refuse: Option<Status>,
    /// What every subscription is shown for which there is no other stream.
    pub(crate) again: Option<AgentExecution>,
    /// Whether subscriptions show nothing and do not end.
    pub(crate) silent: bool,
    /// What the next pages of a list are called, in turn for ever.
    pub(crate) endless: Vec<&'static str>,
    pub(crate) pages: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Fake(pub(crate) Arc<Mutex<World>>);

/// Serves `world` on a port of its own until the test ends.
pub(crate) async fn serve(world: World) -> (Fake, String) {
    serve_by(Server::builder(), world).await
}

/// The same by a server that is set up in another way.
pub(crate) async fn serve_by(mut server: Server, world: World) -> (Fake, String) {
    let has_instances = !world.instances.is_empty();
    let fake = Fake(Arc::new(Mutex::new(world)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server
        .add_service(AgentCommands::new(fake.clone()))
        .add_service(AgentQueries::new(fake.clone()))
        .add_service(Commands::new(fake.clone()))
        .add_service(Queries::new(fake.clone()))
        .add_optional_service(has_instances.then(|| InstanceQueries::new(fake.clone())))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    (fake, address)
}

/// The address of somebody who answers every request by HTTP/2 with this, as a proxy does.
pub(crate) async fn page(status: u16, kind: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let mut head = http::Response::builder().status(status);
                    if let Some(kind) = kind {
                        head = head.header("content-type", kind);
                    }
                    let mut body = respond
                        .send_response(head.body(()).unwrap(), false)
                        .unwrap();
                    body.send_data("<html>Bad Gateway</html>".into(), true)
                        .unwrap();
                }
            });
        }
    });
    address
}

pub(crate) const EXECUTION: &str = "aex-00000000000000000000000000";

/// The execution in this phase, after the agent has said this.
pub(crate) fn state(phase: ExecutionPhase, said: &str) -> AgentExecution {
    let mut execution = AgentExecution::default();
    execution.set_envelope();
    EXECUTION.clone_into(&mut execution.metadata_mut().id);
    let message = AgentMessage {
        r#type: MessageType::MessageAi.into(),
        content: said.to_owned(),
        ..AgentMessage::default()
    };
    execution.status = Some(AgentExecutionStatus {
        phase: phase.into(),
        messages: vec![message],
        ..AgentExecutionStatus::default()
    });
    execution
}

/// A stored agent of this name.
pub(crate) fn agent(name: &str) -> Agent {
    let mut agent = Agent::default();
    agent.set_envelope();
    let metadata = agent.metadata_mut();
    metadata.id = id::new(Kind::Agent);
    name.clone_into(&mut metadata.name);
    name.clone_into(&mut metadata.slug);
    "local".clone_into(&mut metadata.org);
    agent
}

impl Fake {
    fn find(&self, is: impl Fn(&Agent) -> bool, what: &str) -> Answer<Agent> {
        let mut world = self.0.lock().unwrap();
        if let Some(status) = world.refuse.take() {
            return Err(status);
        }
        let found = world.agents.iter().find(|a| is(a)).cloned();
        let missing = || Status::not_found(format!("Agent not found: {what}"));
        found.map(Response::new).ok_or_else(missing)
    }
}

#[tonic::async_trait]
impl AgentCommandController for Fake {
    async fn apply(&self, request: Request<Agent>) -> Answer<Agent> {
        let mut world = self.0.lock().unwrap();
        if let Some(status) = world.refuse.take() {
            return Err(status);
        }
        let mut agent = request.into_inner();
        agent.metadata_mut().id = id::new(Kind::Agent);
        let audit = agent.audit_mut().spec_audit.get_or_insert_default();
        "created".clone_into(&mut audit.event);
        world.agents.push(agent.clone());
        Ok(Response::new(agent))
    }
    async fn create(&self, _: Request<Agent>) -> Answer<Agent> {
        Err(Status::unimplemented(""))
    }
    async fn update(&self, _: Request<Agent>) -> Answer<Agent> {
        Err(Status::unimplemented(""))
    }
    async fn delete(&self, request: Request<AgentId>) -> Answer<Agent> {
        let value = request.into_inner().value;
        let deleted = self.find(|a| a.id() == value, &value);
        self.0.lock().unwrap().agents.retain(|a| a.id() != value);
        deleted
    }
}

#[tonic::async_trait]
impl AgentQueryController for Fake {
    async fn get(&self, request: Request<AgentId>) -> Answer<Agent> {
        let value = request.into_inner().value;
        self.find(|a| a.id() == value, &value)
    }
    async fn get_by_reference(&self, request: Request<ApiResourceReference>) -> Answer<Agent> {
        let slug = request.into_inner().slug;
        self.find(|a| a.slug() == slug, &slug)
    }
    /// One agent a page, however many are asked for.
    async fn list(&self, request: Request<ListAgentsRequest>) -> Answer<AgentList> {
        let ListAgentsRequest {
            page_token, org, ..
        } = request.into_inner();
        let at: usize = page_token.parse().unwrap_or(0);
        let mut world = self.0.lock().unwrap();
        let mut agents = world.agents.clone();
        agents.retain(|agent| org.is_empty() || agent.org() == org);
        if !world.endless.is_empty() {
            world.pages += 1;
            let token = world.endless[world.pages % world.endless.len()];
            return Ok(Response::new(AgentList {
                entries: agents,
                next_page_token: token.to_owned(),
                total_pages: 0,
            }));
        }
        let more = at + 1 < agents.len();
        Ok(Response::new(AgentList {
            entries: agents.into_iter().skip(at).take(1).collect(),
            next_page_token: if more {
                (at + 1).to_string()
            } else {
                String::new()
            },
            total_pages: 0,
        }))
    }
}

#[tonic::async_trait]
impl AgentExecutionCommandController for Fake {
    async fn create(&self, request: Request<AgentExecution>) -> Answer<AgentExecution> {
        let mut execution = request.into_inner();
        EXECUTION.clone_into(&mut execution.metadata_mut().id);
        self.0.lock().unwrap().created.push(execution.clone());
        Ok(Response::new(execution))
    }
    async fn update(&self, _: Request<AgentExecution>) -> Answer<AgentExecution> {
        Err(Status::unimplemented(""))
    }
    async fn update_status(
        &self,
        _: Request<AgentExecutionUpdateStatusInput>,
    ) -> Answer<AgentExecution> {
        Err(Status::unimplemented(""))
    }
    async fn delete(&self, _: Request<ApiResourceId>) -> Answer<AgentExecution> {
        Err(Status::failed_precondition(
            "still running: cancel it first",
        ))
    }
    async fn cancel(&self, request: Request<AgentExecutionId>) -> Answer<AgentExecution> {
        let value = request.into_inner().value;
        self.0.lock().unwrap().cancelled.push(value);
        Ok(Response::new(state(
            ExecutionPhase::ExecutionInProgress,
            "",
        )))
    }
}

#[tonic::async_trait]
impl AgentExecutionQueryController for Fake {
    type subscribeStream = Pin<Box<dyn Stream<Item = Result<AgentExecution, Status>> + Send>>;

    async fn get(&self, request: Request<AgentExecutionId>) -> Answer<AgentExecution> {
        let value = request.into_inner().value;
        let listed = self.0.lock().unwrap().listed.clone();
        if let Some(listed) = listed.into_iter().find(|e| e.id() == value) {
            return Ok(Response::new(listed));
        }
        if value == EXECUTION {
            return Ok(Response::new(state(
                ExecutionPhase::ExecutionFailed,
                "Hello",
            )));
        }
        Err(Status::not_found(format!(
            "AgentExecution not found: {value}"
        )))
    }
    async fn list(&self, _: Request<ListAgentExecutionsRequest>) -> Answer<AgentExecutionList> {
        let world = self.0.lock().unwrap();
        Ok(Response::new(AgentExecutionList {
            entries: world.listed.clone(),
            next_page_token: world.endless.first().copied().unwrap_or("").to_owned(),
            total_pages: 0,
        }))
    }
    async fn list_by_session(
        &self,
        _: Request<ListAgentExecutionsBySessionRequest>,
    ) -> Answer<AgentExecutionList> {
        Err(Status::unimplemented(""))
    }
    async fn subscribe(&self, _: Request<AgentExecutionId>) -> Answer<Self::subscribeStream> {
        let mut world = self.0.lock().unwrap();
        if world.silent {
            return Ok(Response::new(Box::pin(tokio_stream::pending())));
        }
        let again = world.again.clone().map(|state| vec![Ok(state)]);
        let states = world.streams.pop_front().or(again);
        let states = states.ok_or_else(|| Status::unavailable("shutting down"))?;
        Ok(Response::new(Box::pin(tokio_stream::iter(states))))
    }
}
