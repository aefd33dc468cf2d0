use stigmer_api::agent::AgentId;
use test_e2e::{Result, Stack, ensure};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};

#[tokio::test]
async fn the_server_is_serving() -> Result {
    let stack = Stack::get()?;
    let mut health = HealthClient::new(stack.api()?.channel);
    let answer = health
        .check(HealthCheckRequest::default())
        .await?
        .into_inner();
    ensure!(answer.status() == ServingStatus::Serving, "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn the_server_describes_its_services() -> Result {
    let stack = Stack::get()?;
    let mut reflection = ServerReflectionClient::new(stack.api()?.channel);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection
        .server_reflection_info(futures::stream::iter([request]))
        .await?;
    let answer = answers.into_inner().message().await?;
    let answer = format!("{:?}", answer.and_then(|a| a.message_response));
    for service in [
        "agent.v1.AgentCommandController",
        "session.v1.SessionQueryController",
        "skill.v1.SkillCommandController",
        "skill.v1.SkillQueryController",
        "environment.v1.EnvironmentCommandController",
        "environment.v1.EnvironmentQueryController",
        "executioncontext.v1.ExecutionContextCommandController",
        "executioncontext.v1.ExecutionContextQueryController",
    ] {
        ensure!(answer.contains(service), "no {service}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn an_empty_id_is_refused_and_an_unknown_one_not_found() -> Result {
    let stack = Stack::get()?;
    let mut agents = stack.api()?.agent_queries();
    let code = async |value: &str| {
        let answer = Box::pin(agents.get(AgentId {
            value: value.to_owned(),
        }))
        .await;
        answer.map(drop).map_err(|status| status.code())
    };
    let mut code = code;
    ensure!(code("").await == Err(Code::InvalidArgument));
    ensure!(code("no-id").await == Err(Code::NotFound));
    ensure!(code("agt-01k00000000000000000000000").await == Err(Code::NotFound));
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_its_address() -> Result {
    let stack = Stack::get()?;
    // Port 1 is nobody's: it needs root and has no service.
    let output = stack
        .cli_at("http://127.0.0.1:1")
        .run(["get", "agents"])
        .await?;
    ensure!(output.code == Some(4), "{output:#?}");
    ensure!(output.stderr.contains("127.0.0.1:1"), "{output:#?}");
    ensure!(output.stderr.contains("STIGMER_SERVER_ADDR"), "{output:#?}");
    Ok(())
}
