//! Answers of real servers, shortened.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;

/// A server that knows some places, and what it was asked.
#[derive(Default)]
struct Places {
    answers: BTreeMap<&'static str, Value>,
    asked: Mutex<Vec<&'static str>>,
}

impl Places {
    fn of<const N: usize>(answers: [(&'static str, Value); N]) -> Self {
        Self {
            answers: answers.into(),
            ..Self::default()
        }
    }

    fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Ask for Places {
    async fn ask(&self, path: &'static str, body: Option<Value>) -> Result<Value, bool> {
        self.asked.lock().unwrap().push(path);
        assert_eq!(body.is_some(), path == "api/show");
        self.answers.get(path).cloned().ok_or(true)
    }
}

fn ollama_list() -> Value {
    json!({"object": "list", "data": [{"id": "smollm2:135m", "object": "model", "owned_by": "library"}]})
}

#[tokio::test]
async fn servers_say_it_in_many_places() {
    let list = |entry: Value| [("v1/models", json!({"data": [{"id": "other"}, entry]}))];
    let cases = [
        (
            "vLLM",
            Places::of(list(json!({"id": "m", "max_model_len": 8192}))),
            Some(8192),
        ),
        (
            "Groq",
            Places::of(list(json!({"id": "m", "context_window": 131072}))),
            Some(131072),
        ),
        (
            "OpenRouter",
            Places::of(list(json!({"id": "m", "context_length": 32768}))),
            Some(32768),
        ),
        (
            "Mistral",
            Places::of(list(json!({"id": "m", "max_context_length": 32000}))),
            Some(32000),
        ),
        (
            "another model",
            Places::of(list(json!({"id": "n", "max_model_len": 8192}))),
            None,
        ),
        (
            "null",
            Places::of(list(json!({"id": "m", "max_model_len": null}))),
            None,
        ),
        (
            "llama.cpp",
            Places::of([(
                "props",
                json!({"default_generation_settings": {"n_ctx": 2048}}),
            )]),
            Some(2048),
        ),
        ("nobody", Places::default(), None),
        (
            "the wrong kind",
            Places::of([
                ("v1/models", json!("x")),
                ("api/ps", json!([])),
                ("props", json!(null)),
            ]),
            None,
        ),
    ];
    for (who, places, expected) in cases {
        assert_eq!(
            Contexts::default().of("m", &places).await,
            expected,
            "{who}"
        );
    }
}

#[tokio::test]
async fn ollama_says_it_once_the_model_is_loaded() {
    let contexts = Contexts::default();
    let idle = Places::of([
        ("v1/models", ollama_list()),
        ("api/ps", json!({"models": []})),
        (
            "api/show",
            json!({"parameters": "stop \"<|im_end|>\"", "model_info": {"llama.context_length": 8192}}),
        ),
    ]);
    assert_eq!(contexts.of("smollm2", &idle).await, None);
    assert_eq!(contexts.of("smollm2:135m", &idle).await, None);
    let loaded = json!({"models": [{"name": "smollm2:135m", "model": "smollm2:135m", "context_length": 4096}]});
    let loaded = Places::of([("api/ps", loaded)]);
    assert_eq!(contexts.of("smollm2:135m", &loaded).await, Some(4096));
    // Its list says nothing of lengths: that is not asked for again.
    assert_eq!(loaded.asked(), ["api/ps"]);
    let set = Places::of([
        ("api/ps", json!({"models": []})),
        (
            "api/show",
            json!({"parameters": "num_ctx 16384\nstop \"x\""}),
        ),
    ]);
    assert_eq!(Contexts::default().of("m", &set).await, Some(16384));
}

#[tokio::test]
async fn a_model_that_has_answered_is_asked_about_once_more() {
    let idle = || {
        let shown = json!({"parameters": ""});
        Places::of([("api/ps", json!({"models": []})), ("api/show", shown)])
    };
    let loaded = || {
        Places::of([(
            "api/ps",
            json!({"models": [{"name": "m:1", "context_length": 4096}]}),
        )])
    };
    let contexts = Contexts::default();
    assert_eq!(contexts.of("m:1", &idle()).await, None);
    assert_eq!(contexts.once_loaded("m:1", &loaded()).await, Some(4096));
    assert_eq!(contexts.of("m:1", &idle()).await, Some(4096));
    // Who says nothing of one that is loaded never will, unless it is asked anew.
    assert_eq!(contexts.once_loaded("n:1", &loaded()).await, None);
    let again = loaded();
    assert_eq!(contexts.of("n:1", &again).await, None);
    assert_eq!(contexts.once_loaded("n:1", &again).await, None);
    assert_eq!(again.asked(), [""; 0]);
    assert_eq!(contexts.anew("n:1", &again).await, None);
    assert_eq!(again.asked(), ["api/ps", "api/show"]);
}

#[tokio::test]
async fn what_is_said_anew_is_kept() {
    let list = |tokens: u32| {
        let list = json!({"data": [{"id": "m", "max_model_len": tokens}]});
        Places::of([("v1/models", list)])
    };
    let contexts = Contexts::default();
    assert_eq!(contexts.of("m", &list(8192)).await, Some(8192));
    assert_eq!(contexts.anew("m", &list(4096)).await, Some(4096));
    assert_eq!(contexts.of("m", &list(8192)).await, Some(4096));
    // Silence is no news.
    assert_eq!(contexts.anew("m", &Places::default()).await, None);
    assert_eq!(contexts.of("m", &list(8192)).await, Some(4096));
}

#[tokio::test]
async fn each_place_and_each_model_is_asked_once() {
    let contexts = Contexts::default();
    let nobody = Places::default();
    assert_eq!(contexts.of("a", &nobody).await, None);
    assert_eq!(nobody.asked(), ["v1/models", "api/ps", "props"]);
    for model in ["a", "b"] {
        assert_eq!(contexts.of(model, &nobody).await, None);
    }
    assert_eq!(nobody.asked(), [""; 0]);
    let vllm = Places::of([(
        "v1/models",
        json!({"data": [{"id": "m", "max_model_len": 8192}]}),
    )]);
    let contexts = Contexts::default();
    for _ in 0..2 {
        assert_eq!(contexts.of("m", &vllm).await, Some(8192));
    }
    assert_eq!(vllm.asked(), ["v1/models"]);
}

/// Servers of which this place does not answer the first time.
struct Late(&'static str, AtomicBool, Places);

impl Ask for Late {
    async fn ask(&self, path: &'static str, body: Option<Value>) -> Result<Value, bool> {
        if path == self.0 && !self.1.swap(true, Relaxed) {
            return Err(false);
        }
        self.2.ask(path, body).await
    }
}

#[tokio::test(start_paused = true)]
async fn who_did_not_answer_is_asked_again_after_a_while() {
    for (path, answer) in [
        (
            "v1/models",
            json!({"data": [{"id": "m", "max_model_len": 2048}]}),
        ),
        (
            "api/ps",
            json!({"models": [{"name": "m:latest", "context_length": 2048}]}),
        ),
        (
            "props",
            json!({"default_generation_settings": {"n_ctx": 2048}}),
        ),
    ] {
        let places = Late(path, AtomicBool::new(false), Places::of([(path, answer)]));
        let contexts = Contexts::default();
        assert_eq!(contexts.of("m", &places).await, None, "{path}");
        assert!(!places.2.asked().contains(&path));
        assert_eq!(contexts.once_loaded("m", &places).await, None);
        assert_eq!(places.2.asked(), [""; 0], "nobody waits for it each time");
        tokio::time::advance(PAUSE).await;
        assert_eq!(contexts.of("m", &places).await, Some(2048), "{path}");
        assert_eq!(places.2.asked(), [path], "the others have answered");
    }
}

/// One that never answers.
struct Hangs;

impl Ask for Hangs {
    async fn ask(&self, _: &'static str, _: Option<Value>) -> Result<Value, bool> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn who_hangs_is_asked_again_after_a_while() {
    let contexts = Contexts::default();
    assert_eq!(contexts.once_loaded("m", &Hangs).await, None);
    tokio::time::advance(PAUSE).await;
    let list = json!({"data": [{"id": "m", "max_model_len": 2048}]});
    let places = Places::of([("v1/models", list)]);
    assert_eq!(contexts.once_loaded("m", &places).await, Some(2048));
}
