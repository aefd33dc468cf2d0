use stigmer_api::{
    agentexecution::{AgentExecutionStatus, ExecutionPhase},
    apiresource::ApiResourceMetadata,
};

use super::super::*;
use crate::backend::fake::Fake;

fn execution(id: usize, phase: ExecutionPhase, bytes: usize) -> AgentExecution {
    AgentExecution {
        metadata: Some(ApiResourceMetadata {
            id: format!("e{id:03}"),
            ..Default::default()
        }),
        status: Some(AgentExecutionStatus {
            phase: phase.into(),
            messages: vec![AgentMessage {
                r#type: MessageType::MessageHuman.into(),
                content: "x".repeat(bytes),
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    }
}

const COMPLETED: ExecutionPhase = ExecutionPhase::ExecutionCompleted;

#[tokio::test]
async fn pages_are_followed_until_enough_is_remembered() {
    let fake = Fake::default();
    let ids: Vec<usize> = (0..20).rev().collect();
    for page in ids.chunks(2) {
        let page = page.iter().map(|id| execution(*id, COMPLETED, 100 << 10));
        fake.page(page.collect());
    }
    let backend = fake.serve().await;
    // Those from 16 on are not before it.
    let memory = SessionHistory::load(&backend, "s", "e016", None)
        .await
        .unwrap();
    assert_eq!(memory.ids(), ["e015", "e014"]);
    assert!(memory.more);
    assert_eq!(fake.listed(), 4);
    let pins = Pins {
        memory: vec!["e012".to_owned()],
        ..Pins::default()
    };
    let memory = SessionHistory::load(&backend, "s", "e016", Some(&pins))
        .await
        .unwrap();
    assert_eq!(memory.ids(), ["e012"]);
}

#[tokio::test]
async fn the_pages_of_a_session_have_a_limit() {
    let fake = Fake::default();
    for id in (0..2 * PAGES).rev() {
        fake.page(vec![execution(id, ExecutionPhase::ExecutionFailed, 1)]);
    }
    let memory = SessionHistory::load(&fake.serve().await, "s", "f", None)
        .await
        .unwrap();
    assert_eq!((fake.listed(), memory.ids().len()), (PAGES, 0));
    assert!(memory.more);
}
