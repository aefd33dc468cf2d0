use std::sync::Mutex;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::post,
};
use tokio::net::TcpListener;

use super::*;
use crate::{
    collector::{ANSWER, SAID},
    messages::opentelemetry::proto::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceResponse,
    },
    span::TEXT,
};

/// What a collector does with what it gets.
#[derive(Clone, Copy, PartialEq)]
enum Answers {
    Takes,
    Fails,
    Redirects,
    Rejects(i64),
    Garbage,
    /// So many bytes, which say that two are rejected.
    Long(usize),
    /// It takes them after so long.
    Late(Duration),
}

/// How many spans came at once, each time.
type Came = Arc<Mutex<Vec<usize>>>;

async fn taken(
    State((answers, came)): State<(Answers, Came)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["x-key"], "hush");
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    if let [of_service] = request.resource_spans.as_slice() {
        came.lock()
            .unwrap()
            .push(of_service.scope_spans[0].spans.len());
    }
    match answers {
        Answers::Takes => StatusCode::OK.into_response(),
        Answers::Garbage => "taken, thank you".into_response(),
        Answers::Fails => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Answers::Redirects => {
            let there = [(LOCATION, "/v1/traces")];
            (StatusCode::TEMPORARY_REDIRECT, there).into_response()
        }
        Answers::Late(wait) => {
            tokio::time::sleep(wait).await;
            StatusCode::OK.into_response()
        }
        Answers::Long(bytes) => {
            let said = |words| ExportTraceServiceResponse {
                partial_success: Some(ExportTracePartialSuccess {
                    rejected_spans: 2,
                    error_message: "x".repeat(words),
                }),
            };
            let around = said(bytes).encoded_len() - bytes;
            said(bytes - around).encode_to_vec().into_response()
        }
        Answers::Rejects(rejected_spans) => {
            let partial_success = Some(ExportTracePartialSuccess {
                rejected_spans,
                error_message: "hush".to_owned(),
            });
            let said = ExportTraceServiceResponse { partial_success };
            said.encode_to_vec().into_response()
        }
    }
}

fn settings(address: &str) -> Settings {
    let set = |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(address.to_owned()),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("x-key=hush".to_owned()),
        _ => None,
    };
    Settings::of("test", set).unwrap().unwrap()
}

/// What is told, and whom.
fn listening() -> (Arc<Mutex<Vec<String>>>, Warn) {
    let told = Arc::<Mutex<Vec<String>>>::default();
    let heard = Arc::clone(&told);
    (
        told,
        Arc::new(move |why| heard.lock().unwrap().push(why.to_owned())),
    )
}

/// What a collector gets of so many spans, how many are dropped, and what is told of it.
async fn exported(answers: Answers, spans: usize) -> (Vec<usize>, u64, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let came = Came::default();
    let router = Router::new().route("/v1/traces", post(taken));
    let router = router.with_state((answers, Arc::clone(&came)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (told, warn) = listening();
    let (queue, exporting) = begin(settings(&address), warn).unwrap();
    for _ in 0..spans {
        queue.spans.send(Span::default()).await.unwrap();
    }
    let dropped = Arc::clone(&queue.dropped);
    exporting.end().await;
    let came = came.lock().unwrap().clone();
    let told = told.lock().unwrap().clone();
    (came, dropped.load(Ordering::Relaxed), told)
}

#[tokio::test]
async fn spans_go_in_batches_and_all_of_them_before_the_end() {
    let nothing: [&str; 0] = [];
    for (spans, batches) in [
        (0, vec![]),
        (1, vec![1]),
        (BATCH, vec![BATCH]),
        (BATCH + 1, vec![BATCH, 1]),
    ] {
        let (came, dropped, told) = exported(Answers::Takes, spans).await;
        assert_eq!((came, dropped), (batches, 0), "{spans}");
        assert_eq!(told, nothing);
    }
    // What it says is its own affair.
    let (_, dropped, told) = exported(Answers::Garbage, 1).await;
    assert_eq!((dropped, told.len()), (0, 0), "{told:?}");
}

#[tokio::test]
async fn what_is_not_taken_is_counted_told_once_and_not_sent_again() {
    for (answers, lost, why) in [
        (Answers::Fails, BATCH + 1, "it answers 500"),
        (Answers::Redirects, BATCH + 1, "it answers 307"),
        (Answers::Rejects(2), 3, "it rejects some"),
        (Answers::Rejects(i64::MAX), BATCH + 1, "it rejects some"),
    ] {
        let (came, dropped, told) = exported(answers, BATCH + 1).await;
        assert_eq!(came, [BATCH, 1]);
        assert_eq!(dropped, lost as u64, "{why}");
        let [first, end] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert!(first.contains(why) && !first.contains("hush"), "{first}");
        assert_eq!(*end, format!("spans that were dropped: {lost}"));
    }
    // Nothing is rejected by less than nothing.
    let (_, dropped, _) = exported(Answers::Rejects(-1), 1).await;
    assert_eq!(dropped, 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_others_and_not_for_long() {
    let (queue, mut waiting) = mpsc::channel(WAITING);
    let mut batch = Vec::new();
    queue.send(Span::default()).await.unwrap();
    let began = Instant::now();
    let more = async {
        tokio::time::sleep(DELAY / 2).await;
        queue.send(Span::default()).await.unwrap();
    };
    tokio::join!(gather(&mut waiting, &mut batch), more);
    assert_eq!((batch.len(), began.elapsed()), (2, DELAY));
    for _ in 0..BATCH {
        queue.send(Span::default()).await.unwrap();
    }
    let mut batch = Vec::new();
    gather(&mut waiting, &mut batch).await;
    assert_eq!((batch.len(), began.elapsed()), (BATCH, DELAY));
}

/// The time is the runtime's, which passes when all wait.
#[tokio::test(start_paused = true)]
async fn a_silent_collector_delays_an_end_by_so_much_and_no_more() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let (told, warn) = listening();
    let (queue, exporting) = begin(settings(&address), warn).unwrap();
    queue.spans.send(Span::default()).await.unwrap();
    let began = Instant::now();
    exporting.end().await;
    assert_eq!(began.elapsed(), END);
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("were not taken within 1 s"), "{told:?}");
}

#[tokio::test]
async fn a_header_that_http_does_not_take_is_refused_by_its_place() {
    for name in [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    ] {
        for value in [
            "a=1,Authorization: Bearer hush=",
            "a=1,hush%20=hush",
            "a=1,key=hush%0A",
        ] {
            let set = |variable: &str| match variable {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://here".to_owned()),
                _ => (variable == name).then(|| value.to_owned()),
            };
            let settings = Settings::of("test", set).unwrap().unwrap();
            let error = begin(settings, listening().1).err().unwrap();
            assert!(
                error.starts_with(&format!("header 2 of {name} ")),
                "{error}"
            );
            assert!(
                !error.contains("hush") && !error.contains("Auth"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn of_an_answer_so_much_is_read() {
    for (bytes, lost) in [(SAID, 2), (SAID + 1, 0)] {
        let (_, dropped, _) = exported(Answers::Long(bytes), 2).await;
        assert_eq!(dropped, lost, "{bytes}");
    }
}

/// Nobody else runs before the test waits.
#[tokio::test]
async fn so_many_spans_wait_and_one_more_is_dropped() {
    let (queue, _exporting) = begin(settings("http://here"), listening().1).unwrap();
    for _ in 0..WAITING {
        queue.spans.try_send(Span::default()).unwrap();
    }
    queue.spans.try_send(Span::default()).unwrap_err();
}

/// The time is the runtime's, which passes when all wait.
#[tokio::test(start_paused = true)]
async fn a_collector_has_so_long_for_a_batch() {
    let moment = Duration::from_millis(1);
    for (wait, taken) in [(ANSWER - moment, true), (ANSWER + moment, false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(self::taken));
        let router = router.with_state((Answers::Late(wait), Came::default()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let collector = Collector::new(&settings(&address)).unwrap();
        let began = Instant::now();
        let answer = collector.take(Vec::new()).await;
        assert_eq!(answer.is_ok(), taken, "{answer:?}");
        assert_eq!(began.elapsed(), wait.min(ANSWER));
    }
}

#[test]
fn the_figures_are_those_of_the_docs() {
    let limits = include_str!("../../../../docs/limits.md").replace(',', "");
    for row in [
        format!("| spans that wait for the collector | {WAITING} |"),
        format!("| spans that go at once | {BATCH} |"),
        format!("| how long one waits for others | {} s |", DELAY.as_secs()),
        format!(
            "| what a collector may take for a batch | {} s |",
            ANSWER.as_secs()
        ),
        format!("| what a collector answers | {} KiB |", SAID / 1024),
        format!("| the end of a process | {} s |", END.as_secs()),
        format!("| a name or a text of a span | {TEXT} characters |"),
    ] {
        let found = limits.lines().any(|line| line.starts_with(&row));
        assert!(found, "docs/limits.md has no {row}");
    }
}
