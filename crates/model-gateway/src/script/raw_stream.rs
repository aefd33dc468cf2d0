//! A raw answer, step by step.

use std::sync::Arc;

use super::{
    answer::ScriptedAnswer,
    piece::Piece,
    raw::{End, Raw},
    step::Step,
};

/// The steps of a raw answer.
pub(super) fn steps(answer: Arc<ScriptedAnswer>) -> impl Iterator<Item = Step> + Send {
    let pieces = answer.raw.as_ref().map_or(0, |raw| raw.pieces.len());
    // One more for its end.
    (0..=pieces).flat_map(move |at| {
        let raw = answer.raw.as_ref();
        let steps = raw.map(|raw| match raw.pieces.get(at) {
            Some(piece) => of_piece(piece),
            None => end(raw).into_iter().collect(),
        });
        steps.unwrap_or_default()
    })
}

fn of_piece(piece: &Piece) -> Vec<Step> {
    let pause = piece.pause().map(Step::Pause);
    let hold = piece.holds().then_some(Step::Hold);
    let bytes = piece.bytes().and_then(Result::ok).map(Step::Say); // checked when it came
    pause.into_iter().chain(hold).chain(bytes).collect()
}

fn end(raw: &Raw) -> Option<Step> {
    match raw.end {
        End::Complete => None,
        End::Cut => Some(Step::Cut),
        End::Close => Some(Step::Close),
        End::Open => Some(Step::Open),
    }
}
