//! The end of a child workflow, whichever of its runs comes to it.

use futures::FutureExt;
use temporalio_sdk::{WorkflowCancellationToken, WorkflowContext, workflows};

/// The token that a child is started with. One of its parent's would tell the run that was started,
/// which a child that was continued as new has left; [`ended`] tells the one that is alive.
pub(crate) fn token() -> WorkflowCancellationToken {
    WorkflowCancellationToken::new()
}

/// What becomes of child `id`, which is told to let go once `token` is cancelled.
pub(crate) async fn ended<W, T>(
    ctx: &WorkflowContext<W>,
    id: &str,
    token: &WorkflowCancellationToken,
    result: impl Future<Output = T>,
) -> T {
    let mut result = Box::pin(result.fuse());
    let mut cancelled = Box::pin(token.cancelled());
    workflows::select! {
        result = result => return result,
        () = cancelled => {}
    }
    // One that cannot be told has ended: that is its result.
    let _ = ctx.external_workflow(id, None).cancel(token.reason()).await;
    result.await
}
