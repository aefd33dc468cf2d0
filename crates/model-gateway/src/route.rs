//! Who answers: the name of the model says it.

/// What a request's model means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `script/KEY`.
    Script(String),
    /// `replay/CASSETTE/MODEL`.
    Replay {
        /// The cassette's name.
        cassette: String,
        /// The model's own name; it may have slashes and colons.
        model: String,
    },
    /// Any other name, and none.
    Live,
}

impl Route {
    /// Reads a model's name.
    pub fn of(model: &str) -> Self {
        if let Some(key) = model.strip_prefix("script/") {
            return Self::Script(key.to_owned());
        }
        let replay = model.strip_prefix("replay/");
        match replay.and_then(|rest| rest.split_once('/')) {
            Some((cassette, model)) if !cassette.is_empty() && !model.is_empty() => Self::Replay {
                cassette: cassette.to_owned(),
                model: model.to_owned(),
            },
            _ => Self::Live,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Route::of("script/adds-1"), Route::Script("adds-1".into()));
        let route = Route::of("replay/greeting/org/model:8b");
        let (cassette, model) = ("greeting".into(), "org/model:8b".into());
        assert_eq!(route, Route::Replay { cassette, model });
        for live in [
            "gpt-4o",
            "",
            "scripts/x",
            "replay/only",
            "replay//m",
            "replay/c/",
        ] {
            assert_eq!(Route::of(live), Route::Live, "{live}");
        }
    }
}
