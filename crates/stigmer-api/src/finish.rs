//! Why a model ended an answer, by the words that servers use.

/// What kept an answer from being whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It was longer than an answer may be.
    Length,
    /// The provider withheld the rest.
    Filter,
}

impl Cut {
    /// What a finish reason says; none where the answer is whole.
    pub fn of(reason: &str) -> Option<Self> {
        match reason.to_lowercase().as_str() {
            "length"
            | "max_tokens"
            | "model_length"
            | "max_output_tokens"
            | "model_context_window_exceeded" => Some(Self::Length),
            "content_filter" | "safety" | "recitation" | "blocklist" | "prohibited_content"
            | "sensitive" | "spii" | "refusal" => Some(Self::Filter),
            _ => None,
        }
    }

    /// In words, for a person: what cut it, and what to do.
    pub fn why(self) -> &'static str {
        match self {
            Self::Length => {
                "it reached the longest answer that the model gives: raise STIGMER_LLM_MAX_TOKENS of the runner"
            }
            Self::Filter => "the provider's content filter withheld the rest",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_known_by_many_words() {
        for (reason, cut) in [
            ("stop", None),
            ("tool_calls", None),
            ("", None),
            ("eos", None),
            ("length", Some(Cut::Length)),
            ("MAX_TOKENS", Some(Cut::Length)),
            ("model_length", Some(Cut::Length)),
            ("content_filter", Some(Cut::Filter)),
            ("SAFETY", Some(Cut::Filter)),
            ("refusal", Some(Cut::Filter)),
        ] {
            assert_eq!(Cut::of(reason), cut, "{reason}");
        }
    }
}
