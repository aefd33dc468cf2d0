//! `/faults/ID`.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode},
};

use super::reply::{Name, either, gone, named, parse, read, taken, unknown};
use crate::{fault::Rule, gateway::Gateway, response};

/// `PUT`: a new rule.
pub(super) async fn add(
    State(gateway): State<Arc<Gateway>>,
    Name(id): Name,
    body: Body,
) -> Response<Body> {
    let added = async {
        named(&id)?;
        let (json, share) = read(&gateway.budget, body).await?;
        let rule = parse("rule of a fault", json, Rule::check).await?;
        if !gateway.faults.add(&id, rule, share) {
            return Err(taken("fault", &id));
        }
        Ok(response::json(StatusCode::CREATED, &serde_json::json!({})))
    };
    either(added.await)
}

/// `GET`: the rule and how often it struck.
pub(super) async fn report(State(gateway): State<Arc<Gateway>>, Name(id): Name) -> Response<Body> {
    let report = gateway
        .faults
        .report(&id)
        .ok_or_else(|| unknown("fault", &id));
    either(report.map(|report| response::json(StatusCode::OK, &report)))
}

/// `DELETE`.
pub(super) async fn remove(State(gateway): State<Arc<Gateway>>, Name(id): Name) -> Response<Body> {
    gone(gateway.faults.remove(&id), "fault", &id)
}
