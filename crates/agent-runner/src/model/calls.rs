//! Tool calls, put together from the pieces in which they arrive.

use serde_json::Value;
use stigmer_api::finish::Cut;

use super::halves;
use crate::transcript::{RequestedCall, cut};

/// A piece of a call. Servers differ: the whole call at once or letter by letter, with or without
/// an index or an id, both repeated in every piece or not.
#[derive(Clone, Debug)]
pub(super) struct CallDelta {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl CallDelta {
    /// Reads what a server sends for one; nothing where there is none.
    pub(super) fn read(call: &Value) -> Option<Self> {
        let call = call.as_object()?;
        // Some leave the object around name and arguments out.
        let function = call.get("function").and_then(Value::as_object);
        let function = function.unwrap_or(call);
        let text = |value: Option<&Value>| match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            // An id may be a number, arguments the object itself.
            Some(other) => other.to_string(),
        };
        // Under another name it would be a call without any.
        let mut names = ["arguments", "parameters", "input"].iter();
        let arguments = names.find_map(|name| function.get(*name).filter(|value| !value.is_null()));
        let index = call.get("index");
        let written = || index?.as_str()?.parse().ok();
        Some(Self {
            index: index.and_then(Value::as_u64).or_else(written),
            id: text(call.get("id")),
            name: text(function.get("name")),
            arguments: text(arguments),
        })
    }
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<(Option<u64>, RequestedCall)>);

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of what the calls say.
    pub(super) fn size(&self) -> usize {
        let size = |c: &RequestedCall| c.id.len() + c.name.len() + c.arguments.len();
        self.0.iter().map(|(_, call)| size(call)).sum()
    }

    pub(super) fn add(&mut self, delta: CallDelta) {
        let CallDelta {
            index,
            id,
            name,
            arguments,
        } = delta;
        let piece = RequestedCall {
            id,
            name,
            arguments,
        };
        match self.begun(index, &piece.id) {
            Some(call) if is_again(call, &piece) => {}
            Some(call) if is_placeholder(call, &piece) => call.arguments = piece.arguments,
            Some(call) if !is_another(call, &piece, index) => {
                // A new id in each piece is none of any.
                if call.name.is_empty() || piece.name.is_empty() {
                    extend(&mut call.id, &piece.id);
                }
                extend(&mut call.name, &piece.name);
                call.arguments.push_str(&piece.arguments);
            }
            _ => self.0.push((index, piece)),
        }
    }

    /// Takes the calls of a message that stands where pieces are meant: all so far once more, perhaps grown, or further
    /// pieces.
    pub(super) fn restate(&mut self, deltas: Vec<CallDelta>) {
        let mut said = Self::default();
        deltas.iter().cloned().for_each(|delta| said.add(delta));
        if !said.has_all_of(self) {
            return deltas.into_iter().for_each(|delta| self.add(delta));
        }
        // An id may have been said once only.
        for ((_, old), (_, new)) in self.0.iter().zip(&mut said.0) {
            if new.id.is_empty() {
                new.id.clone_from(&old.id);
            }
        }
        *self = said;
    }

    /// Whether these are the same calls, as far as the `others` go, or more.
    fn has_all_of(&self, others: &Self) -> bool {
        let grown = |old: &RequestedCall, new: &RequestedCall| {
            new.name == old.name && new.arguments.starts_with(&old.arguments)
        };
        let mut pairs = others.0.iter().zip(&self.0);
        self.0.len() >= others.0.len() && pairs.all(|((_, old), (_, new))| grown(old, new))
    }

    /// The call that a piece with this index or id may be part of.
    fn begun(&mut self, index: Option<u64>, id: &str) -> Option<&mut RequestedCall> {
        let place = match index {
            Some(_) => self.0.iter().rposition(|(i, _)| *i == index),
            None => {
                let of_id = self
                    .0
                    .iter()
                    .rposition(|(_, call)| !id.is_empty() && call.id == id);
                of_id.or_else(|| self.0.len().checked_sub(1))
            }
        };
        Some(&mut self.0.get_mut(place?)?.1)
    }

    /// The calls of an answer. Where it was cut `by` something the last one is marked, unless all of it came before.
    pub(super) fn take(self, by: Option<Cut>) -> Vec<RequestedCall> {
        let whole = |call: RequestedCall| RequestedCall {
            arguments: halves::joined(&call.arguments),
            ..call
        };
        let calls = self.0.into_iter().map(|(_, call)| whole(call));
        let mut calls: Vec<RequestedCall> = calls.collect();
        if let (Some(by), Some(last)) = (by, calls.last_mut())
            && !says_something(&last.arguments)
        {
            cut::mark(&mut last.arguments, by);
        }
        calls
    }
}

/// Whether arguments are a whole object with something in it. An empty one may stand before the arguments.
fn says_something(arguments: &str) -> bool {
    let read = serde_json::from_str::<Value>(arguments);
    matches!(read, Ok(Value::Object(object)) if !object.is_empty())
}

/// Whether a piece says a whole call, known by its id, once more.
fn is_again(call: &RequestedCall, piece: &RequestedCall) -> bool {
    !piece.id.is_empty() && call == piece && is_whole(&call.arguments)
}

/// Whether the arguments so far only said that there is an object, and a piece of the same call
/// has the object.
fn is_placeholder(call: &RequestedCall, piece: &RequestedCall) -> bool {
    let same_id = piece.id == call.id && !piece.id.is_empty();
    let same = piece.name.is_empty() || (piece.name == call.name && same_id);
    same && call.arguments.trim() == "{}" && piece.arguments.trim_start().starts_with('{')
}

/// Whether a piece begins a call after `call`, though its index or id is the same: some servers
/// give each whole call the index 0, or the same id.
fn is_another(call: &RequestedCall, piece: &RequestedCall, index: Option<u64>) -> bool {
    let both = |a: &str, b: &str| !a.is_empty() && !b.is_empty();
    let named = both(&call.name, &piece.name);
    let other_name = named && piece.name != call.name;
    let ids = both(&call.id, &piece.id);
    let other_id = ids && piece.id != call.id;
    // Nothing follows a whole object; a name may be repeated beside an empty piece of one.
    if named && is_whole(&call.arguments) {
        return match ids && !other_id {
            true => other_name || is_whole(&piece.arguments),
            false => other_id || other_name || !piece.arguments.is_empty(),
        };
    }
    match index {
        Some(_) => {
            let said_nothing = call.arguments.is_empty() && piece.arguments.is_empty();
            other_id && named && (other_name || said_nothing)
        }
        None => other_id || (named && piece.id.is_empty()),
    }
}

/// Whether arguments are all there.
fn is_whole(arguments: &str) -> bool {
    arguments.trim_end().ends_with('}') && serde_json::from_str::<Value>(arguments).is_ok()
}

/// Adds a piece, unless it is the whole said again.
fn extend(text: &mut String, piece: &str) {
    if text != piece {
        text.push_str(piece);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
