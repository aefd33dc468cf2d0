//! `/scripts/KEY`.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode},
};
use futures::stream;
use serde::Deserialize;
use serde_json::json;

use super::reply::{
    Asked, Name, Refused, either, gone, named, parse, read, refused, taken, unknown,
};
use crate::{
    budget::Share,
    gateway::Gateway,
    response,
    script::{Script, ScriptedAnswer, report},
    shutdown,
};

/// The longest that a test can wait by one request; its client may have a limit of its own above that.
const LONGEST: u64 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    #[serde(default)]
    answers: Vec<ScriptedAnswer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Until {
    requests: usize,
    left: usize,
    seconds: u64,
}

impl Default for Until {
    fn default() -> Self {
        Self {
            requests: 0,
            left: 0,
            seconds: LONGEST,
        }
    }
}

fn check(list: &Answers) -> Result<(), String> {
    for (index, answer) in list.answers.iter().enumerate() {
        let wrong = |why| format!("answer {index} means nothing: {why}");
        answer.check().map_err(wrong)?;
    }
    Ok(())
}

async fn answers(gateway: &Gateway, body: Body) -> Result<(Vec<ScriptedAnswer>, Share), Refused> {
    let (json, share) = read(&gateway.budget, body).await?;
    let Answers { answers } = parse("list of answers", json, check).await?;
    Ok((answers, share))
}

/// Adds answers to a script; how many they are.
fn appended(
    status: StatusCode,
    script: &Script,
    answers: Vec<ScriptedAnswer>,
    share: Share,
) -> Result<Response<Body>, Refused> {
    let count = answers.len();
    let added = script.append(answers, share);
    added.map_err(|why| refused(StatusCode::BAD_REQUEST, &why))?;
    Ok(response::json(status, &json!({ "appended": count })))
}

fn reported(status: StatusCode, script: Arc<Script>) -> Response<Body> {
    let parts = report(script).map(Ok::<_, Infallible>);
    response::json_stream(status, Body::from_stream(stream::iter(parts)))
}

fn find(gateway: &Gateway, key: &str) -> Result<Arc<Script>, Refused> {
    gateway
        .scripts
        .get(key)
        .ok_or_else(|| unknown("script", key))
}

/// `PUT`: a new script.
pub(super) async fn add(
    State(gateway): State<Arc<Gateway>>,
    Name(key): Name,
    body: Body,
) -> Response<Body> {
    let added = async {
        named(&key)?;
        let (answers, share) = answers(&gateway, body).await?;
        let script = Script::new(&key);
        let created = appended(StatusCode::CREATED, &script, answers, share)?;
        if !gateway.scripts.add(script) {
            return Err(taken("script", &key));
        }
        Ok(created)
    };
    either(added.await)
}

/// `POST answers`: more of them.
pub(super) async fn append(
    State(gateway): State<Arc<Gateway>>,
    Name(key): Name,
    body: Body,
) -> Response<Body> {
    let added = async {
        let script = find(&gateway, &key)?;
        let (answers, share) = answers(&gateway, body).await?;
        appended(StatusCode::OK, &script, answers, share)
    };
    either(added.await)
}

/// `POST release`: the next hold is open.
pub(super) async fn release(
    State(gateway): State<Arc<Gateway>>,
    Name(key): Name,
) -> Response<Body> {
    either(find(&gateway, &key).map(|script| {
        script.release();
        response::json(StatusCode::OK, &json!({}))
    }))
}

/// `GET`: what was asked, what is left.
pub(super) async fn told(State(gateway): State<Arc<Gateway>>, Name(key): Name) -> Response<Body> {
    either(find(&gateway, &key).map(|script| reported(StatusCode::OK, script)))
}

/// `GET wait`: the same, once so many requests came and so many clients left; 504 when they did not in time.
pub(super) async fn wait(
    State(gateway): State<Arc<Gateway>>,
    Name(key): Name,
    Asked(until): Asked<Until>,
) -> Response<Body> {
    let waited = async {
        let script = find(&gateway, &key)?;
        let limit = Duration::from_secs(until.seconds.min(LONGEST));
        let waiting = script.until(until.requests, until.left);
        let status = tokio::select! {
            () = waiting => StatusCode::OK,
            () = shutdown::pause(&gateway.shutdown, limit) => StatusCode::GATEWAY_TIMEOUT,
        };
        Ok(reported(status, script))
    };
    either(waited.await)
}

/// `POST done`: it is kept for people only, until its room is needed.
pub(super) async fn done(State(gateway): State<Arc<Gateway>>, Name(key): Name) -> Response<Body> {
    gone(gateway.scripts.done(&key), "script", &key)
}

/// `DELETE`.
pub(super) async fn remove(State(gateway): State<Arc<Gateway>>, Name(key): Name) -> Response<Body> {
    gone(gateway.scripts.remove(&key), "script", &key)
}
