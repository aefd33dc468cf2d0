//! How requests become answers. No answer leaves with a secret in it, and none that is too large to be
//! read: [`write`], [`read`] and [`list`] see to it, and only a context is told otherwise, to a runner.

use stigmer_api::validate::Validate;
use tonic::{Request, Response, Status};

use crate::{
    error::Result,
    ops::{Entity, Valid},
    store::{Keep, Page, Read, Store, Tx, Wanted, told},
};

pub(super) type Reply<T> = Result<Response<T>, Status>;

/// Writes and answers.
pub(super) async fn write<Q, T, F>(store: &Store, request: Request<Q>, f: F) -> Reply<T>
where
    Q: Send + 'static,
    T: Entity + Send + 'static,
    F: FnOnce(&mut Tx<'_>, Q) -> Result<T> + Send + 'static,
{
    let input = request.into_inner();
    let output = store.write(move |tx| f(tx, input)).await?;
    Ok(Response::new(told(output)))
}

/// Writes a resource that a client sends, and answers. What breaks a rule comes not as far as the
/// writer.
pub(super) async fn write_valid<R, T, F>(store: &Store, request: Request<R>, f: F) -> Reply<T>
where
    R: Validate + Send + 'static,
    T: Entity + Send + 'static,
    F: FnOnce(&mut Tx<'_>, Valid<R>) -> Result<T> + Send + 'static,
{
    let valid = Valid::new(request.into_inner())?;
    write(store, Request::new(valid), f).await
}

/// Reads and answers.
pub(super) fn read<T: Entity>(store: &Store, f: impl FnOnce(&dyn Read) -> Result<T>) -> Reply<T> {
    Ok(Response::new(told(store.read(f)?)))
}

/// Reads a page of the resources that `keep` keeps.
pub(super) async fn page<R: Entity>(
    store: &Store,
    wanted: Wanted,
    keep: Keep,
) -> Result<Page<R>, Status> {
    list(store, move |store| store.page(wanted, &keep)).await
}

/// Reads a page on a thread of its own: the first of its kind reads all from the file.
pub(super) async fn list<R: Entity>(
    store: &Store,
    read: impl FnOnce(&Store) -> Result<Page<R>> + Send + 'static,
) -> Result<Page<R>, Status> {
    let store = store.clone();
    let joined = tokio::task::spawn_blocking(move || read(&store)).await;
    let page = joined.map_err(|e| Status::internal(format!("the list failed: {e}")))?;
    let mut page = page?;
    page.entries = page.entries.into_iter().map(told).collect();
    Ok(page)
}
