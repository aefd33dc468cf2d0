use std::sync::Arc;

use stigmer_api::{Kind, agent::Agent, agentexecution::AgentExecution, id, resource::Resource};

mod disk;
mod listings;
mod pages;
mod sealed;
mod sizes;

use super::*;
use crate::{error::Error, hub};

fn agent(id: &str, slug: &str) -> Agent {
    let mut agent = Agent::default();
    agent.set_envelope();
    agent.metadata_mut().id = id.to_owned();
    agent.metadata_mut().slug = slug.to_owned();
    agent
}

fn open(folder: &tempfile::TempDir) -> Store {
    try_open(folder).unwrap()
}

fn try_open(folder: &tempfile::TempDir) -> anyhow::Result<Store> {
    let path = folder.path().join("sub/s.db");
    Store::open(&path, &path.with_extension("key"), Arc::new(Hub::default()))
}

/// Lets go of the store and waits until its writer has done so too.
fn close(folder: &tempfile::TempDir, store: Store) {
    drop(store);
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while Database::open(folder.path().join("sub/s.db")).is_err() {
        assert!(std::time::Instant::now() < limit, "the writer does not end");
        std::thread::yield_now();
    }
}

/// What the error says.
fn why(opened: anyhow::Result<Store>) -> String {
    opened.err().map(|e| format!("{e:#}")).unwrap_or_default()
}

#[tokio::test]
async fn a_failed_write_leaves_nothing_and_spares_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let id = stigmer_api::id::new(stigmer_api::Kind::Agent);
    let (mut good, mut bad) = (agent(&id, "good"), agent(&id, "bad"));
    let good = store.write(move |tx| {
        tx.claim_slug(&good)?;
        tx.put(&mut good)
    });
    let failed = store.write(move |tx| {
        tx.put(&mut bad)?;
        tx.claim_slug(&bad)?;
        Err::<(), _>(Error::Precondition("no".to_owned()))
    });
    let (good, failed) = tokio::join!(good, failed);
    good.unwrap();
    assert!(matches!(failed, Err(Error::Precondition(_))));
    let stored: Agent = store.read(|view| view.get(&id)).unwrap();
    assert_eq!(stored.slug(), "good");
    let bad = store.read(|view| view.id_of_slug(stigmer_api::Kind::Agent, "bad", ""));
    assert_eq!(bad.unwrap(), None);
}

#[tokio::test]
async fn what_a_failed_write_changed_twice_is_as_it_was_and_nobody_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let id = id::new(Kind::AgentExecution);
    let mut execution = AgentExecution::default();
    execution.metadata_mut().id = id.clone();
    let mut first = execution.clone();
    let subscribe = store.write(move |tx| {
        tx.put_execution(&mut first)?;
        let (event, updates) = hub::subscription(first);
        event.into_iter().for_each(|event| tx.publish(event));
        Ok(updates)
    });
    let mut updates = subscribe.await.unwrap();
    let message = |said: &str| {
        let mut changed = execution.clone();
        changed.spec.get_or_insert_default().message = said.to_owned();
        changed
    };
    let (mut once, mut twice, mut last) = (message("once"), message("twice"), message("last"));
    let failed = store.write(move |tx| {
        tx.put_execution(&mut once)?;
        tx.put_execution(&mut twice)?;
        Err::<(), _>(Error::Precondition("no".to_owned()))
    });
    assert!(failed.await.is_err());
    let stored: AgentExecution = store.read(|view| view.get(&id)).unwrap();
    assert_eq!(stored, execution);
    let written = store.write(move |tx| tx.put_execution(&mut last));
    written.await.unwrap();
    for said in ["", "last"] {
        let told = updates.recv().await.unwrap().unwrap();
        let spec = told.spec.clone().unwrap_or_default();
        assert_eq!(spec.message, said);
    }
}

#[tokio::test]
async fn a_second_server_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(&folder);
    let why = why(try_open(&folder));
    assert!(why.contains("another server"), "{why}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    std::fs::write(&path, "not a database").unwrap();
    assert!(Store::open(&path, &path.with_extension("key"), Arc::new(Hub::default())).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a database");
}

#[test]
fn an_empty_file_beside_a_key_is_a_loss_and_no_beginning() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder));
    let path = folder.path().join("sub/s.db");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    let why = why(try_open(&folder));
    assert!(
        why.contains("s.db (DB_PATH) is empty") && why.contains("s.key"),
        "{why}"
    );
    std::fs::remove_file(path.with_extension("key")).unwrap();
    assert!(try_open(&folder).is_ok());
}

#[test]
fn another_server_is_named_only_where_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    std::fs::create_dir(&path).unwrap();
    let opened = Store::open(&path, &path.with_extension("key"), Arc::new(Hub::default()));
    let why = why(opened);
    assert!(
        why.contains("DB_PATH") && !why.contains("another server"),
        "{why}"
    );
}

/// The largest agent that is taken, and one byte more.
#[tokio::test]
async fn what_no_answer_could_tell_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let id = stigmer_api::id::new(stigmer_api::Kind::Agent);
    let mut large = agent(&id, "large");
    let spec = large.spec.get_or_insert_default();
    spec.instructions = "x".repeat(10_000_000);
    let missing = size::LARGEST - prost::Message::encoded_len(&large);
    let spec = large.spec.get_or_insert_default();
    spec.instructions.push_str(&"x".repeat(missing));
    let mut larger = large.clone();
    larger.spec.get_or_insert_default().instructions.push('x');
    let refused = store.write(move |tx| tx.put(&mut larger)).await;
    assert!(
        matches!(refused, Err(Error::TooLarge { .. })),
        "{refused:?}"
    );
    assert!(
        store
            .read(|view| view.find::<Agent>(&id))
            .unwrap()
            .is_none()
    );
    store.write(move |tx| tx.put(&mut large)).await.unwrap();
    let wanted = Wanted {
        size: 0,
        token: String::new(),
    };
    let page = store.page::<Agent>(wanted, &Keep::default()).unwrap();
    let list = stigmer_api::agent::AgentList {
        entries: page.entries,
        total_pages: page.total_pages,
        next_page_token: page.next,
    };
    assert!(prost::Message::encoded_len(&list) < stigmer_api::MAX_MESSAGE);
}
