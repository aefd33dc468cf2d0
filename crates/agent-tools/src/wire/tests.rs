//! What servers write, by public reports.

use proptest::prelude::*;

use super::*;

/// As the library writes it down: what was understood.
fn read(line: &str) -> Value {
    json!(messages(line.as_bytes(), Place::Line, true))
}

/// The same of an answer over HTTP.
fn read_over_http(body: &str) -> Value {
    json!(messages(body.as_bytes(), Place::Http, true))
}

#[test]
fn answers_are_read_however_they_are_written() {
    let result = json!([{"jsonrpc": "2.0", "id": 3, "result": {"x": 1}}]);
    for line in [
        r#"{"jsonrpc":"2.0","id":3,"result":{"x":1}}"#,
        r#"{"id":3,"result":{"x":1}}"#,
        r#"{"jsonrpc":"2.0","id":3.0,"result":{"x":1},"error":null}"#,
        "\u{feff}  [{\"id\":3,\"result\":{\"x\":1}}] \r",
    ] {
        assert_eq!(read(line), result, "{line}");
    }
    assert_eq!(
        read(r#"{"id":"3","result":null}"#)[0]["result"],
        Value::Null
    );
    let both = read(r#"[{"id":1,"result":1},{"id":2,"result":2}]"#);
    assert_eq!(both.as_array().map(Vec::len), Some(2));
}

#[test]
fn messages_may_stand_in_one_line() {
    let ids = |line: &str| -> Vec<Value> {
        let all = read(line).as_array().cloned().unwrap_or_default();
        all.into_iter().map(|m| m["id"].clone()).collect()
    };
    let one = r#"{"id":1,"result":1}"#;
    for rest in [
        r#"{"id":2,"result":NaN}"#,
        r#" [{"id":2,"result":1}]"#,
        r#"{"level":30} {"id":2,"result":1} done"#,
        // It came, and cannot be read.
        r#"{"id":2,"result":{"content":[}"#,
    ] {
        assert_eq!(ids(&format!("{one}{rest}")), [1, 2], "{rest}");
    }
    assert_eq!(ids(&format!("{one} done")), [1]);
}

#[test]
fn what_a_refusal_tells_beside_its_message_is_told() {
    for (error, words) in [
        (r#"{"code":1,"message":"no"}"#, "no (1)"),
        (r#"{"code":1,"message":"no","data":null}"#, "no (1)"),
        (
            r#"{"code":1,"message":"no","data":"column x"}"#,
            "no (1): column x",
        ),
        (
            r#"{"code":1,"message":"no","data":{"a":1}}"#,
            r#"no (1): {"a":1}"#,
        ),
        (r#"{"code":1,"message":"no: x","data":"x"}"#, "no: x (1)"),
        (r#"{"data":"x"}"#, r#"{"data":"x"} (-32603)"#),
    ] {
        let line = format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#);
        let read = messages(line.as_bytes(), Place::Line, true);
        match read.into_iter().next() {
            Some(JsonRpcMessage::Error(told)) => assert_eq!(super::words(&told.error), words),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_no_json_may_have_is_mended() {
    let line = "{\"id\":1,\"result\":[NaN,-Infinity,Infinity,-1,\"a\\ud800b\",\"\\ud83d\\ude00\",\"a\tb\",\"NaN \\\" \\\\\"]}";
    let expected = json!([
        null,
        null,
        null,
        -1,
        "a\u{fffd}b",
        "\u{1f600}",
        "a\tb",
        "NaN \" \\"
    ]);
    assert_eq!(read(line)[0]["result"], expected);
    let broken = messages(b"{\"id\":1,\"result\":\"a\xffb\"}", Place::Line, true);
    assert_eq!(json!(broken)[0]["result"], "a\u{fffd}b");
}

#[test]
fn refusals_are_read_however_they_are_written() {
    for (error, code, message) in [
        (r#"{"code":-32602,"message":"no"}"#, -32602, "no"),
        (r#"{"code":"-32602","message":"no"}"#, -32602, "no"),
        (r#""no""#, -32603, "no"),
        (r#"{"message":{"a":1}}"#, -32603, r#"{"message":{"a":1}}"#),
    ] {
        for read in [
            read(&format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#)),
            read(&format!(r#"{{"id":1,"result":null,"error":{error}}}"#)),
            read_over_http(&format!(r#"{{"id":1,"error":{error}}}"#)),
            read_over_http(&format!(r#"{{"error":{error}}}"#)),
        ] {
            assert_eq!(read[0]["error"]["code"], code, "{error}");
            assert_eq!(read[0]["error"]["message"], message, "{error}");
        }
    }
    for line in [
        r#"{"id":null,"error":{"code":-5}}"#,
        r#"{"id":1,"error":{"message":"no"}}"#,
        r#"{"jsonrpc":"2.0","error":"no"}"#,
    ] {
        assert!(read(line)[0]["error"].is_object(), "{line}");
    }
}

/// Neither before the first answer nor after it.
#[test]
fn what_a_server_logs_is_no_message() {
    for line in [
        r#"{"level":"warn","error":"ECONNREFUSED"}"#,
        r#"{"level":"warn","error":{"code":"ECONNREFUSED","message":"no"}}"#,
        r#"{"level":"warn","id":1,"error":"ECONNREFUSED"}"#,
        r#"{"level":"warn","id":1,"error":{"errno":111}}"#,
        r#"{"level":"debug","method":"tools/list","id":1}"#,
        r#"{"level":"debug","method":"roots/list","id":1}"#,
        // An echo, or a log of what was read.
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"},"id":1}"#,
        r#"{"jsonrpc":"2.0","method":"initialize","params":{},"id":0}"#,
        r#"[DEBUG] sending {"jsonrpc":"2.0","id":2,"result":{}}"#,
        r#"[ [1] {"jsonrpc":"2.0","id":2,"result":{}}"#,
        r#"{"level":30} sending {"jsonrpc":"2.0","id":2,"result":{}}"#,
    ] {
        for opened in [true, false] {
            let read = messages(line.as_bytes(), Place::Line, opened);
            assert!(read.is_empty(), "{line}: {read:?}");
        }
    }
    let asked = read(r#"{"jsonrpc":"2.0","method":"roots/list","id":1}"#);
    assert_eq!(asked[0]["method"], "roots/list");
}

#[test]
fn an_answer_that_nobody_can_read_is_one_all_the_same() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    for line in [
        format!(r#"{{"jsonrpc":"2.0","id":7,"result":{deep}}}"#),
        format!(r#"{{"result":{{"id":9,"x":{deep}}},"jsonrpc":"2.0","id":7}}"#),
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[}"#.to_owned(),
        r#"[ {"jsonrpc":"2.0","id":7,"result":{"content":[}"#.to_owned(),
    ] {
        let read = read(&line);
        assert_eq!(read[0]["id"], 7, "{line}");
        assert_eq!(read[0]["error"]["code"], UNREADABLE.0, "{line}");
    }
}

#[test]
fn what_is_no_message_is_nothing() {
    for line in [
        "",
        "Listening on 3000",
        "{",
        "[1,2]",
        "null",
        r#""text""#,
        r#"{"level":30,"msg":"hello"}"#,
        r#"{"id":1}"#,
        r#"{"result":1}"#,
        r#"{"id":[1],"result":1}"#,
        r#"{"method":3}"#,
    ] {
        assert_eq!(read(line), json!([]), "{line}");
    }
}

#[test]
fn progress_counts_without_its_figures() {
    let read = read(
        r#"{"method":"notifications/progress","params":{"progressToken":"4","total":"?","message":null}}"#,
    );
    assert_eq!(
        read[0]["params"],
        json!({"progressToken": 4, "progress": 0.0})
    );
}

#[test]
fn a_server_need_not_say_who_it_is() {
    let first = |result: &str| {
        let line = format!(r#"{{"jsonrpc":"2.0","id":0,"result":{result}}}"#);
        let all = messages(line.as_bytes(), Place::Line, false);
        match all.into_iter().next() {
            Some(JsonRpcMessage::Response(response)) => response.result,
            other => panic!("{other:?}"),
        }
    };
    for result in [
        r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}"#,
        r#"{"protocolVersion":"2025-06-18","capabilities":{}}"#,
        r#"{"capabilities":{"tools":true},"serverInfo":{"name":"x"}}"#,
    ] {
        assert!(
            matches!(first(result), ServerResult::InitializeResult(_)),
            "{result}"
        );
    }
    assert!(matches!(first("{}"), ServerResult::CustomResult(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_the_line_nothing_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        for place in [Place::Line, Place::Http] {
            messages(&line, place, true);
            messages(&line, place, false);
        }
    }

    #[test]
    fn nor_where_a_message_is_damaged(
        at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>(), opened in any::<bool>(),
    ) {
        let whole = r#"[{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"a\ud83d\ude00 \\ \" \u0041"}],"isError":false}},{"method":"notifications/progress","params":{"progressToken":1,"progress":0.5}},{"id":"x","error":{"code":-1,"message":"m"}}]"#;
        let mut line = whole.as_bytes().to_vec();
        let at = at.index(line.len());
        line[at] = byte;
        messages(&line, Place::Line, opened);
        line.truncate(cut.index(line.len()));
        messages(&line, Place::Line, opened);
    }
}
