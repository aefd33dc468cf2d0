//! Why a model ended an answer, by the words that servers use.

/// What kept an answer from being whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It was longer than an answer may be.
    Length,
    /// The provider withheld the rest.
    Filter,
}

/// A finish reason in the form in which it is compared: some write `MAX_TOKENS`, some `content-filter`.
pub fn normal(reason: &str) -> String {
    reason.trim().to_lowercase().replace('-', "_")
}

impl Cut {
    /// What a finish reason says; none where the answer is whole.
    pub fn of(reason: &str) -> Option<Self> {
        match normal(reason).as_str() {
            "length"
            | "max_tokens"
            | "model_length"
            | "max_output_tokens"
            | "model_context_window_exceeded" => Some(Self::Length),
            "content_filter"
            | "content_filtered"
            | "guardrail_intervened"
            | "safety"
            | "recitation"
            | "language"
            | "blocklist"
            | "prohibited_content"
            | "image_safety"
            | "image_prohibited_content"
            | "image_recitation"
            | "sensitive"
            | "spii"
            | "refusal" => Some(Self::Filter),
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
            // As they are written where no underscore is.
            ("Max-Tokens", Some(Cut::Length)),
            ("content-filter", Some(Cut::Filter)),
            (" length", Some(Cut::Length)),
            ("IMAGE_SAFETY", Some(Cut::Filter)),
            ("IMAGE_PROHIBITED_CONTENT", Some(Cut::Filter)),
            ("IMAGE_RECITATION", Some(Cut::Filter)),
            ("LANGUAGE", Some(Cut::Filter)),
            ("content_filtered", Some(Cut::Filter)),
            ("guardrail_intervened", Some(Cut::Filter)),
        ] {
            assert_eq!(Cut::of(reason), cut, "{reason}");
        }
    }
}
