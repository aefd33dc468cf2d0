//! An answer as OpenAI sends it: one object, or the events of a stream.

use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::answer::{Piece, ScriptedAnswer};
use crate::corrupt::GARBAGE;

/// A step of a streamed answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Silence.
    Pause(Duration),
    /// Silence until the test ends it.
    Hold,
    /// An event.
    Say(Bytes),
    /// The connection breaks.
    Cut,
}

/// What all events of an answer share.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) model: &'a str,
    /// Whether the request asks for the usage at a stream's end.
    pub(super) usage: bool,
}

enum Delta {
    Pause(Duration),
    Hold,
    Say(Value),
}

fn deltas(answer: &ScriptedAnswer) -> Vec<Delta> {
    let say = |text: &str| Delta::Say(json!({ "content": text }));
    let mut deltas = Vec::new();
    deltas.extend(answer.text.as_deref().map(say));
    for piece in &answer.pieces {
        match piece {
            Piece::Text(text) => deltas.push(say(text)),
            Piece::Late(late) => {
                deltas.push(Delta::Pause(Duration::from_millis(late.delay_ms)));
                deltas.push(say(&late.text));
            }
            Piece::Hold(_) => deltas.push(Delta::Hold),
        }
    }
    for (index, tool) in answer.tools.iter().enumerate() {
        let call = |call: Value| Delta::Say(json!({ "tool_calls": [call] }));
        deltas.push(call(json!({
            "index": index,
            "id": tool.id,
            "type": "function",
            "function": { "name": tool.name, "arguments": "" },
        })));
        let arguments =
            |part: String| call(json!({ "index": index, "function": { "arguments": part } }));
        deltas.extend(tool.parts().into_iter().map(arguments));
    }
    deltas
}

fn finish_reason(answer: &ScriptedAnswer) -> &str {
    let default = match answer.tools.is_empty() {
        true => "stop",
        false => "tool_calls",
    };
    answer.finish_reason.as_deref().unwrap_or(default)
}

impl Envelope<'_> {
    fn event(&self, choices: &Value, usage: Option<&Value>) -> Step {
        let mut event = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if self.usage {
            event["usage"] = usage.cloned().unwrap_or_default();
        }
        Step::Say(format!("data: {event}\n\n").into())
    }

    fn delta(&self, delta: &Value, finish: Option<&str>) -> Step {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        self.event(&json!([choice]), None)
    }

    /// The steps of a streamed answer.
    pub(super) fn steps(&self, answer: &ScriptedAnswer) -> Vec<Step> {
        let opening = json!({ "role": "assistant", "content": "", "refusal": null });
        let mut steps = vec![self.delta(&opening, None)];
        let mut said = 0;
        let broken = |said: usize| answer.cut_after_pieces == Some(said);
        if broken(said) {
            steps.push(Step::Cut);
            return steps;
        }
        for delta in deltas(answer) {
            match delta {
                Delta::Pause(pause) => steps.push(Step::Pause(pause)),
                Delta::Hold => steps.push(Step::Hold),
                Delta::Say(delta) => {
                    steps.push(self.delta(&delta, None));
                    said += 1;
                    if answer.garbage && said == 1 {
                        steps.push(Step::Say(GARBAGE));
                    }
                    if broken(said) {
                        steps.push(Step::Cut);
                        return steps;
                    }
                }
            }
        }
        steps.push(self.delta(&json!({}), Some(finish_reason(answer))));
        if self.usage && answer.usage.is_some() {
            steps.push(self.event(&json!([]), answer.usage.as_ref()));
        }
        steps.push(Step::Say(Bytes::from_static(b"data: [DONE]\n\n")));
        steps
    }

    /// The answer as one object.
    pub(super) fn whole(&self, answer: &ScriptedAnswer) -> Value {
        let pieces = answer.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Late(late) => late.text.as_str(),
            Piece::Hold(_) => "",
        });
        let says = answer.text.is_some() || !answer.pieces.is_empty();
        let text: String = answer.text.as_deref().into_iter().chain(pieces).collect();
        let mut message = json!({
            "role": "assistant",
            "content": says.then_some(text),
            "refusal": null,
        });
        if !answer.tools.is_empty() {
            let calls = answer.tools.iter().map(|tool| {
                json!({
                    "id": tool.id,
                    "type": "function",
                    "function": { "name": tool.name, "arguments": tool.said() },
                })
            });
            message["tool_calls"] = calls.collect();
        }
        let mut whole = json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": message,
                "logprobs": null,
                "finish_reason": finish_reason(answer),
            }],
        });
        if let Some(usage) = &answer.usage {
            whole["usage"] = usage.clone();
        }
        whole
    }
}
