//! `/cassettes/NAME`.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{Response, StatusCode},
};
use serde::Deserialize;

use super::reply::{Refused, either, gone, named, parse, read, refused, taken, unknown};
use crate::{
    cassette::{Cassette, CassetteState},
    config::Mode,
    gateway::Gateway,
    response,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    upstream: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Pace {
    timed: bool,
}

/// `PUT`: a cassette to replay; while recording, a new one and what kind of model it is of.
pub(super) async fn load(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(pace): Query<Pace>,
    body: Body,
) -> Response<Body> {
    let loaded = async {
        named(&name)?;
        let (text, share) = read(&gateway.budget, body).await?;
        let cassette = match gateway.mode {
            Mode::Record => {
                CassetteState::recording(&parse::<Recording>("recording to begin", &text)?.upstream)
            }
            Mode::Replay | Mode::Live => {
                let cassette: Cassette = parse("cassette", &text)?;
                let wrong = |why: String| refused(StatusCode::BAD_REQUEST, &why);
                cassette.check().map_err(wrong)?;
                CassetteState::loaded(cassette, pace.timed, share)
            }
        };
        let report = cassette.report();
        if !gateway.cassettes.add(&name, cassette) {
            return Err(taken("cassette", &name));
        }
        Ok(response::json(StatusCode::CREATED, &report))
    };
    either(loaded.await)
}

fn find(gateway: &Gateway, name: &str) -> Result<Arc<CassetteState>, Refused> {
    gateway
        .cassettes
        .get(name)
        .ok_or_else(|| unknown("cassette", name))
}

/// `GET`: the file.
pub(super) async fn file(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Response<Body> {
    either(find(&gateway, &name).map(|cassette| response::text(StatusCode::OK, cassette.file())))
}

/// `GET report`: what was asked in vain, and what was not asked for.
pub(super) async fn report(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Response<Body> {
    either(find(&gateway, &name).map(|cassette| response::json(StatusCode::OK, &cassette.report())))
}

/// `DELETE`.
pub(super) async fn remove(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Response<Body> {
    gone(gateway.cassettes.remove(&name), "cassette", &name)
}
