use super::*;
use crate::outbox::tests::{the_one, waiting};

#[tokio::test]
async fn an_execution_whose_workflow_is_gone_says_why_and_when_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = waiting(&folder).await;
    let id = the_one(&store);
    let failed = fail(&store, id.clone(), "is gone".to_owned());
    failed.await.unwrap();
    let ended: AgentExecution = store.read(|view| view.get(&id)).unwrap();
    assert_eq!(ended.phase(), ExecutionPhase::ExecutionFailed);
    let status = ended.status.unwrap_or_default();
    assert_eq!(status.error, "its workflow is gone");
    assert!(!status.completed_at.is_empty(), "{status:?}");
}
