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
use crate::messages::opentelemetry::proto::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};

/// What a collector does with what it gets.
#[derive(Clone, Copy, PartialEq)]
enum Answers {
    Takes,
    Fails,
    Redirects,
    Rejects(i64),
    Garbage,
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
    let spans = &request.resource_spans[0].scope_spans[0].spans;
    came.lock().unwrap().push(spans.len());
    match answers {
        Answers::Takes => StatusCode::OK.into_response(),
        Answers::Garbage => "taken, thank you".into_response(),
        Answers::Fails => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Answers::Redirects => {
            let there = [(LOCATION, "/v1/traces")];
            (StatusCode::TEMPORARY_REDIRECT, there).into_response()
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

static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn tell(why: &str) {
    TOLD.lock().unwrap().push(why.to_owned());
}

/// What a collector gets of so many spans, how many are dropped, and what is told of it.
async fn exported(answers: Answers, spans: usize) -> (Vec<usize>, u64, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let came = Came::default();
    let router = Router::new().route("/v1/traces", post(taken));
    let router = router.with_state((answers, Arc::clone(&came)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    TOLD.lock().unwrap().clear();
    let (queue, exporting) = begin(settings(&address), tell).unwrap();
    for _ in 0..spans {
        queue.spans.send(Span::default()).await.unwrap();
    }
    let dropped = Arc::clone(&queue.dropped);
    exporting.end().await;
    let came = came.lock().unwrap().clone();
    let told = TOLD.lock().unwrap().clone();
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
    TOLD.lock().unwrap().clear();
    let (queue, exporting) = begin(settings(&address), tell).unwrap();
    queue.spans.send(Span::default()).await.unwrap();
    let began = Instant::now();
    exporting.end().await;
    assert_eq!(began.elapsed(), END);
    let told = TOLD.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("were not taken within 1 s"), "{told:?}");
}

#[tokio::test]
async fn a_header_that_http_does_not_take_is_refused_without_its_value() {
    for (name, value) in [("ä", "hush"), ("key", "hush\n")] {
        let mut settings = settings("http://here");
        settings.headers = vec![(name.to_owned(), value.to_owned())];
        let error = begin(settings, tell).err().unwrap();
        assert!(error.contains(name) && !error.contains("hush"), "{error}");
    }
}
