//! Events as servers write them.

use proptest::prelude::*;

use super::*;

fn read(pieces: &[&[u8]]) -> (Vec<Event>, String) {
    let mut stream = EventStream::default();
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(stream.push(piece).unwrap());
    }
    events.extend(stream.end());
    (events, stream.unread().to_owned())
}

fn data(text: &str) -> Event {
    Event::Data(text.to_owned())
}

#[test]
fn events_are_read_as_servers_write_them() {
    let cases: [(&str, Vec<Event>); 11] = [
        ("data: a\n\ndata:b\n\n", vec![data("a"), data("b")]),
        (
            "data: a\r\n\r\ndata: b\r\rdata: c\n\n",
            vec![data("a"), data("b"), data("c")],
        ),
        ("\u{feff}data: a\n\n", vec![data("a")]),
        (": waiting\n\n:\n\ndata: a\n\n", vec![data("a")]),
        (
            "id: 1\nevent: message\nretry: 3\ndata: a\n\n",
            vec![data("a")],
        ),
        ("data: a\ndata: b\n\n", vec![data("a\nb")]),
        ("data: a", vec![data("a")]),
        ("data\n\ndata:\n\n", vec![]),
        ("error: no\n\n", vec![Event::Error("no".to_owned())]),
        (
            "event: error\ndata: no\n\ndata: a\n\n",
            vec![Event::Error("no".to_owned()), data("a")],
        ),
        (
            "\n\n {\"a\":\n1}\n",
            vec![Event::Whole("{\"a\":\n1}".to_owned())],
        ),
    ];
    for (body, expected) in cases {
        let (events, _) = read(&[body.as_bytes()]);
        let trimmed: Vec<Event> = events
            .into_iter()
            .map(|event| match event {
                Event::Whole(body) => Event::Whole(body.trim().to_owned()),
                other => other,
            })
            .collect();
        assert_eq!(trimmed, expected, "{body:?}");
    }
}

#[test]
fn a_mark_may_come_in_pieces() {
    let body = "\u{feff}{\"a\":1}";
    for at in 1..=4 {
        let (first, rest) = body.as_bytes().split_at(at);
        let whole = vec![Event::Whole(body.to_owned())];
        assert_eq!(read(&[first, rest]).0, whole, "{at}");
    }
}

#[test]
fn a_body_is_whole_with_its_last_bracket() {
    let body = r#"{"a":"]}\"}\\","b":[{}]}"#;
    let mut stream = EventStream::default();
    let (last, before) = body.as_bytes().split_last().unwrap();
    for byte in before {
        assert_eq!(stream.push(&[*byte]), Ok(vec![]));
    }
    let whole = Ok(vec![Event::Whole(body.to_owned())]);
    assert_eq!(stream.push(&[*last]), whole);
    // And so is one that follows, with whatever stands after it.
    let spaced = format!("{body} \n");
    let whole = Ok(vec![Event::Whole(spaced.clone())]);
    assert_eq!(stream.push(spaced.as_bytes()), whole);
    // What is no JSON is not whole before its end.
    for odd in ["[}]", "[{]]", "[1] [2]"] {
        let mut stream = EventStream::default();
        assert_eq!(stream.push(odd.as_bytes()), Ok(vec![]), "{odd}");
        assert_eq!(stream.push(b"[]"), Ok(vec![]), "{odd}");
    }
}

/// Either is over in half a second. Looked at from its beginning with each piece, it is not before this test is ended.
#[test]
fn what_a_body_takes_does_not_grow_with_its_pieces() {
    for body in [
        " ".repeat(1_000_000),
        "[".to_owned() + &"[],".repeat(333_333),
    ] {
        let mut stream = EventStream::default();
        for byte in body.bytes() {
            assert_eq!(stream.push(&[byte]), Ok(vec![]));
        }
    }
}

#[test]
fn lines_that_are_no_event_are_kept_to_be_shown() {
    let (events, unread) = read(&[b"<html>\n<body>Bad gateway\n"]);
    assert_eq!(
        (events, unread.as_str()),
        (vec![], "<html>\n<body>Bad gateway\n")
    );
}

#[test]
fn what_does_not_end_is_refused() {
    let mut stream = EventStream::default();
    assert!(stream.push(&vec![b'x'; MOST]).is_ok());
    assert_eq!(stream.push(b"x"), Err(TooLarge));
}

proptest! {
    #[test]
    fn it_does_not_matter_where_the_bytes_are_cut(
        lines in prop::collection::vec("(data|error|event|id|:|\u{feff}|[{<x])?(: ?)?[ä\\[\"a ]{0,4}(\n|\r|\r\n)", 0..8),
        cuts in prop::collection::vec(0..64_usize, 0..6),
    ) {
        let body = lines.concat().into_bytes();
        let mut ends: Vec<usize> = cuts.into_iter().map(|c| c.min(body.len())).collect();
        ends.sort_unstable();
        ends.push(body.len());
        let mut from = 0;
        let mut pieces = Vec::new();
        for end in ends {
            pieces.push(&body[from..end]);
            from = end;
        }
        prop_assert_eq!(read(&pieces), read(&[&body]));
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&[&bytes]);
    }
}
