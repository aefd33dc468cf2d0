//! Our server without what the original's has not.

use std::future::poll_fn;

use anyhow::{Context, Result};
use axum::{Router, body::Body, extract::Request, response::Response};
use test_e2e::Api;
use tonic::{
    Status,
    codegen::Service,
    service::Routes,
    transport::{Channel, Server, server::TcpIncoming},
};

/// Parts of the paths that it does not know. It makes no contexts of executions.
const LACKS: [&str; 8] = [
    "ExecutionContext",
    "AgentQueryController/list",
    "EnvironmentQueryController/list",
    "SkillQueryController/list",
    "AgentExecutionQueryController/list/",
    "/cancel",
    "grpc.health",
    "grpc.reflection",
];

/// Serves until the test's runtime ends; `HOST:PORT`, as the original's runner is told it.
pub(crate) fn serve(api: &Api) -> Result<String> {
    let ours = api.channel.clone();
    let router = Router::new().fallback(move |request| pass(ours.clone(), request));
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).context("no port")?;
    let address = incoming.local_addr().context("no address")?;
    let server = Server::builder().add_routes(Routes::from(router));
    tokio::spawn(server.serve_with_incoming(incoming));
    Ok(address.to_string())
}

async fn pass(mut ours: Channel, request: Request) -> Response {
    let path = request.uri().path();
    if LACKS.iter().any(|lacks| path.contains(lacks)) {
        return Status::unimplemented(path.to_owned()).into_http();
    }
    if let Err(error) = poll_fn(|cx| ours.poll_ready(cx)).await {
        return Status::unavailable(error.to_string()).into_http();
    }
    match ours.call(request.map(tonic::body::Body::new)).await {
        Ok(answer) => answer.map(Body::new),
        Err(error) => Status::unavailable(error.to_string()).into_http(),
    }
}
