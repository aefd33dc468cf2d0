mod notes;
mod silent;

use std::{fs, sync::atomic::Ordering};

use stigmer_api::{
    agent::{Agent, AgentSpec},
    agentexecution::{AgentExecution, AgentExecutionSpec},
    apiresource::ApiResourceReference,
    resource::Resource,
};

use self::silent::Silent;
use super::*;
use crate::{documented::documented, hub, ops};

/// Long enough for a call over loopback, which takes a millisecond.
const LIMIT: Duration = Duration::from_millis(500);

/// Longer than any of the tests takes.
const END: Duration = Duration::from_secs(30);

fn temporal(address: String) -> TemporalArgs {
    TemporalArgs {
        address: Some(address),
        service_address: None,
        namespace: "default".to_owned(),
        task_queue: "queue".to_owned(),
        tls: false,
        tls_ca: None,
        tls_cert: None,
        tls_key: None,
        api_key: None,
    }
}

/// A store in which one execution waits, and what its subscriber is told.
pub(super) async fn waiting(folder: &tempfile::TempDir) -> (Store, hub::Updates) {
    let (store, mut updates) = so_many_waiting(folder, 1).await;
    (store, updates.pop().unwrap())
}

/// The same with so many executions.
async fn so_many_waiting(folder: &tempfile::TempDir, count: usize) -> (Store, Vec<hub::Updates>) {
    let hub = Arc::new(hub::Hub::default());
    let path = folder.path().join("s.db");
    let store = Store::open(&path, &path.with_extension("key"), hub).unwrap();
    let mut agent = Agent {
        spec: Some(AgentSpec {
            instructions: "Do what is right.".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    agent.set_envelope();
    agent.metadata_mut().name = "agent".to_owned();
    agent.metadata_mut().owner_scope = 2;
    let updates = store.write(move |tx| {
        let agent = ops::agent::create(tx, ops::Valid::new(agent)?)?;
        let execution = |_| {
            let mut execution = AgentExecution {
                spec: Some(AgentExecutionSpec {
                    agent_id: agent.id().to_owned(),
                    message: "hello".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            execution.set_envelope();
            execution.metadata_mut().name = "execution".to_owned();
            let execution = ops::execution::create(tx, ops::Valid::new(execution)?, "new")?;
            let (event, updates) = hub::subscription(execution);
            event.into_iter().for_each(|event| tx.publish(event));
            Ok(updates)
        };
        (0..count).map(execution).collect()
    });
    let updates = updates.await.unwrap();
    (store, updates)
}

/// The execution in the outbox.
pub(super) fn the_one(store: &Store) -> String {
    let waiting = store.read(|view| view.outbox()).unwrap();
    waiting[0].0.clone()
}

#[tokio::test]
async fn a_silent_connection_is_given_up_for_a_new_one() {
    let temporal_is = Silent::to("/StartWorkflowExecution", 1).await;
    let folder = tempfile::tempdir().unwrap();
    let (store, mut updates) = waiting(&folder).await;
    let outbox = Outbox::with_limit(temporal(temporal_is.address()), LIMIT);
    tokio::spawn(Arc::new(outbox).run(store.clone()));

    let mut reasons = Vec::new();
    let told = async {
        while let Some(Ok(update)) = updates.recv().await {
            let status = update.status.clone().unwrap_or_default();
            reasons.push(status.phase_reason);
            if reasons.last().is_some_and(|r| r.contains("agent-runner")) {
                break;
            }
        }
    };
    let in_time = tokio::time::timeout(END, told).await;
    assert!(in_time.is_ok(), "it was never told again: {reasons:?}");
    // On a busy machine others than the first may be late too, which only repeats the middle.
    reasons.dedup();
    let expected = [
        "new",
        "waiting: Temporal did not take it: no answer within 500ms, connecting anew",
        "waiting for an agent-runner on queue",
    ];
    assert_eq!(reasons, expected);
    assert!(temporal_is.calls.load(Ordering::SeqCst) >= 2);
    let connections = temporal_is.connections.load(Ordering::SeqCst);
    assert!(connections >= 2, "the silent one was kept");
    assert!(store.read(|view| view.outbox()).unwrap().is_empty());
}

#[tokio::test]
async fn comparing_with_a_silent_temporal_ends_in_time() {
    let temporal_is = Silent::to("/DescribeWorkflowExecution", usize::MAX).await;
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = waiting(&folder).await;
    let client = Temporal::new(temporal(temporal_is.address()), LIMIT);
    // What was not handed over yet is not compared.
    reconcile::look(&client, &store).await.unwrap();
    assert_eq!(temporal_is.connections.load(Ordering::SeqCst), 0);

    let id = the_one(&store);
    let started = id.clone();
    let unsend = store.write(move |tx| tx.unsend(&started, Outgoing::Start));
    assert!(unsend.await.unwrap());
    for looks in 1..=2 {
        let looked = tokio::time::timeout(END, reconcile::look(&client, &store)).await;
        let why = looked.unwrap().unwrap_err().to_string();
        assert!(why.contains(&id) && why.contains("no answer"), "{why}");
        assert_eq!(temporal_is.calls.load(Ordering::SeqCst), looks);
        assert_eq!(temporal_is.connections.load(Ordering::SeqCst), looks);
    }
}

#[tokio::test]
async fn who_is_cancelled_while_the_start_is_told_is_cancelled_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = waiting(&folder).await;
    let id = the_one(&store);
    let cancelled = id.clone();
    let cancel = store.write(move |tx| ops::execution::cancel(tx, &cancelled, true));
    cancel.await.unwrap();
    let told = taken(&store, &id, Outgoing::Start, String::new());
    told.await.unwrap();
    let left = store.read(|view| view.outbox()).unwrap();
    assert_eq!(left, [(id, Outgoing::Cancel)]);
}

#[tokio::test]
async fn so_many_are_handed_over_at_once() {
    for (executions, at_once) in [(16, 16), (17, 16)] {
        let temporal_is = Silent::to("/StartWorkflowExecution", usize::MAX).await;
        let folder = tempfile::tempdir().unwrap();
        let (store, _updates) = so_many_waiting(&folder, executions).await;
        let outbox = Outbox::with_limit(temporal(temporal_is.address()), END);
        let handing_over = tokio::spawn(Arc::new(outbox).run(store));
        let calls = || temporal_is.calls.load(Ordering::SeqCst);
        let begun = std::time::Instant::now();
        while calls() < at_once {
            assert!(begun.elapsed() < END, "{} of {at_once}", calls());
            tokio::task::yield_now().await;
        }
        // Long enough for one more to be told.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(calls(), at_once, "of {executions}");
        handing_over.abort();
    }
}

#[tokio::test]
async fn so_many_are_compared_at_once() {
    for (executions, at_once) in [(8, 8), (9, 8)] {
        let temporal_is = Silent::to("/DescribeWorkflowExecution", usize::MAX).await;
        let folder = tempfile::tempdir().unwrap();
        let (store, _updates) = so_many_waiting(&folder, executions).await;
        let told = store.write(|tx| {
            for (id, what) in tx.view().outbox()? {
                tx.unsend(&id, what)?;
            }
            Ok(())
        });
        told.await.unwrap();
        let client = Temporal::new(temporal(temporal_is.address()), LIMIT);
        // The first that is not answered ends it.
        assert!(reconcile::look(&client, &store).await.is_err());
        let calls = temporal_is.calls.load(Ordering::SeqCst);
        assert_eq!(calls, at_once, "of {executions}");
    }
}

#[test]
fn the_figures_are_those_of_the_docs() {
    let (first, longest) = (RETRY.0.as_millis(), RETRY.1.as_secs_f64());
    documented(&[
        format!("| executions that are handed to Temporal at once | {PARALLEL} |"),
        format!(
            "| workflows that are compared at once | {} |",
            reconcile::PARALLEL
        ),
        format!("| a call of Temporal | {} s |", CALL.as_secs_f64()),
        format!(
            "| what Temporal did not take | told again after {first} ms doubling to {longest} s |"
        ),
    ]);
}

#[tokio::test]
async fn what_the_store_refuses_is_told_by_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = waiting(&folder).await;
    let id = the_one(&store);
    // Something under its id that cannot be read as an execution.
    let mut other = Agent::default();
    other.metadata_mut().id.clone_from(&id);
    let spec = other.spec.get_or_insert_default();
    spec.skill_refs = vec![ApiResourceReference {
        scope: 2,
        ..Default::default()
    }];
    store.write(move |tx| tx.put(&mut other)).await.unwrap();

    let log = folder.path().join("log");
    let file = fs::File::create(&log).unwrap();
    let subscriber = tracing_subscriber::fmt().with_writer(Arc::new(file));
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let temporal_is = Silent::to("nothing", 0).await;
    // Whether it was told or not, what became of it cannot be noted.
    for address in [temporal_is.address(), "127.0.0.1:1".to_owned()] {
        let outbox = Outbox::with_limit(temporal(address), END);
        assert!(!outbox.dispatch(&store).await.unwrap());
        let log = fs::read_to_string(&log).unwrap();
        let mut lines = log.lines();
        let told = lines.rfind(|line| line.contains("could not be noted"));
        let told = told.unwrap_or_else(|| panic!("nothing was told: {log}"));
        assert!(
            told.contains(&id) && told.contains("the store failed"),
            "{told}"
        );
        fs::write(folder.path().join("log"), "").unwrap();
    }
}
