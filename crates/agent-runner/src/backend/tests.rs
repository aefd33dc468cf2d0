use super::{fake::Fake, *};

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
