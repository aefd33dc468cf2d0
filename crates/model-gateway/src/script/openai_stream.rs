//! An answer as OpenAI sends it: one object, or the events of a stream.

use std::{collections::VecDeque, iter, sync::Arc};

use axum::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::{answer::ScriptedAnswer, piece::Piece, step::Step, tool::Tool};
use crate::corrupt::GARBAGE;

/// What all events of an answer share.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) model: String,
    /// Whether the request asks for the usage at a stream's end.
    pub(super) usage: bool,
}

/// An answer, or an event of one.
#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    /// In a stream null in each event but the last, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<&'a RawValue>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    #[serde(flatten)]
    says: Says<'a>,
    logprobs: (),
    finish_reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Says<'a> {
    Delta(&'a Value),
    Message(&'a Value),
}

/// A part of what is said.
enum Delta {
    Silence(Step),
    Say(Value),
}

fn say(text: &str) -> Delta {
    Delta::Say(json!({ "content": text }))
}

fn of_piece(piece: &Piece) -> impl Iterator<Item = Delta> + use<> {
    let pause = piece.pause().map(Step::Pause);
    let hold = piece.holds().then_some(Step::Hold);
    let silence = pause.into_iter().chain(hold).map(Delta::Silence);
    silence.chain(piece.text().map(say))
}

/// A call: its name, then its arguments in parts.
fn of_call(index: usize, tool: &Tool) -> impl Iterator<Item = Delta> + use<> {
    let call = |call: Value| Delta::Say(json!({ "tool_calls": [call] }));
    let name = call(json!({
        "index": index,
        "id": tool.id,
        "type": "function",
        "function": { "name": tool.name, "arguments": "" },
    }));
    let arguments = tool.arguments().into_owned();
    let size = Tool::at_once(arguments.chars().count());
    let mut from = 0;
    let parts = iter::from_fn(move || {
        let rest = &arguments[from..];
        let end = rest.char_indices().nth(size);
        let part = &rest[..end.map_or(rest.len(), |(end, _)| end)];
        from += part.len();
        let said = || call(json!({ "index": index, "function": { "arguments": part } }));
        (!part.is_empty()).then(said)
    });
    iter::once(name).chain(parts)
}

/// What is said, part by part.
fn deltas(answer: &Arc<ScriptedAnswer>) -> impl Iterator<Item = Delta> + Send + use<> {
    let [first, second, third] = [(); 3].map(|()| Arc::clone(answer));
    let text = iter::once_with(move || first.text.as_deref().map(say)).flatten();
    let pieces = (0..answer.pieces.len()).flat_map(move |at| of_piece(&second.pieces[at]));
    let calls = (0..answer.tools.len()).flat_map(move |at| of_call(at, &third.tools[at]));
    text.chain(pieces).chain(calls)
}

fn finish_reason(answer: &ScriptedAnswer) -> &str {
    let default = match answer.tools.is_empty() {
        true => "stop",
        false => "tool_calls",
    };
    answer.finish_reason.as_deref().unwrap_or(default)
}

impl Envelope {
    fn event(&self, choices: &[Choice<'_>], usage: Option<&RawValue>) -> Step {
        let event = Completion {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage: self.usage.then_some(usage),
        };
        // Nothing in it can fail to be JSON.
        let event = serde_json::to_string(&event).unwrap_or_default();
        Step::Say(format!("data: {event}\n\n").into())
    }

    fn delta(&self, delta: &Value, finish_reason: Option<&str>) -> Step {
        let choice = Choice {
            index: 0,
            says: Says::Delta(delta),
            logprobs: (),
            finish_reason,
        };
        self.event(&[choice], None)
    }

    fn closing(&self, answer: &ScriptedAnswer) -> impl Iterator<Item = Step> + use<> {
        let finish = self.delta(&json!({}), Some(finish_reason(answer)));
        let usage = answer.usage.as_deref().filter(|_| self.usage);
        let usage = usage.map(|usage| self.event(&[], Some(usage)));
        let done = Step::Say(Bytes::from_static(b"data: [DONE]\n\n"));
        iter::once(finish).chain(usage).chain([done])
    }

    /// The steps of a streamed answer.
    pub(super) fn steps(
        self,
        answer: Arc<ScriptedAnswer>,
    ) -> impl Iterator<Item = Step> + Send + use<> {
        let opening = json!({ "role": "assistant", "content": "", "refusal": null });
        let mut deltas = deltas(&answer);
        let mut ready = VecDeque::from([self.delta(&opening, None)]);
        let mut said = 0;
        let mut over = answer.cut_after_pieces == Some(0);
        ready.extend(over.then_some(Step::Cut));
        iter::from_fn(move || {
            if ready.is_empty() && !over {
                match deltas.next() {
                    Some(Delta::Silence(step)) => ready.push_back(step),
                    Some(Delta::Say(delta)) => {
                        said += 1;
                        ready.push_back(self.delta(&delta, None));
                        let garbage = answer.garbage && said == 1;
                        ready.extend(garbage.then_some(Step::Say(GARBAGE)));
                        over = answer.cut_after_pieces == Some(said);
                        ready.extend(over.then_some(Step::Cut));
                    }
                    None => {
                        over = true;
                        ready.extend(self.closing(&answer));
                    }
                }
            }
            ready.pop_front()
        })
    }

    /// The answer as one object.
    pub(super) fn whole(&self, answer: &ScriptedAnswer) -> String {
        let says = answer.text.is_some() || !answer.pieces.is_empty();
        let pieces = answer.pieces.iter().filter_map(Piece::text);
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
                    "function": { "name": tool.name, "arguments": tool.arguments() },
                })
            });
            message["tool_calls"] = calls.collect();
        }
        let choice = Choice {
            index: 0,
            says: Says::Message(&message),
            logprobs: (),
            finish_reason: Some(finish_reason(answer)),
        };
        let whole = Completion {
            id: &self.id,
            object: "chat.completion",
            created: self.created,
            model: &self.model,
            choices: &[choice],
            usage: answer.usage.as_deref().map(Some),
        };
        // Nothing in it can fail to be JSON.
        serde_json::to_string(&whole).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(answer: &Value) -> Vec<Step> {
        let answer: ScriptedAnswer = serde_json::from_str(&answer.to_string()).unwrap();
        answer.check().unwrap();
        let envelope = Envelope {
            id: "id".to_owned(),
            created: 7,
            model: "m".to_owned(),
            usage: true,
        };
        envelope.steps(Arc::new(answer)).collect()
    }

    /// What the events of steps say: the words, and the arguments of the first call.
    fn said(steps: &[Step]) -> (String, String) {
        let (mut words, mut arguments) = (String::new(), String::new());
        for step in steps {
            let Step::Say(event) = step else { continue };
            let data = crate::sse::data(std::str::from_utf8(event).unwrap()).unwrap();
            let event: Value = serde_json::from_str(&data).unwrap_or_default();
            let delta = &event["choices"][0]["delta"];
            words.push_str(delta["content"].as_str().unwrap_or_default());
            let call = &delta["tool_calls"][0]["function"];
            arguments.push_str(call["arguments"].as_str().unwrap_or_default());
        }
        (words, arguments)
    }

    proptest::proptest! {
        /// Every word is said once, in order, and a cut comes where it is wanted.
        #[test]
        fn what_was_written_is_said(
            pieces in proptest::collection::vec(".{0,20}", 0..5),
            arguments in ".{0,100}",
            cut in 0_usize..6,
        ) {
            let tools = json!([{ "name": "t", "arguments": arguments }]);
            let whole = steps(&json!({ "pieces": pieces, "tools": tools }));
            assert_eq!(said(&whole), (pieces.concat(), arguments));
            assert_eq!(whole.last(), Some(&Step::Say("data: [DONE]\n\n".into())));
            let cut = cut.min(pieces.len());
            let broken = steps(&json!({ "pieces": pieces, "tools": tools, "cut_after_pieces": cut }));
            assert_eq!(broken[..=cut], whole[..=cut]);
            assert_eq!(broken[cut + 1..], [Step::Cut]);
        }
    }

    #[test]
    fn pauses_and_holds_come_before_their_words() {
        let pieces = json!(["a", { "text": "b", "delay_ms": 5 }, { "hold": true }]);
        let steps = steps(&json!({ "pieces": pieces, "usage": { "total_tokens": 3 } }));
        let silent = |step: &Step| !matches!(step, Step::Say(_));
        let silent: Vec<_> = (0..steps.len()).filter(|at| silent(&steps[*at])).collect();
        assert_eq!(silent, [2, 4]);
        assert_eq!(steps[2], Step::Pause(std::time::Duration::from_millis(5)));
        assert_eq!(steps[4], Step::Hold);
    }
}
