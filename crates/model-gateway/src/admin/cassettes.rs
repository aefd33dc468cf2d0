//! `/cassettes/NAME`.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode},
};
use serde::Deserialize;

use super::reply::{Asked, Name, Refused, either, gone, held, named, parse, read, taken, unknown};
use crate::{
    aside::aside,
    cassette::{Cassette, CassetteState},
    config::Mode,
    gateway::Gateway,
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
    Name(name): Name,
    Asked(pace): Asked<Pace>,
    body: Body,
) -> Response<Body> {
    let loaded = async {
        named(&name)?;
        let (json, share) = read(&gateway.budget, body).await?;
        let cassette = match gateway.mode {
            Mode::Record => {
                let begun: Recording = parse("recording to begin", json, |_| Ok(())).await?;
                CassetteState::recording(&begun.upstream, share)
            }
            Mode::Replay | Mode::Live => {
                let cassette = parse("cassette", json, Cassette::check).await?;
                CassetteState::loaded(cassette, pace.timed, share)
            }
        };
        let reported = aside(cassette.size(), move || (cassette.report(), cassette));
        let (report, cassette) = reported.await;
        let told = held(&gateway.budget, StatusCode::CREATED, report)?;
        if !gateway.cassettes.add(&name, cassette) {
            return Err(taken("cassette", &name));
        }
        Ok(told)
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
pub(super) async fn file(State(gateway): State<Arc<Gateway>>, Name(name): Name) -> Response<Body> {
    either(text(&gateway, &name, CassetteState::file).await)
}

/// `GET report`: what was asked in vain, and what was not asked for.
pub(super) async fn report(
    State(gateway): State<Arc<Gateway>>,
    Name(name): Name,
) -> Response<Body> {
    either(text(&gateway, &name, CassetteState::report).await)
}

/// A text about a cassette.
async fn text(
    gateway: &Gateway,
    name: &str,
    of: fn(&CassetteState) -> String,
) -> Result<Response<Body>, Refused> {
    let cassette = find(gateway, name)?;
    let text = aside(cassette.size(), move || of(&cassette)).await;
    held(&gateway.budget, StatusCode::OK, text)
}

/// `DELETE`.
pub(super) async fn remove(
    State(gateway): State<Arc<Gateway>>,
    Name(name): Name,
) -> Response<Body> {
    gone(gateway.cassettes.remove(&name), "cassette", &name)
}
