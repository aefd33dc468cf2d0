//! `replay/CASSETTE/MODEL`: exchanges with a real model, recorded once and given again.

mod canon;
mod cassette_state;
mod file;
mod nearest;
mod readable;
mod record;
mod replay;
mod secret;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{body::Bytes, http::StatusCode};
use serde_json::value::{RawValue, to_raw_value};

pub use cassette_state::CassetteState;
pub use file::{Cassette, Chunk, Entry};
pub use record::record;
pub use replay::replay;

use crate::response::ChatResponse;

/// All cassettes that are held.
#[derive(Debug, Default)]
pub struct Cassettes(Mutex<BTreeMap<String, Arc<CassetteState>>>);

impl Cassettes {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<CassetteState>>> {
        // Nothing that holds the lock can stop in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a cassette; whether there was none of that name.
    pub fn add(&self, name: &str, cassette: CassetteState) -> bool {
        let mut all = self.all();
        let new = !all.contains_key(name);
        if new {
            all.insert(name.to_owned(), Arc::new(cassette));
        }
        new
    }

    /// A cassette by its name.
    pub fn get(&self, name: &str) -> Option<Arc<CassetteState>> {
        self.all().get(name).cloned()
    }

    /// A cassette by its name; a new one that records if there is none.
    fn recording(&self, name: &str) -> Arc<CassetteState> {
        let mut all = self.all();
        let cassette = all.entry(name.to_owned());
        Arc::clone(cassette.or_insert_with(|| Arc::new(CassetteState::recording("unknown"))))
    }

    /// Takes a cassette away; whether there was one.
    pub fn remove(&self, name: &str) -> bool {
        self.all().remove(name).is_some()
    }
}

/// The request for the model's own name; all else in it stays as it was written.
///
/// # Errors
/// When it is no JSON object: the answer that says so.
pub fn renamed(body: &[u8], model: &str) -> Result<Bytes, Box<ChatResponse>> {
    let renamed = || {
        let mut request: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body)?;
        request.insert("model".to_owned(), to_raw_value(model)?);
        serde_json::to_vec(&request)
    };
    renamed().map(Bytes::from).map_err(|error| {
        let text = format!("the request is no JSON object: {error}");
        Box::new(ChatResponse::refused(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            &text,
        ))
    })
}
