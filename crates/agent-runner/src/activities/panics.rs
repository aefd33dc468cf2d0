//! A panic in an activity is a fault of the runner: every attempt would meet it, so it ends the execution and says where.
//! What it says may hold anything that the runner knows, so secrets are taken out, of the log too.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    cell::RefCell,
    io::Write,
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures::FutureExt;
use temporalio_sdk::activities::ActivityError;

use crate::{execution_data::cache::Cache, failure::permanent};

/// The longest that is told of what a panic said, in characters.
const TOLD: usize = 300;
/// What is told where it is not known which secrets it may hold.
const WITHHELD: &str = "(its words are withheld, as the execution's secrets are not known)";

thread_local! {
    /// Where this thread panicked last: whoever catches a panic is not told.
    static PLACE: RefCell<String> = RefCell::default();
}

/// Runs `io` for execution `id`; a panic in it is a failure that is not tried again.
pub(super) async fn caught<T>(
    kind: &str,
    cache: &Cache,
    id: &str,
    io: impl Future<Output = Result<T, ActivityError>>,
) -> Result<T, ActivityError> {
    let done = AssertUnwindSafe(io).catch_unwind().await;
    done.unwrap_or_else(|panic| {
        let known = cache.find(id).map(|data| data.env.redact(said(&*panic)));
        let (place, said) = (PLACE.take(), told(known));
        let why = format!("the agent-runner panicked in {kind} at {place}: {said}");
        Err(permanent("RunnerPanicked", why))
    })
}

/// Has each panic note its place, and say in the log what it says without the secrets of the executions in `cache`.
pub(crate) fn install(cache: Arc<Cache>) {
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        let said = told(cache.redact(said(info.payload())));
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name");
        let trace = traced(&Backtrace::capture());
        // Nobody is left to be told where stderr is closed.
        let _ = writeln!(
            std::io::stderr(),
            "thread {name} panicked at {place}: {said}{trace}"
        );
        PLACE.set(place);
    }));
}

/// The lines of a trace, where the user wants one.
fn traced(trace: &Backtrace) -> String {
    match trace.status() {
        BacktraceStatus::Captured => format!("\n{trace}"),
        _ => String::new(),
    }
}

/// Of what a panic said, what is told.
fn told(redacted: Option<String>) -> String {
    let redacted = redacted.as_deref().unwrap_or(WITHHELD);
    redacted.chars().take(TOLD).collect()
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no words")
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use agent_tools::{Env, EnvVar};

    use super::*;
    use crate::{
        execution_data::ExecutionData,
        failure::{is_permanent, words},
    };

    const CANARY: &str = "canary-of-a-panic-77";

    /// Keeps an execution that has a secret.
    fn keep(cache: &Cache, id: &str, secret: &str) {
        let secret = EnvVar {
            value: secret.to_owned(),
            is_secret: true,
        };
        let env: Env = [("KEY".to_owned(), secret)].into_iter().collect();
        let data = Arc::new(ExecutionData::of_env(env));
        assert!(cache.enter(id).set(data).is_ok());
    }

    /// A cache with an execution `known`, which has a secret.
    fn cache() -> Arc<Cache> {
        let cache = Arc::new(Cache::default());
        keep(&cache, "known", CANARY);
        install(Arc::clone(&cache));
        cache
    }

    async fn panicking(id: &str, said: String) -> (bool, String) {
        let failing = async { panic!("{said}") };
        let failure = caught::<()>("CallTool", &cache(), id, failing).await.err();
        let failure = failure.unwrap();
        (is_permanent(&failure), words(&failure))
    }

    #[tokio::test]
    async fn a_panic_is_told_with_its_place_and_not_tried_again() {
        let (permanent, words) = panicking("known", format!("no {}", "words".repeat(100))).await;
        assert!(permanent, "{words}");
        let at = format!("panicked in CallTool at {}:", file!());
        assert!(words.contains(&at), "{words}");
        assert!(words.contains(": no words"), "{words}");
        assert!(words.len() < 500, "{words}");
    }

    #[test]
    fn a_trace_is_shown_where_there_is_one() {
        assert!(traced(&Backtrace::force_capture()).contains("a_trace_is_shown"));
        assert_eq!(traced(&Backtrace::disabled()), "");
    }

    #[tokio::test]
    async fn what_a_panic_says_of_a_secret_is_taken_out() {
        // Where it is cut, too.
        for before in [0, TOLD - CANARY.len() / 2] {
            let said = format!("{}{CANARY}", "x".repeat(before));
            let (_, words) = panicking("known", said.clone()).await;
            assert!(!words.contains("canary"), "{words}");
            let logged = told(cache().redact(&said));
            assert!(!logged.contains("canary"), "{logged}");
        }
        assert_eq!(told(cache().redact("no words")), "no words");
        // Of an execution that is still being loaded nobody knows the secrets.
        let (_, words) = panicking("unknown", CANARY.to_owned()).await;
        assert!(words.contains(WITHHELD), "{words}");
        let loading = cache();
        let _cell = loading.enter("loading");
        assert_eq!(told(loading.redact(CANARY)), WITHHELD);
    }

    #[test]
    fn of_a_secret_that_begins_like_anothers_nothing_is_left() {
        let cache = cache();
        for nth in 0..8 {
            keep(&cache, &nth.to_string(), "canary");
        }
        assert_eq!(told(cache.redact(CANARY)), "[redacted]");
    }

    #[tokio::test]
    async fn whoever_does_not_panic_is_let_be() {
        let done = caught("CallTool", &cache(), "known", async { Ok(7) }).await;
        assert_eq!(done.ok(), Some(7));
    }
}
