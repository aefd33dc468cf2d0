//! Executions, and what belongs to them.

use stigmer_api::{
    agentexecution::{
        AgentExecution, AgentExecutionSpec, AgentExecutionStatus, AgentMessage, ExecutionPhase,
        TodoItem, TokenUsage, ToolCall,
    },
    agentinstance::{AgentInstance, AgentInstanceSpec},
    executioncontext::{ExecutionContext, ExecutionContextSpec},
    resource::Resource,
    session::{Session, SessionSpec},
};

use super::{agent, create, create_agent, named, open};
use crate::{
    error::Result,
    ops::{self, Report, Valid},
    store::{Outgoing, Store},
};

/// Asks `agent` in this session, or in one of its own.
async fn ask(store: &Store, agent: &str, session: &str) -> Result<AgentExecution> {
    let execution = AgentExecution {
        spec: Some(AgentExecutionSpec {
            agent_id: agent.to_owned(),
            session_id: session.to_owned(),
            message: "hello".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    begin(store, named(execution, "execution")).await
}

async fn begin(store: &Store, execution: AgentExecution) -> Result<AgentExecution> {
    let execution = Valid::new(execution)?;
    let begun = store.write(|tx| ops::execution::create(tx, execution, "new"));
    begun.await
}

async fn report(store: &Store, id: &str, status: AgentExecutionStatus) -> AgentExecution {
    let report = Report::of_our_own(id, status);
    let told = store.write(|tx| ops::execution::update_status(tx, report));
    told.await.unwrap()
}

#[tokio::test]
async fn a_copy_of_an_execution_that_has_ended_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let agent = create_agent(&store, agent("agent")).await;
    let first = ask(&store, agent.id(), "").await.unwrap();
    let end = AgentExecutionStatus {
        phase: ExecutionPhase::ExecutionFailed.into(),
        messages: vec![AgentMessage::default()],
        tool_calls: vec![ToolCall::default()],
        error: "it broke".to_owned(),
        completed_at: "2026-11-26T12:00:00Z".to_owned(),
        usage: Some(TokenUsage::default()),
        ..Default::default()
    };
    let mut copy = report(&store, first.id(), end).await;
    copy.metadata_mut().id.clear();
    let begun = begin(&store, copy).await.unwrap();
    let status = begun.status.unwrap_or_default();
    assert_eq!(status.messages.len(), 1, "{status:?}");
    let expected = AgentExecutionStatus {
        phase: ExecutionPhase::ExecutionPending.into(),
        phase_reason: "new".to_owned(),
        messages: status.messages.clone(),
        audit: status.audit.clone(),
        ..Default::default()
    };
    assert_eq!(status, expected);
}

#[tokio::test]
async fn todos_are_those_of_the_last_report_that_has_some() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let agent = create_agent(&store, agent("agent")).await;
    let id = ask(&store, agent.id(), "").await.unwrap().id().to_owned();
    for (reported, kept) in [("a b", "a b"), ("b c", "b c"), ("", "b c")] {
        let names = reported.split_whitespace().map(str::to_owned);
        let status = AgentExecutionStatus {
            todos: names.map(|name| (name, TodoItem::default())).collect(),
            ..Default::default()
        };
        let status = report(&store, &id, status).await.status;
        let names: Vec<String> = status.unwrap_or_default().todos.into_keys().collect();
        assert_eq!(names.join(" "), kept, "after {reported:?}");
    }
}

#[tokio::test]
async fn in_a_session_no_other_agent_is_asked_than_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let first = create_agent(&store, agent("first")).await;
    let other = create_agent(&store, agent("other")).await;
    let asked = ask(&store, first.id(), "").await.unwrap();
    let session = asked.spec.unwrap_or_default().session_id;
    let refused = ask(&store, other.id(), &session).await;
    let why = refused.unwrap_err().to_string();
    assert!(why.contains("spec.agent_id: is not the agent"), "{why}");
    // Who is asked need not be named.
    for agent in [first.id(), ""] {
        let asked = ask(&store, agent, &session).await.unwrap();
        assert_eq!(asked.spec.unwrap_or_default().agent_id, first.id());
    }
}

#[tokio::test]
async fn an_instance_goes_with_all_that_ran_in_it_and_not_while_something_runs() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let agent = create_agent(&store, agent("agent")).await;
    let spec = AgentInstanceSpec {
        agent_id: agent.id().to_owned(),
        ..Default::default()
    };
    let instance = AgentInstance {
        spec: Some(spec),
        ..Default::default()
    };
    let instance = create(&store, named(instance, "further")).await.unwrap();
    let spec = SessionSpec {
        agent_instance_id: instance.id().to_owned(),
        ..Default::default()
    };
    let session = Session {
        spec: Some(spec),
        ..Default::default()
    };
    let session = create(&store, named(session, "session")).await.unwrap();
    let execution = ask(&store, "", session.id()).await.unwrap();
    let delete = || {
        let id = instance.id().to_owned();
        store.write(move |tx| ops::agent::delete_instance(tx, &id))
    };
    let why = delete().await.unwrap_err().to_string();
    assert!(why.contains(execution.id()), "{why}");
    let end = AgentExecutionStatus {
        phase: ExecutionPhase::ExecutionCompleted.into(),
        ..Default::default()
    };
    report(&store, execution.id(), end).await;
    delete().await.unwrap();
    let left = store.read(|view| {
        Ok((
            view.find::<AgentInstance>(instance.id())?,
            view.find::<Session>(session.id())?,
            view.find::<AgentExecution>(execution.id())?,
        ))
    });
    assert_eq!(left.unwrap(), (None, None, None));
}

#[tokio::test]
async fn a_further_context_that_was_deleted_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let agent = create_agent(&store, agent("agent")).await;
    let id = ask(&store, agent.id(), "").await.unwrap().id().to_owned();
    let further = ExecutionContext {
        spec: Some(ExecutionContextSpec {
            execution_id: id.clone(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let further = named(further, "further");
    let written = store.write(|tx| {
        // The second has the name of the first.
        for context in [further.clone(), further] {
            let context = ops::context::create(tx, Valid::new(context)?)?;
            ops::context::delete(tx, context.id())?;
        }
        Ok(())
    });
    written.await.unwrap();
    let end = AgentExecutionStatus {
        phase: ExecutionPhase::ExecutionCompleted.into(),
        ..Default::default()
    };
    let ended = report(&store, &id, end).await;
    assert_eq!(ended.phase(), ExecutionPhase::ExecutionCompleted);
}

#[tokio::test]
async fn a_cancel_waits_where_no_temporal_is_configured_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let agent = create_agent(&store, agent("agent")).await;
    for (handed_over, waiting) in [(false, vec![]), (true, vec![Outgoing::Cancel])] {
        let id = ask(&store, agent.id(), "").await.unwrap().id().to_owned();
        let cancelled = store.write(move |tx| {
            if handed_over {
                tx.unsend(&id, Outgoing::Start)?;
            }
            ops::execution::cancel(tx, &id, false)
        });
        let ended = cancelled.await.unwrap().phase().is_terminal();
        assert_eq!(ended, !handed_over);
        let outbox = store.read(|view| view.outbox()).unwrap();
        let outbox: Vec<_> = outbox.into_iter().map(|(_, what)| what).collect();
        assert_eq!(outbox, waiting);
    }
}

/// Everything that Temporal must still be told.
fn waiting(store: &Store) -> Vec<(String, Outgoing)> {
    store.read(|view| view.outbox()).unwrap()
}

#[tokio::test]
async fn what_has_ended_or_is_gone_is_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let agent = create_agent(&store, agent("agent")).await;
    let id = ask(&store, agent.id(), "").await.unwrap().id().to_owned();
    assert_eq!(waiting(&store), [(id.clone(), Outgoing::Start)]);
    let runs = AgentExecutionStatus {
        phase: ExecutionPhase::ExecutionInProgress.into(),
        ..Default::default()
    };
    report(&store, &id, runs).await;
    assert_eq!(waiting(&store), [(id.clone(), Outgoing::Start)]);
    let end = AgentExecutionStatus {
        phase: ExecutionPhase::ExecutionFailed.into(),
        ..Default::default()
    };
    report(&store, &id, end).await;
    assert!(waiting(&store).is_empty());
    let deleted = store.write(move |tx| {
        // As a server of before left it.
        tx.send(&id, Outgoing::Start)?;
        ops::execution::delete(tx, &id)
    });
    deleted.await.unwrap();
    assert!(waiting(&store).is_empty());
}

/// Its start may have been under way when it was cancelled.
#[tokio::test]
async fn one_that_is_gone_is_still_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let agent = create_agent(&store, agent("agent")).await;
    let id = ask(&store, agent.id(), "").await.unwrap().id().to_owned();
    let cancelled = id.clone();
    let deleted = store.write(move |tx| {
        ops::execution::cancel(tx, &cancelled, true)?;
        ops::execution::delete(tx, &cancelled)
    });
    deleted.await.unwrap();
    assert_eq!(waiting(&store), [(id, Outgoing::Cancel)]);
}
