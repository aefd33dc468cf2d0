use std::time::Duration;

use super::*;

fn queue(room: usize, always: bool) -> (Queue, mpsc::Receiver<Message>) {
    let (spans, waiting) = mpsc::channel(room);
    let dropped = Arc::default();
    let queue = Queue {
        spans,
        dropped,
        always,
    };
    (queue, waiting)
}

fn begun(queue: &Queue, sampled: bool) -> Span {
    let parent = TraceContext {
        sampled,
        ..TraceContext::root().child()
    };
    let named = || "a name".to_owned();
    Span(Span::open(
        queue,
        Kind::Client,
        parent,
        parent.child(),
        named,
    ))
}

#[test]
fn where_nothing_is_exported_a_span_is_nothing() {
    assert!(!enabled());
    let parent = Some(TraceContext::root());
    let mut span = Span::begin(Kind::Internal, parent, || panic!("it was named"));
    span.text("a", "b");
    assert!(span.context().is_none());
    span.end();
}

#[test]
fn whoever_began_a_trace_decides_unless_all_is_wanted() {
    for (always, sampled, exported) in [
        (false, true, true),
        (false, false, false),
        (true, false, true),
    ] {
        let (queue, mut waiting) = queue(1, always);
        let span = begun(&queue, sampled);
        let context = span.context();
        assert_eq!(context.is_some(), exported);
        assert!(context.is_none_or(|it| it.sampled));
        span.end();
        assert_eq!(waiting.try_recv().is_ok(), exported);
    }
}

#[test]
fn what_is_dropped_before_its_end_was_cancelled() {
    let (queue, mut waiting) = queue(2, false);
    begun(&queue, true).end();
    drop(begun(&queue, true));
    let [ended, cancelled] = [(); 2].map(|()| waiting.try_recv().unwrap());
    assert!(ended.status.is_none() && ended.attributes.is_empty());
    assert!(ended.end_time_unix_nano >= ended.start_time_unix_nano);
    assert_eq!(cancelled.status.unwrap().code(), StatusCode::Error);
    assert_eq!(cancelled.attributes[0].key, "error.type");
}

#[test]
fn a_span_lasts_from_when_to_when_it_is_told() {
    let (queue, mut waiting) = queue(1, false);
    let mut span = begun(&queue, true);
    let [from, to] = [1, 3].map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    span.lasted(from, to);
    span.end();
    let ended = waiting.try_recv().unwrap();
    let lasted = [ended.start_time_unix_nano, ended.end_time_unix_nano];
    assert_eq!(lasted, [1_000_000_000, 3_000_000_000]);
}

#[test]
fn spans_without_room_are_counted_and_nobody_waits() {
    let (queue, waiting) = queue(2, false);
    for _ in 0..3 {
        begun(&queue, true).end();
    }
    assert_eq!(queue.dropped.load(Ordering::Relaxed), 1);
    drop(waiting);
    begun(&queue, true).end();
    assert_eq!(queue.dropped.load(Ordering::Relaxed), 2);
}

#[test]
fn names_and_texts_have_a_length() {
    let (queue, mut waiting) = queue(4, false);
    for (length, left) in [(TEXT, TEXT), (TEXT + 1, TEXT)] {
        let (long, short) = ("ä".repeat(length), "ä".repeat(left));
        let parent = TraceContext::root().child();
        let open = Span::open(&queue, Kind::Client, parent, parent.child(), || {
            long.clone()
        });
        let mut span = Span(open);
        span.text("text", &long);
        span.one_of("list", &long);
        span.end();
        let mut renamed = begun(&queue, true);
        renamed.rename(&long);
        renamed.end();
        let [span, renamed] = [(); 2].map(|()| waiting.try_recv().unwrap());
        assert!(span.name == short && renamed.name == short, "{length}");
        let values = span.attributes.into_iter().map(|it| it.value.unwrap());
        let text = Some(Value::StringValue(short));
        let list = AnyValue {
            value: text.clone(),
        };
        let list = ArrayValue { values: vec![list] };
        let expected = [text, Some(Value::ArrayValue(list))];
        assert_eq!(values.map(|it| it.value).collect::<Vec<_>>(), expected);
    }
}
