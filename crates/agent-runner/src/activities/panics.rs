//! A panic in an activity is a fault of the runner: every attempt would meet it, so it ends the execution and says where.

use std::{any::Any, cell::RefCell, panic::AssertUnwindSafe, sync::Once};

use futures::FutureExt;
use temporalio_sdk::activities::ActivityError;

use crate::failure::permanent;

/// The longest that is told of what a panic said, in characters.
const TOLD: usize = 300;

thread_local! {
    /// Where this thread panicked last: whoever catches a panic is not told.
    static PLACE: RefCell<String> = RefCell::default();
}

/// Runs `io`; a panic in it is a failure that is not tried again.
pub(super) async fn caught<T>(
    kind: &str,
    io: impl Future<Output = Result<T, ActivityError>>,
) -> Result<T, ActivityError> {
    note_places();
    let done = AssertUnwindSafe(io).catch_unwind().await;
    done.unwrap_or_else(|panic| {
        let (place, said) = (PLACE.take(), said(&*panic));
        let why = format!("the agent-runner panicked in {kind} at {place}: {said}");
        Err(permanent("RunnerPanicked", why))
    })
}

/// Has each panic note its place, beside what is done of it anyway.
fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(ToString::to_string);
            PLACE.set(place.unwrap_or_default());
            before(info);
        }));
    });
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no words").chars().take(TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{is_permanent, words};

    #[tokio::test]
    async fn a_panic_is_told_with_its_place_and_not_tried_again() {
        let line = line!() + 1;
        let failing = async { panic!("no {}", "words".repeat(100)) };
        let failure = caught::<()>("CallTool", failing).await.err();
        let failure = failure.as_ref().map(|it| (is_permanent(it), words(it)));
        let (permanent, words) = failure.unwrap_or_default();
        assert!(permanent, "{words}");
        let at = format!("panicked in CallTool at {}:{line}:", file!());
        assert!(words.contains(&at), "{words}");
        assert!(words.contains(": no words"), "{words}");
        assert!(words.len() < 500, "{words}");
    }

    #[tokio::test]
    async fn whoever_does_not_panic_is_let_be() {
        let done = caught("CallTool", async { Ok(7) }).await;
        assert_eq!(done.ok(), Some(7));
    }
}
