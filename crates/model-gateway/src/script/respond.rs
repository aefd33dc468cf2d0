//! Giving a scripted answer.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::http::StatusCode;
use futures::{StreamExt, stream::unfold};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    answer::{Piece, ScriptedAnswer},
    openai_stream::{Envelope, Step},
    registry::Scripts,
    script_state::Script,
};
use crate::{
    access_log::{Exchange, OnEnd},
    canned::reply,
    outcome::Lane,
    request::ChatRequest,
    response::{Broken, ChatResponse, Damage},
    shutdown,
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wishes {
    stream_options: StreamOptions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StreamOptions {
    include_usage: bool,
}

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
    let text = String::from_utf8_lossy(&request.body);
    let (n, answer) = script.ask(&text, &request.headers, request.room);
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
    let damaged = answer.cut_after_pieces.is_some() || answer.garbage;
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
        let reply = reply(status, &answer.headers, answer.body.as_ref());
        return reply.unwrap_or_else(|why| {
            ChatResponse::refused(StatusCode::UNPROCESSABLE_ENTITY, "script_missing", &why)
        });
    }
    let wishes: Wishes = serde_json::from_str(&text).unwrap_or_default();
    let envelope = Envelope {
        id: format!("chatcmpl-{key}-{n}"),
        created: chrono::Utc::now().timestamp(),
        model: exchange.model(),
        usage: wishes.stream_options.include_usage,
    };
    if exchange.stream() {
        return streamed(script, envelope.steps(&answer).into());
    }
    if !waited(&script, &answer).await {
        let text = format!("script `{key}` was deleted while it held this answer");
        return ChatResponse::refused(StatusCode::UNPROCESSABLE_ENTITY, "script_missing", &text);
    }
    ChatResponse {
        damage: Damage {
            cut: answer.cut_after_pieces,
            garbage: answer.garbage,
        },
        ..ChatResponse::json(StatusCode::OK, &envelope.whole(&answer))
    }
}

/// Waits for all that a streamed answer would wait for.
async fn waited(script: &Script, answer: &ScriptedAnswer) -> bool {
    for piece in &answer.pieces {
        match piece {
            Piece::Text(_) => {}
            Piece::Late(late) => tokio::time::sleep(Duration::from_millis(late.delay_ms)).await,
            Piece::Hold(_) => {
                if !script.held().await {
                    return false;
                }
            }
        }
    }
    true
}

fn streamed(script: Arc<Script>, steps: VecDeque<Step>) -> ChatResponse {
    let chunks = unfold(Some((script, steps)), |state| async move {
        let (script, mut steps) = state?;
        loop {
            match steps.pop_front()? {
                Step::Pause(pause) => tokio::time::sleep(pause).await,
                Step::Hold => {
                    if !script.held().await {
                        return Some((Err(Broken::OnPurpose), None));
                    }
                }
                Step::Say(event) => return Some((Ok(event), Some((script, steps)))),
                Step::Cut => return Some((Err(Broken::OnPurpose), None)),
            }
        }
    });
    ChatResponse::chunks(chunks.boxed())
}
