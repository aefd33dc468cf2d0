//! The gRPC services: they translate between the wire and [`ops`](crate::ops).

mod agent;
mod execution;
mod instance;
mod session;

use tonic::{Request, Response, Status};

pub(crate) use agent::AgentService;
pub(crate) use execution::ExecutionService;
pub(crate) use instance::InstanceService;
pub(crate) use session::SessionService;

use crate::{
    error::Result,
    ops::kinds::Entity,
    store::{Page, Read, Store, Tx},
};

type Reply<T> = Result<Response<T>, Status>;

/// Writes and answers.
async fn write<Q, T, F>(store: &Store, request: Request<Q>, f: F) -> Reply<T>
where
    Q: Send + 'static,
    T: Send + 'static,
    F: FnOnce(&mut Tx<'_>, Q) -> Result<T> + Send + 'static,
{
    let input = request.into_inner();
    let output = store.write(move |tx| f(tx, input)).await?;
    Ok(Response::new(output))
}

/// Reads and answers.
fn read<T>(store: &Store, f: impl FnOnce(&dyn Read) -> Result<T>) -> Reply<T> {
    Ok(Response::new(store.read(f)?))
}

/// Reads a page on a thread of its own: a list visits every resource of its kind.
async fn page<R: Entity>(
    store: &Store,
    size: i32,
    token: String,
    keep: impl Fn(&R) -> bool + Send + 'static,
) -> Result<Page<R>, Status> {
    let store = store.clone();
    let list = move || store.read(|view| view.page(size, &token, &keep));
    let joined = tokio::task::spawn_blocking(list).await;
    let page = joined.map_err(|e| Status::internal(format!("the list failed: {e}")))?;
    Ok(page?)
}

/// Whether `resource` carries all of `tags`.
fn tagged<R: Entity>(resource: &R, tags: &[String]) -> bool {
    let own = resource.metadata().map_or(&[][..], |m| &m.tags);
    tags.iter().all(|tag| own.contains(tag))
}
