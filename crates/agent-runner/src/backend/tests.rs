use super::{fake::Fake, *};

fn in_phase(phase: ExecutionPhase) -> AgentExecution {
    AgentExecution {
        status: Some(status(phase)),
        ..Default::default()
    }
}

fn status(phase: ExecutionPhase) -> AgentExecutionStatus {
    AgentExecutionStatus {
        phase: phase.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn only_the_execution_itself_can_be_gone() {
    let backend = Fake::default().serve().await;
    let gone = format!("{:?}", backend.execution("e").await.unwrap_err());
    assert!(gone.contains(GONE), "{gone}");
    let missing = backend.session_page("s1", String::new()).await.unwrap_err();
    let why = format!("{missing:?}");
    assert!(
        why.contains("session s1 is not on the server any more"),
        "{why}"
    );
    assert!(
        !why.contains(GONE) && crate::failure::is_permanent(&missing),
        "{why}"
    );
}

#[tokio::test]
async fn whoever_is_cancelled_does_not_replace_an_end() {
    let fake = Fake::default();
    fake.put("failed", in_phase(ExecutionPhase::ExecutionFailed));
    fake.put("running", in_phase(ExecutionPhase::ExecutionInProgress));
    let backend = fake.serve().await;
    let told = async |id: &str, phase| {
        let reported = backend.report(id, status(phase)).await;
        format!("{:?}", reported.unwrap_err())
    };
    let cancelled = ExecutionPhase::ExecutionCancelled;
    for ended in ["failed", "deleted"] {
        let why = told(ended, cancelled).await;
        assert!(why.contains(GONE), "{why}");
    }
    // The server of this test takes no reports.
    for (id, phase) in [
        ("running", cancelled),
        ("failed", ExecutionPhase::ExecutionCompleted),
    ] {
        let why = told(id, phase).await;
        assert!(why.contains("the server refused"), "{why}");
    }
}

#[tokio::test]
async fn a_server_that_lists_nothing_has_nothing_to_be_reminded_of() {
    let backend = Fake::default().serve_original().await;
    let (listed, next) = backend.session_page("s", String::new()).await.unwrap();
    assert!(listed.is_empty() && next.is_empty());
}

#[tokio::test]
async fn an_address_that_no_server_can_have_is_refused_at_once() {
    let refused = |address: &str| {
        let made = Backend::new(address, None);
        format!("{:#}", made.err().unwrap())
    };
    for bad in ["ftp://h:1", "h:99999", "h:0", "http://"] {
        let told = format!("STIGMER_BACKEND_ENDPOINT `{bad}` is no URL of a server");
        assert!(refused(bad).starts_with(&told), "{}", refused(bad));
    }
    for bad in ["http://bob:hush@h:1", "https://h/?key=hush"] {
        let said = refused(bad);
        assert!(said.starts_with("STIGMER_BACKEND_ENDPOINT"), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
    for good in ["h:1", "http://h", "https://h:443", "[::1]:7234"] {
        assert!(Backend::new(good, None).is_ok(), "{good}");
    }
}
