//! What is known of resources for their lists is what the file has.

use std::ops::ControlFlow;

use proptest::{collection::vec, option, prelude::*};
use prost::Message;
use stigmer_api::agentexecution::{AgentExecution, ExecutionPhase as Phase};

use super::*;
use crate::store::listings::all;

mod cases;

const PHASES: [Phase; 3] = [
    Phase::ExecutionPending,
    Phase::ExecutionFailed,
    Phase::ExecutionCompleted,
];

/// What lists are narrowed to.
const NARROWED: [(&[&str], &str); 5] = [
    (&[], ""),
    (&["a"], ""),
    (&["a", "b"], ""),
    (&[], "acme"),
    (&["b"], "acme"),
];

/// Ids and the number of pages, for each page of a list.
type Pages = Vec<(Vec<String>, usize)>;

fn done<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(work)
}

fn slot(number: usize) -> String {
    format!("aex-{number:026}")
}

/// Its organization and tags are told by the last bits of its bytes.
fn execution(id: &str, phase: Phase, bytes: usize) -> AgentExecution {
    let mut execution = AgentExecution::default();
    let metadata = execution.metadata_mut();
    metadata.id = id.to_owned();
    let its = |bit: usize, text: &str| (bytes & bit != 0).then(|| text.to_owned());
    metadata.org = its(1, "acme").unwrap_or_default();
    metadata.tags = [its(2, "a"), its(4, "b")].into_iter().flatten().collect();
    execution.status.get_or_insert_default().phase = phase.into();
    execution.spec.get_or_insert_default().message = "x".repeat(bytes);
    execution
}

fn keep(phase: Phase, tags: &[&str], org: &str) -> Keep {
    Keep {
        phase,
        tags: tags.iter().map(|it| (*it).to_owned()).collect(),
        org: org.to_owned(),
    }
}

fn listed(store: &Store, size: i32, keep: &Keep) -> Pages {
    pages(size, |wanted| store.page(wanted, keep).unwrap())
}

fn pages(size: i32, page: impl Fn(Wanted) -> Page<AgentExecution>) -> Pages {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = page(Wanted { size, token });
        let ids = page.entries.iter().map(|it| it.id().to_owned()).collect();
        pages.push((ids, usize::try_from(page.total_pages).unwrap()));
        token = page.next;
        if token.is_empty() {
            return pages;
        }
    }
}

/// The same pages, as they are cut when each value is read.
fn plain(store: &Store, size: usize, keep: &Keep) -> Pages {
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    let mut see = |_: &str, value: &[u8]| {
        let execution = AgentExecution::decode(value)?;
        let own = execution.metadata().unwrap();
        let tagged = keep.tags.iter().all(|tag| own.tags.contains(tag));
        let of_org = keep.org.is_empty() || own.org == keep.org;
        let of_phase = keep.phase == Phase::Unspecified || execution.phase() == keep.phase;
        if !tagged || !of_org || !of_phase {
            return Ok(ControlFlow::Continue(()));
        }
        let share = size::share::<AgentExecution>(value);
        match pages.last_mut() {
            Some(page) if page.len() < size && bytes + share <= PAGE_BYTES => {
                bytes += share;
                page.push(execution.id().to_owned());
            }
            _ => {
                bytes = share;
                pages.push(vec![execution.id().to_owned()]);
            }
        }
        Ok(ControlFlow::Continue(()))
    };
    let scanned = store.read(|view| view.scan("r/aex-", true, &mut see));
    scanned.unwrap();
    let total = pages.len();
    if pages.is_empty() {
        pages.push(Vec::new());
    }
    pages.into_iter().map(|ids| (ids, total)).collect()
}

fn compare(store: &Store) {
    for phase in [&PHASES[..], &[Phase::Unspecified]].concat() {
        for size in [1, 3, 50] {
            for (tags, org) in NARROWED {
                let keep = keep(phase, tags, org);
                let plain = plain(store, usize::try_from(size).unwrap(), &keep);
                let listed = listed(store, size, &keep);
                assert_eq!(listed, plain, "{phase:?} {size} {tags:?} {org}");
            }
        }
    }
}

/// What a request does: an execution of a phase and so many bytes is stored in a slot, or what is there is deleted.
type Change = (usize, Option<(Phase, usize)>);

/// Each with whether it fails in the end.
type Requests = Vec<(Vec<Change>, bool)>;

#[derive(Clone, Debug)]
enum Step {
    Commit(Requests),
    Compare,
    Forget,
    /// Reads the file anew, with commits before and after it is seen as it is.
    Build(Requests, Requests),
    Restart,
}

fn requests() -> impl Strategy<Value = Requests> {
    let phase = (0..PHASES.len()).prop_map(|it| PHASES[it]);
    let bytes = prop_oneof![9 => 16_usize..24, 1 => 1_500_000_usize..1_500_008];
    let change = (0_usize..12, option::weighted(0.7, (phase, bytes)));
    vec((vec(change, 1..4), prop::bool::weighted(0.3)), 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => requests().prop_map(Step::Commit),
        4 => Just(Step::Compare),
        1 => Just(Step::Forget),
        2 => (requests(), requests()).prop_map(|(before, after)| Step::Build(before, after)),
        1 => Just(Step::Restart),
    ]
}

fn commit(store: &Store, requests: Requests) {
    let requests = requests.into_iter().map(|(changes, fails)| {
        store.write(move |tx| {
            for (number, stored) in changes {
                match stored {
                    Some((phase, bytes)) => tx.put(&mut execution(&slot(number), phase, bytes))?,
                    None => tx.remove(&slot(number))?,
                }
            }
            match fails {
                true => Err(Error::Precondition("no".to_owned())),
                false => Ok(()),
            }
        })
    });
    done(futures::future::join_all(requests));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pages_are_those_of_the_file(steps in vec(step(), 1..24)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        for step in steps {
            match step {
                Step::Commit(requests) => commit(&store, requests),
                Step::Compare => compare(&store),
                Step::Forget => store.listings.forget(),
                Step::Build(before, after) => {
                    store.listings.forget();
                    assert!(store.listings.begin(Kind::AgentExecution));
                    commit(&store, before);
                    let table = store.db.read().unwrap();
                    commit(&store, after);
                    let read = all::<AgentExecution>(&table);
                    store.listings.finish(Kind::AgentExecution, read).unwrap();
                }
                Step::Restart => {
                    done(store.close());
                    store = open(&folder);
                }
            }
        }
        compare(&store);
    }
}
