//! Giving a scripted answer.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use futures::{StreamExt, stream::unfold};
use tokio_util::sync::CancellationToken;

use super::{
    answer::ScriptedAnswer, openai_stream::Envelope, raw::End, raw_stream, registry::Scripts,
    script_state::Script, step::Step,
};
use crate::{
    access_log::{Exchange, OnEnd},
    aside::aside,
    canned::{header_map, reply, status_code},
    outcome::Lane,
    request::ChatRequest,
    response::{Broken, ChatResponse, Chunks, Damage},
    shutdown,
};

/// Answers a request for `script/KEY`.
pub async fn respond(
    scripts: &Scripts,
    shutdown: &CancellationToken,
    key: &str,
    request: ChatRequest,
    exchange: &mut Exchange,
) -> ChatResponse {
    exchange.lane = Some(Lane::Script);
    let Some(script) = scripts.get(key) else {
        let text = format!("there is no script `{key}`: PUT /scripts/{key} before it is asked");
        return ChatResponse::refused(StatusCode::UNPROCESSABLE_ENTITY, "script_missing", &text);
    };
    let asked = script.ask(request.body, &request.headers, request.room);
    let (n, answer) = asked.await;
    exchange.script = Some(script.key().to_owned());
    let told = Arc::clone(&script);
    exchange.on_end = OnEnd::new(move |outcome| told.ended(n, outcome));
    let answer = match answer {
        Ok(answer) => answer,
        // Not a server's error: those are asked again.
        Err(why) => {
            return ChatResponse::refused(StatusCode::UNPROCESSABLE_ENTITY, why.kind, &why.message);
        }
    };
    let raw = answer.raw.as_ref();
    let broken = raw.is_some_and(|raw| raw.end != End::Complete);
    let damaged = answer.cut_after_pieces.is_some() || answer.garbage || broken;
    if damaged || answer.never || answer.status.is_some() || answer.delay_ms.is_some() {
        exchange.fault = Some("script".to_owned());
    }
    if let Some(ms) = answer.delay_ms {
        shutdown::pause(shutdown, Duration::from_millis(ms)).await;
    }
    if answer.never {
        return shutdown::never(shutdown).await;
    }
    if let Some(status) = answer.status {
        let reply = reply(status, &answer.headers, answer.body.as_deref());
        return reply.unwrap_or_else(|why| {
            ChatResponse::refused(StatusCode::UNPROCESSABLE_ENTITY, "script_missing", &why)
        });
    }
    if answer.raw.is_some() {
        return as_it_stands(script, answer);
    }
    let envelope = Envelope {
        id: format!("chatcmpl-{key}-{n}"),
        created: chrono::Utc::now().timestamp(),
        model: exchange.model().to_owned(),
        usage: exchange.include_usage(),
    };
    if exchange.stream() {
        let size = answer.size();
        return ChatResponse::chunks(streamed(script, size, envelope.steps(answer)));
    }
    if !waited(&script, &answer).await {
        let text = format!("script `{key}` was deleted while it held this answer");
        return ChatResponse::refused(StatusCode::UNPROCESSABLE_ENTITY, "script_missing", &text);
    }
    let said = Arc::clone(&answer);
    let whole = aside(answer.size(), move || envelope.whole(&said)).await;
    ChatResponse {
        damage: Damage {
            cut: answer.cut_after_pieces,
            garbage: answer.garbage,
        },
        ..ChatResponse::json(StatusCode::OK, whole)
    }
}

/// An answer as it stands.
fn as_it_stands(script: Arc<Script>, answer: Arc<ScriptedAnswer>) -> ChatResponse {
    // Checked when it came.
    let raw = answer.raw.as_ref();
    let status = raw.and_then(|raw| status_code(raw.status).ok());
    let headers = raw.and_then(|raw| header_map(&raw.headers).ok());
    let size = answer.size();
    ChatResponse {
        status: status.unwrap_or_default(),
        headers: headers.unwrap_or_default(),
        ..ChatResponse::chunks(streamed(script, size, raw_stream::steps(answer)))
    }
}

/// Waits for all that a streamed answer would wait for.
async fn waited(script: &Script, answer: &ScriptedAnswer) -> bool {
    for piece in &answer.pieces {
        if let Some(pause) = piece.pause() {
            tokio::time::sleep(pause).await;
        }
        if piece.holds() && !script.held().await {
            return false;
        }
    }
    true
}

/// The steps of an answer that says so many bytes, each done as it is taken.
fn streamed(
    script: Arc<Script>,
    size: usize,
    steps: impl Iterator<Item = Step> + Send + 'static,
) -> Chunks {
    let chunks = unfold(Some((script, steps)), move |state| async move {
        let (script, mut steps) = state?;
        loop {
            // One step may be all of a large answer.
            let (step, rest) = aside(size, move || (steps.next(), steps)).await;
            steps = rest;
            let broken = match step? {
                Step::Pause(pause) => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Step::Hold if script.held().await => continue,
                Step::Say(bytes) => return Some((Ok(bytes), Some((script, steps)))),
                Step::Hold | Step::Cut => Broken::OnPurpose,
                Step::Close => Broken::Closed,
                Step::Open => {
                    script.gone().await;
                    Broken::OnPurpose
                }
            };
            return Some((Err(broken), None));
        }
    });
    chunks.boxed()
}
