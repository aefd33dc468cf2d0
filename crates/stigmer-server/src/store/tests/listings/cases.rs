//! Single cases.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::store::listings::all;

/// Says that it is over, also where a check fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Somebody else makes lists be read from the file all the time.
#[test]
fn whoever_was_answered_is_listed_while_the_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let any = Keep::default();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                store.listings.forget();
                listed(&store, 0, &any);
            }
        });
        let _over = Over(&over);
        for number in 0..200 {
            let put = |phase| vec![(vec![(number, Some((phase, 10)))], false)];
            for phase in [Phase::ExecutionPending, Phase::ExecutionFailed] {
                commit(&store, put(phase));
                let page = &listed(&store, 1, &keep(phase, &[], ""))[0];
                assert_eq!(page.0, [slot(number)], "{phase:?}");
            }
            if number % 2 == 0 {
                commit(&store, vec![(vec![(number, None)], false)]);
                let first = &listed(&store, 1, &any)[0].0;
                assert_ne!(*first, [slot(number)]);
            }
        }
    });
    compare(&store);
}

/// The first kept ones, so many of four, when the two newest are none any more by the time that they are read.
fn kept_meanwhile(size: i32, keep: &Keep) -> Page<AgentExecution> {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let put = |number| (number, Some((Phase::ExecutionPending, 10)));
    commit(&store, vec![((0..4).map(put).collect(), false)]);
    let view = || {
        let ended = (3, Some((Phase::ExecutionFailed, 8)));
        commit(&store, vec![(vec![ended, (2, None)], false)]);
        store.view()
    };
    let token = String::new();
    page::page(&store.listings, view, Wanted { size, token }, keep).unwrap()
}

#[test]
fn what_is_deleted_or_kept_no_more_meanwhile_is_left_out() {
    let ids = |page: &Page<AgentExecution>| -> Vec<String> {
        let ids = page.entries.iter().map(|it| it.id().to_owned());
        ids.collect()
    };
    let tagged = keep(Phase::Unspecified, &["a"], "");
    for keep in [keep(Phase::ExecutionPending, &[], ""), tagged] {
        let page = kept_meanwhile(3, &keep);
        assert_eq!((ids(&page), page.next), (vec![slot(1)], slot(1)));
        // Nothing would be on the page.
        let page = kept_meanwhile(2, &keep);
        assert_eq!(
            (ids(&page), page.next),
            (vec![slot(1), slot(0)], String::new())
        );
    }
}

#[test]
fn what_is_not_on_the_page_is_not_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let pending = Phase::ExecutionPending;
    // It has a secret that does not open.
    let mut bad = execution(&slot(0), Phase::ExecutionFailed, 10);
    let secret = stigmer_api::executioncontext::ExecutionValue {
        value: "in clear".to_owned(),
        is_secret: true,
    };
    let env = &mut bad.spec.get_or_insert_default().runtime_env;
    env.insert("TOKEN".to_owned(), secret);
    let planted = store.write(move |tx| tx.set(keys::resource(&slot(0)), &bad.encode_to_vec()));
    done(planted).unwrap();
    commit(&store, vec![(vec![(1, Some((pending, 10)))], false)]);
    for (size, phase, tags, good) in [
        (0, pending, vec![], true),
        (1, Phase::Unspecified, vec![], true),
        (0, Phase::Unspecified, vec!["other".to_owned()], true),
        (0, Phase::ExecutionFailed, vec![], false),
        (0, Phase::Unspecified, vec![], false),
    ] {
        let token = String::new();
        let keep = Keep {
            phase,
            tags,
            ..Keep::default()
        };
        let page = store.page::<AgentExecution>(Wanted { size, token }, &keep);
        assert_eq!(page.is_ok(), good, "{size} {phase:?}");
    }
}

#[test]
fn the_children_of_many_are_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let put = |number| (number, Some((Phase::ExecutionPending, 10)));
    commit(&store, vec![((0..7).map(put).collect(), false)]);
    let linked = store.write(|tx| {
        // The last is nobody's, and the first has gone without its link.
        (0..6).try_for_each(|n| tx.link(["ses-a", "ses-b"][n % 2], &slot(n)))?;
        tx.remove(&slot(0))
    });
    done(linked).unwrap();
    let of = |parents: &[&str]| {
        let parents: Vec<String> = parents.iter().map(|it| (*it).to_owned()).collect();
        pages(2, |wanted| {
            store.page_of_children(wanted, &parents).unwrap()
        })
    };
    let page = |numbers: &[usize], total| {
        let ids: Vec<String> = numbers.iter().map(|it| slot(*it)).collect();
        (ids, total)
    };
    let both = [page(&[5, 4], 3), page(&[3, 2], 3), page(&[1], 3)];
    assert_eq!(of(&["ses-a", "ses-b"]), both);
    assert_eq!(of(&["ses-a"]), [page(&[4, 2], 1)]);
    assert_eq!(of(&[]), [page(&[], 0)]);
}

/// A commit in between was noted by nobody.
#[test]
fn what_is_forgotten_while_the_file_is_read_is_not_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    assert!(store.listings.begin(Kind::AgentExecution));
    let table = store.db.read().unwrap();
    store.listings.forget();
    let put = (0, Some((Phase::ExecutionPending, 10)));
    commit(&store, vec![(vec![put], false)]);
    let read = all::<AgentExecution>(&table);
    store.listings.finish(Kind::AgentExecution, read).unwrap();
    compare(&store);
}
