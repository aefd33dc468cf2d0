//! What tests tell the gateway and ask it, in JSON on its own port.

mod cassettes;
mod faults;
mod reply;
mod scripts;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post, put},
};

use crate::gateway::Gateway;

/// The routes.
pub fn routes() -> Router<Arc<Gateway>> {
    let script = put(scripts::add).get(scripts::told).delete(scripts::remove);
    let fault = put(faults::add).get(faults::report).delete(faults::remove);
    let cassette = put(cassettes::load)
        .get(cassettes::file)
        .delete(cassettes::remove);
    Router::new()
        .route("/scripts/{key}", script)
        .route("/scripts/{key}/answers", post(scripts::append))
        .route("/scripts/{key}/release", post(scripts::release))
        .route("/scripts/{key}/done", post(scripts::done))
        .route("/scripts/{key}/wait", get(scripts::wait))
        .route("/faults/{id}", fault)
        .route("/cassettes/{name}", cassette)
        .route("/cassettes/{name}/report", get(cassettes::report))
}
