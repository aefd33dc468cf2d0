//! Arguments of a call that were cut with the answer. The call is not made with what is left of them.

use stigmer_api::finish::Cut;

/// What stands before them. With it they are no JSON, whatever they were, so a runner that does not know it makes no such
/// call either.
fn prefix(cut: Cut) -> &'static str {
    match cut {
        Cut::Length => "[cut by length] ",
        Cut::Filter => "[cut by a filter] ",
    }
}

/// Notes that something cut them.
pub(crate) fn mark(arguments: &mut String, cut: Cut) {
    arguments.insert_str(0, prefix(cut));
}

/// What cut them, where that was noted.
pub(crate) fn of(arguments: &str) -> Option<Cut> {
    let mut cuts = [Cut::Length, Cut::Filter].into_iter();
    cuts.find(|cut| arguments.starts_with(prefix(*cut)))
}

/// Why the call is not made, for the model: the same once more would be cut at the same place.
pub(crate) fn not_called(cut: Cut) -> &'static str {
    match cut {
        Cut::Length => {
            "not called: your answer reached its longest length before the arguments of this call were complete, and they \
             are cut; say less at once, and split what is long over several calls"
        }
        Cut::Filter => {
            "not called: a content filter ended your answer before the arguments of this call were complete, and they are \
             cut; call it with other words"
        }
    }
}

/// What the execution is warned of.
pub(crate) fn warning(cut: Cut) -> String {
    format!(
        "the model's answer was cut in the middle of a tool call, which was not made: {}",
        cut.why()
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::transcript;

    /// None at all would be an empty object, and half of one the model would only write once more.
    #[test]
    fn what_was_cut_is_refused_whatever_is_left_of_it() {
        for (cut, words) in [
            (Cut::Length, "reached its longest length"),
            (Cut::Filter, "a content filter"),
        ] {
            for written in ["", "{}", "{\"a\"", r#"{"a":1}"#] {
                assert_eq!(of(written), None);
                let mut arguments = written.to_owned();
                mark(&mut arguments, cut);
                assert_eq!(of(&arguments), Some(cut), "{written}");
                let why = transcript::arguments(&arguments).unwrap_err();
                assert!(why.contains(words) && !why.contains("again"), "{why}");
                // To who knows no mark.
                assert!(serde_json::from_str::<serde_json::Value>(&arguments).is_err());
            }
        }
        assert!(warning(Cut::Length).contains("STIGMER_LLM_MAX_TOKENS"));
    }
}
