//! Keeping a transcript within what Temporal and the server take.

use serde::Serialize;

use super::{Call, Transcript};

/// The most that a transcript may hold, in bytes of JSON. The server shows each result four times and
/// its clients take 10 MiB; Temporal takes [`MOST_SENT`].
pub(crate) const MOST: usize = 768 * 1024;
/// The most of one question to the model, in bytes of JSON: a transcript, its tools, a sub-agent's task.
/// Temporal takes 2 MiB in one piece, and tries a workflow for ever that sends more.
pub(crate) const MOST_SENT: usize = 2 * 1024 * 1024 - 16 * 1024;
/// Shorter texts are kept: dropping them frees little.
const SHORT: usize = 200;
/// Bytes that the note about a cut takes at most.
const NOTE: usize = 64;
/// What arguments begin with that were dropped.
const DROPPED_ARGUMENTS: &str = "{\"dropped\":\"";

/// How much room a value takes in Temporal, in bytes of JSON.
pub(crate) fn size(value: &impl Serialize) -> usize {
    // What cannot be written is never sent.
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

/// Whether the arguments of a call are not the model's any more.
pub(crate) fn is_dropped(arguments: &str) -> bool {
    arguments.starts_with(DROPPED_ARGUMENTS)
}

impl Transcript {
    /// Shortens the transcript until it takes at most `most` bytes. What the model has seen is dropped,
    /// the oldest first: details of sub-agents, then results, then arguments and words. The last
    /// turn it has not seen: its results are cut to the same length, its calls stay.
    ///
    /// # Errors
    /// When that does not do, with what is too large.
    pub(crate) fn fit(&mut self, most: usize) -> Result<(), String> {
        let mut over = Over(size(self).saturating_sub(most));
        if over.0 == 0 {
            return Ok(());
        }
        for call in self.sub_agents.iter_mut().flat_map(|s| &mut s.calls) {
            over.drop(&mut call.result, dropped);
            over.drop(&mut call.arguments, dropped_arguments);
        }
        let count = self.turns.len().saturating_sub(1);
        let (seen, last) = self.turns.split_at_mut(count);
        for call in seen.iter_mut().flat_map(|t| &mut t.calls) {
            over.drop(&mut call.result, dropped);
        }
        for turn in seen {
            over.drop(&mut turn.text, dropped);
            for call in &mut turn.calls {
                over.drop(&mut call.arguments, dropped_arguments);
            }
        }
        for sub in &mut self.sub_agents {
            over.drop(&mut sub.input, dropped);
            over.drop(&mut sub.output, dropped);
        }
        if over.0 > 0 {
            over.cut(last.iter_mut().flat_map(|t| &mut t.calls).collect());
        }
        match over.0 {
            0 => Ok(()),
            _ => Err(self.too_large(most)),
        }
    }

    fn too_large(&self, most: usize) -> String {
        let last = self.turns.last();
        let (whole, of_last) = (size(self), last.map_or(0, size));
        let calls = last.map_or(0, |t| t.calls.len());
        match of_last > most {
            true => format!(
                "the model's last answer, with {calls} tool calls, takes {of_last} bytes even without \
                 the tools' results, more than the {most} that fit: lower STIGMER_LLM_MAX_TOKENS of \
                 the runner, or ask for less at once"
            ),
            false => format!(
                "the conversation takes {whole} bytes even after all that was long was dropped, more \
                 than the {most} that fit: ask for less in one execution"
            ),
        }
    }
}

/// How many bytes of JSON a transcript holds too much.
struct Over(usize);

impl Over {
    /// Replaces a long text by a note.
    fn drop(&mut self, text: &mut String, note: fn(usize) -> String) {
        if self.0 > 0 && text.len() > SHORT {
            let note = note(text.len());
            self.0 = (self.0 + written(&note)).saturating_sub(written(text));
            *text = note;
        }
    }

    /// Cuts the longest results, all to the same length.
    fn cut(&mut self, mut calls: Vec<&mut Call>) {
        let lengths: Vec<usize> = calls.iter().map(|c| written(&c.result)).collect();
        let whole: usize = lengths.iter().sum();
        let most = level(lengths, whole.saturating_sub(self.0)).max(SHORT);
        for call in &mut calls {
            cut(&mut call.result, most);
        }
        let cut: usize = calls.iter().map(|c| written(&c.result)).sum();
        self.0 = (self.0 + cut).saturating_sub(whole);
    }
}

/// The greatest length to which all longer ones can be cut so that the sum is at most `most`.
fn level(mut lengths: Vec<usize>, most: usize) -> usize {
    lengths.sort_unstable();
    let mut left = most;
    for (i, length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - i);
        if *length > share {
            return share;
        }
        left -= length;
    }
    usize::MAX
}

/// Cuts a text that takes more than `most` bytes of JSON, with a note.
fn cut(text: &mut String, most: usize) {
    if written(text) <= most {
        return;
    }
    let mut used = NOTE;
    let end = text.char_indices().find(|(at, c)| {
        used += written(&text[*at..*at + c.len_utf8()]);
        used > most
    });
    let (whole, kept) = (text.len(), end.map_or(0, |(at, _)| at));
    text.truncate(kept);
    text.push_str(&format!(
        "\n[cut: this is the first {kept} of {whole} bytes]"
    ));
}

fn dropped(bytes: usize) -> String {
    format!("[dropped: {bytes} bytes, to keep the conversation short]")
}

/// An object, as arguments have to be.
fn dropped_arguments(bytes: usize) -> String {
    format!("{DROPPED_ARGUMENTS}{bytes} bytes, to keep the conversation short\"}}")
}

/// The bytes of a text within a string of JSON.
fn written(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..0x20 => 6,
        _ => 1,
    });
    bytes.sum()
}

#[cfg(test)]
mod tests;
