//! The end of a child workflow, whichever of its runs comes to it.

use futures::FutureExt;
use temporalio_sdk::{WorkflowCancellationToken, WorkflowContext, workflows};

/// Histories from before have no such command, and go on as they were.
const PATCH: &str = "cancel-the-childs-run-that-is-alive";

/// What becomes of child `id`, which was started with `token`. A cancel by that token is told the run
/// that was started, which a child that was continued as new has left: it is told the one that is
/// alive too.
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
    if ctx.patched(PATCH) {
        // One that cannot be told has ended: that is its result.
        let _ = ctx.external_workflow(id, None).cancel(token.reason()).await;
    }
    result.await
}

/// Why a run was cancelled, without the words that Temporal's SDK puts before a parent's.
pub(crate) fn reason(said: String) -> String {
    let parents = said.strip_prefix("Cancel requested by workflow with run id ");
    match parents.and_then(|rest| rest.split_once(" with reason: ")) {
        Some((_, reason)) => reason.to_owned(),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parents_reason_is_told_in_its_own_words() {
        let of_sdk = "Cancel requested by workflow with run id 0a-1 with reason: nobody waits";
        assert_eq!(reason(of_sdk.to_owned()), "nobody waits");
        assert_eq!(reason("by hand".to_owned()), "by hand");
    }
}
