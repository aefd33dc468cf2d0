//! Pages end by number and by size.

use stigmer_api::{
    Kind,
    footprint::{MAX_FOOTPRINT, footprint},
    id,
};

use super::*;

/// Stores agents of these sizes, each a child of the id that is answered with theirs.
async fn agents(store: &Store, sizes: &'static [usize]) -> (String, Vec<String>) {
    let parent = id::new(Kind::Session);
    let under = parent.clone();
    let written = store.write(move |tx| {
        let mut ids = Vec::new();
        for size in sizes {
            let mut agent = agent(&id::new(Kind::Agent), "some");
            let spec = agent.spec.get_or_insert_default();
            spec.instructions = "x".repeat(*size);
            tx.put(&mut agent)?;
            tx.link(&under, agent.id())?;
            ids.push(agent.id().to_owned());
        }
        Ok(ids)
    });
    let mut ids = written.await.unwrap();
    ids.reverse();
    (parent, ids)
}

/// The sizes of all pages, by both ways to list, and what is on them.
fn pages(store: &Store, parent: &str, size: i32) -> (Vec<usize>, Vec<String>) {
    let all = |by_parent: bool| {
        let (mut sizes, mut ids, mut token) = (Vec::new(), Vec::new(), String::new());
        loop {
            let wanted = Wanted { size, token };
            let page = match by_parent {
                true => store.page_of_children::<Agent>(wanted, &[parent.to_owned()]),
                false => store.page(wanted, &Keep::default()),
            };
            let page = page.unwrap();
            sizes.push(page.entries.len());
            ids.extend(page.entries.iter().map(|a| a.id().to_owned()));
            token = page.next;
            if token.is_empty() {
                assert_eq!(usize::try_from(page.total_pages).unwrap(), sizes.len());
                return (sizes, ids);
            }
        }
    };
    let both = (all(false), all(true));
    assert_eq!(both.0, both.1);
    both.0
}

#[tokio::test]
async fn a_page_ends_before_it_is_too_large_for_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    // The newest is last: one that is small, three that share pages, one that fills its own.
    let sizes = &[6_000_000, 1_900_000, 1_900_000, 1_900_000, 10];
    let (parent, ids) = agents(&store, sizes).await;
    assert_eq!(pages(&store, &parent, 0), (vec![3, 1, 1], ids.clone()));
    assert_eq!(pages(&store, &parent, 2), (vec![2, 2, 1], ids.clone()));
    assert_eq!(pages(&store, &parent, 1), (vec![1; 5], ids));
}

#[tokio::test]
async fn a_page_stays_full_when_something_small_follows() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (parent, ids) = agents(&store, &[10, 3_900_000, 200_000]).await;
    assert_eq!(pages(&store, &parent, 0), (vec![1, 2], ids));
}

#[tokio::test]
async fn nothing_makes_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (size, token) = (0, String::new());
    let page = store.page::<Agent>(Wanted { size, token }, &Keep::default());
    let page = page.unwrap();
    assert!(page.entries.is_empty() && page.next.is_empty() && page.total_pages == 0);
}

#[tokio::test]
async fn what_takes_much_once_it_is_read_counts_as_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let written = store.write(|tx| {
        for _ in 0..24 {
            // 50 kB of the wire, and of memory a hundred times as much.
            let mut dense = agent(&id::new(Kind::Agent), "some");
            let spec = dense.spec.get_or_insert_default();
            spec.mcp_servers = vec![Default::default(); 25_000];
            tx.put(&mut dense)?;
        }
        Ok(())
    });
    written.await.unwrap();
    let wanted = Wanted {
        size: 0,
        token: String::new(),
    };
    let page = store.page::<Agent>(wanted, &Keep::default());
    let page = page.unwrap();
    let list = stigmer_api::agent::AgentList {
        entries: page.entries,
        ..Default::default()
    };
    let wire = prost::Message::encode_to_vec(&list);
    assert!(wire.len() < PAGE_BYTES / 2, "{} bytes", wire.len());
    let takes = footprint::<stigmer_api::agent::AgentList>(&wire, usize::MAX);
    assert!(takes <= MAX_FOOTPRINT, "{} MiB", takes >> 20);
    assert!(page.total_pages > 1);
}
