use super::*;
use crate::documented::{documented, mib};

fn execution(error: &str) -> AgentExecution {
    let mut execution = AgentExecution::default();
    execution.metadata_mut().id = "aex-1".to_owned();
    execution.status.get_or_insert_default().error = error.to_owned();
    execution
}

/// One of so many bytes.
fn of_bytes(bytes: usize) -> AgentExecution {
    let with = |text: usize| execution(&"x".repeat(text));
    let around = with(bytes).encoded_len() - bytes;
    let made = with(bytes - around);
    assert_eq!(made.encoded_len(), bytes);
    made
}

/// What waits for the subscriber.
fn waiting(updates: &mut Updates) -> Vec<Update> {
    std::iter::from_fn(|| updates.0.try_recv().ok())
        .map(|(update, _)| update)
        .collect()
}

fn subscribe(hub: &Hub, present: AgentExecution) -> Updates {
    let (event, updates) = subscription(present);
    event.into_iter().for_each(|event| hub.tell(event));
    updates
}

fn is_behind(update: Option<Update>) -> bool {
    update.is_some_and(|u| u.is_err_and(|s| s.code() == tonic::Code::Aborted))
}

#[test]
fn so_many_updates_wait_and_no_more() {
    for (more, behind) in [(0, false), (1, true)] {
        let hub = Hub::default();
        // The present state is the first.
        let mut updates = subscribe(&hub, execution("present"));
        for i in 1..BACKLOG + more {
            hub.tell(Event::Changed(Arc::new(execution(&i.to_string()))));
        }
        let mut got = waiting(&mut updates);
        assert_eq!(got.len(), BACKLOG + more);
        assert_eq!(is_behind(got.pop()), behind);
        assert!(got.iter().all(Result::is_ok));
    }
}

#[test]
fn so_many_bytes_wait_and_no_more() {
    let all = BACKLOG_BYTES as usize;
    for (more, behind) in [(0, false), (1, true)] {
        let hub = Hub::default();
        let mut updates = subscribe(&hub, execution(""));
        let first = execution("").encoded_len();
        let half = of_bytes(all / 2 - first);
        let rest = of_bytes(all - all / 2 + more);
        for update in [half, rest] {
            hub.tell(Event::Changed(Arc::new(update)));
        }
        let mut got = waiting(&mut updates);
        assert_eq!(got.len(), 3);
        assert_eq!(is_behind(got.pop()), behind, "{more}");
        assert!(got.iter().all(Result::is_ok));
    }
}

#[test]
fn who_reads_has_room_again_and_one_alone_may_have_more() {
    let hub = Hub::default();
    let huge = || of_bytes(BACKLOG_BYTES as usize + 1);
    let mut updates = subscribe(&hub, huge());
    for _ in 0..2 {
        assert!(waiting(&mut updates).iter().all(Result::is_ok));
        hub.tell(Event::Changed(Arc::new(huge())));
    }
    hub.tell(Event::Changed(Arc::new(execution(""))));
    let mut got = waiting(&mut updates);
    assert!(is_behind(got.pop()));
    assert!(got.len() == 1 && got[0].is_ok());
}

#[test]
fn who_listens_when_the_server_ends_is_told_so_and_who_comes_later_too() {
    let hub = Hub::default();
    let mut before = subscribe(&hub, execution(""));
    hub.close();
    let mut after = subscribe(&hub, execution(""));
    for updates in [&mut before, &mut after] {
        let got = waiting(updates);
        let told = got.iter().map(|update| match update {
            Ok(_) => tonic::Code::Ok,
            Err(why) => why.code(),
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told, [tonic::Code::Ok, tonic::Code::Unavailable]);
    }
}

#[test]
fn the_figures_are_those_of_the_docs() {
    let bytes = mib(BACKLOG_BYTES as usize);
    let row = format!("| updates that wait for a subscriber | {BACKLOG} and {bytes} |");
    documented(&[row]);
}

#[test]
fn who_left_is_forgotten_when_the_next_one_comes() {
    let hub = Hub::default();
    drop(subscribe(&hub, execution("")));
    let mut other = execution("");
    "aex-2".clone_into(&mut other.metadata_mut().id);
    let _updates = subscribe(&hub, other);
    let state = hub.state.lock().unwrap_or_else(PoisonError::into_inner);
    let kept: Vec<&str> = state.subscribers.keys().map(String::as_str).collect();
    assert_eq!(kept, ["aex-2"]);
}
