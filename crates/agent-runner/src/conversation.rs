//! What the model is sent, derived from what was said and done.

use crate::{
    model::{ChatMessage, FunctionCall},
    session_history::SessionHistory,
    transcript::{self, Call, Turn},
};

/// What the model is told of a session that was longer.
const FORGOTTEN: &str = "Earlier messages of this session were left out: it was too long.";

/// Who the model is, what was said in the session, what is asked now, and what came of it so far.
pub(crate) fn conversation(
    system: &str,
    memory: &SessionHistory,
    message: &str,
    turns: &[Turn],
) -> Vec<ChatMessage> {
    let system = match memory.more {
        true => format!("{system}\n\n{FORGOTTEN}"),
        false => system.to_owned(),
    };
    let mut conversation = vec![ChatMessage::system(system)];
    conversation.extend(memory.messages().cloned());
    conversation.push(ChatMessage::user(message));
    for turn in turns {
        let calls = turn.calls.iter().map(call).collect();
        conversation.push(ChatMessage::assistant(&turn.text, calls));
        conversation.extend(
            turn.calls
                .iter()
                .map(|c| ChatMessage::tool(&c.id, &c.result)),
        );
    }
    conversation
}

fn call(call: &Call) -> FunctionCall {
    // Servers parse what they are sent back, so what was no object is not repeated; the result
    // says what was wrong.
    let arguments = match transcript::arguments(&call.arguments) {
        Ok(_) if !call.arguments.trim().is_empty() => call.arguments.clone(),
        _ => "{}".to_owned(),
    };
    FunctionCall::new(&call.id, &call.name, arguments)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
