//! Whether a model read all of its question, as far as its server shows it. An answer to a part of it is none.

use temporalio_sdk::activities::ActivityError;

use crate::{
    context_fit::{Counted, fits, was_cut},
    failure::{permanent, transient},
};

const CUT_QUESTION: &str = "ModelCutQuestion";

/// Refuses the answer to a question of so many `bytes` that was asked when nobody knew the model's context, where that turns
/// out to be too small for it: the server has cut it. Asked again, we cut it ourselves, which the status says.
pub(super) fn once_known(
    bytes: usize,
    context: Option<u32>,
    most: u32,
) -> Result<(), ActivityError> {
    match context {
        Some(context) if !fits(bytes, context, most) => Err(transient(
            CUT_QUESTION,
            format!(
                "the model's context of {context} tokens was known only when its server had loaded it, and the question of \
                 {bytes} bytes does not fit: it is asked again, cut to fit"
            ),
        )),
        _ => Ok(()),
    }
}

/// Refuses the answer to the last of these questions where far fewer tokens were counted than it has. That says nothing
/// where it fits into the context as its server tells it `now`: some servers count only what they had not read before. What
/// somebody has set says nothing of what the server has loaded.
pub(super) async fn by_count(
    counted: &[Counted],
    most: u32,
    now: impl Future<Output = Option<u32>>,
) -> Result<(), ActivityError> {
    let Some(&Counted { bytes, tokens }) = counted.last().filter(|_| was_cut(counted)) else {
        return Ok(());
    };
    match now.await {
        Some(context) if fits(bytes, context, most) => Ok(()),
        _ => Err(permanent(CUT_QUESTION, cut_question(bytes, tokens))),
    }
}

fn cut_question(bytes: usize, tokens: u32) -> String {
    format!(
        "the model read {tokens} tokens of a question of {bytes} bytes, which has about {}: its server \
         cut it without a word, and the answer to what is left is not taken: raise \
         OLLAMA_CONTEXT_LENGTH of the server where it is an Ollama, and set STIGMER_LLM_CONTEXT_TOKENS \
         of the runner to the context that the model has",
        bytes / 4
    )
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::ready};

    use super::*;
    use crate::failure::{is_permanent, words};

    #[test]
    fn a_question_that_was_too_long_for_a_model_that_was_not_loaded_is_asked_again() {
        // Ollama cut one of 23,631 bytes to 2,050 tokens.
        let refused = once_known(23_631, Some(4096), 8192).err();
        assert!(refused.as_ref().is_some_and(|it| !is_permanent(it)));
        let why = refused.as_ref().map(words).unwrap_or_default();
        assert!(why.contains("4096 tokens"), "{why}");
        for (bytes, context) in [
            (9216, Some(4096)),
            (23_631, Some(32_768)),
            (1_000_000, None),
        ] {
            assert!(once_known(bytes, context, 8192).is_ok(), "{bytes}");
        }
    }

    /// What comes of a first question of 40,000 bytes of which 41 tokens were counted.
    async fn of_41(now: Option<u32>) -> Result<(), ActivityError> {
        let counted = [Counted {
            bytes: 40_000,
            tokens: 41,
        }];
        by_count(&counted, 8192, ready(now)).await
    }

    #[tokio::test]
    async fn a_small_count_says_nothing_of_a_question_that_fits() {
        assert!(of_41(Some(32_768)).await.is_ok());
        // Nobody says, or the server has less.
        for now in [None, Some(4096)] {
            let refused = of_41(now).await.err();
            assert!(refused.as_ref().is_some_and(is_permanent), "{now:?}");
            let why = refused.as_ref().map(words).unwrap_or_default();
            assert!(
                why.contains("41 tokens") && why.contains("40000 bytes"),
                "{why}"
            );
        }
    }

    #[tokio::test]
    async fn nobody_is_asked_about_a_count_that_is_large_enough() {
        let counted = [(12_000, 3100), (12_867, 41)];
        let counted = counted.map(|(bytes, tokens)| Counted { bytes, tokens });
        let asked = Cell::new(false);
        let now = async {
            asked.set(true);
            None
        };
        assert!(by_count(&counted, 8192, now).await.is_ok());
        assert!(!asked.get());
    }
}
