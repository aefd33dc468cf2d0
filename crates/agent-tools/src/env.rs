//! The environment of an execution: fills placeholders, and knows what must never be shown.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use serde_json::Value;

use crate::redact::{self, Forms, HoldBack, json};

/// Bytes of somebody else's words in an error: Temporal keeps 4 KiB of a failure, and what comes first.
const MOST_WORDS: usize = 1024;

/// A value and whether it is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvVar {
    /// The value.
    pub value: String,
    /// Whether it must not be shown.
    pub is_secret: bool,
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_secret {
            "(secret)"
        } else {
            "(value)"
        })
    }
}

/// Names and values. They do not change.
#[derive(Clone, Default)]
pub struct Env {
    vars: BTreeMap<String, EnvVar>,
    /// What the secrets look like: made when the first text is redacted, once for all clones.
    forms: Arc<OnceLock<Forms>>,
}

impl From<BTreeMap<String, EnvVar>> for Env {
    fn from(vars: BTreeMap<String, EnvVar>) -> Self {
        Self {
            vars,
            forms: Arc::default(),
        }
    }
}

impl FromIterator<(String, EnvVar)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, EnvVar)>>(vars: I) -> Self {
        Self::from(vars.into_iter().collect::<BTreeMap<_, _>>())
    }
}

impl PartialEq for Env {
    fn eq(&self, other: &Self) -> bool {
        self.vars == other.vars
    }
}

impl Eq for Env {}

/// Without the forms: they are the secrets.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Env").field(&self.vars).finish()
    }
}

/// A text that cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// Nobody gave it a value.
    #[error(
        "${{{0}}} has no value: give {0} in the agent's environment, or with the run; for the text itself write $${{{0}}}"
    )]
    Unknown(String),
    /// It is no name.
    #[error(
        "a placeholder is ${{NAME}} with letters, digits and _; for the text ${{ itself write $${{"
    )]
    Malformed,
}

impl Env {
    /// Puts values in the place of each `${NAME}`. `$${` stands for the text `${`; any other `$` for itself.
    ///
    /// # Errors
    /// For a name without a value, and for what is no name.
    pub fn fill(&self, text: &str) -> Result<String, FillError> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("$${") {
                filled.push_str("${");
                rest = after;
            } else if let Some(after) = rest.strip_prefix("${") {
                let (name, after) = after.split_once('}').ok_or(FillError::Malformed)?;
                if !is_name(name) {
                    return Err(FillError::Malformed);
                }
                let var = self.vars.get(name);
                let var = var.ok_or_else(|| FillError::Unknown(name.to_owned()))?;
                filled.push_str(&var.value);
                rest = after;
            } else {
                filled.push('$');
                rest = &rest[1..];
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Puts `[redacted]` in the place of each secret of four characters or more, plain or in base64, percent-encoded or
    /// escaped as in JSON.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        redact::redact(text, &[self.forms()])
    }

    /// The arguments of a call without secrets. JSON stays JSON: what is redacted are its texts, and a number becomes one.
    /// Names that the tool's schema has stay, since the model was told to call by them.
    #[must_use]
    pub fn redact_arguments(&self, arguments: &str, schema: &Value) -> String {
        json::redact(arguments, &json::names(schema), &[self.forms()])
    }

    /// A text without the secrets of all of these, as [`Env::redact`] leaves those of one out.
    #[must_use]
    pub fn redact_all<'a>(envs: impl IntoIterator<Item = &'a Self>, text: &str) -> String {
        let forms: Vec<&Forms> = envs.into_iter().map(Self::forms).collect();
        redact::redact(text, &forms)
    }

    /// As [`Env::redact`], but only the first `most` bytes of the text; with it, how many bytes these are.
    pub(crate) fn redact_head(&self, text: &str, most: usize) -> (String, usize) {
        redact::redact_head(text, most, &[self.forms()])
    }

    /// The beginning of somebody else's words, redacted, as a part of an error.
    pub(crate) fn excerpt(&self, words: &str) -> String {
        let (shown, taken) = self.redact_head(words, MOST_WORDS);
        match words.len() - taken {
            0 => shown,
            rest => format!("{shown} [cut: {rest} bytes more]"),
        }
    }

    /// How many bytes a secret takes at most in a text, however it is written there.
    pub(crate) fn reach(&self) -> usize {
        self.forms().reach()
    }

    /// What of the end of a text that is still being written must not be shown yet.
    #[must_use]
    pub fn hold_back(&self) -> HoldBack {
        HoldBack::of(self.secrets())
    }

    fn forms(&self) -> &Forms {
        self.forms.get_or_init(|| Forms::of(self.secrets()))
    }

    fn secrets(&self) -> impl Iterator<Item = &str> {
        let secrets = self.vars.values().filter(|var| var.is_secret);
        secrets.map(|var| var.value.as_str())
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        let var = |name: &str, value: &str| {
            let value = value.to_owned();
            (
                name.to_owned(),
                EnvVar {
                    value,
                    is_secret: true,
                },
            )
        };
        [var("A", "one"), var("B_2", "${A}$$")]
            .into_iter()
            .collect()
    }

    #[test]
    fn placeholders_are_filled_once() {
        for (text, filled) in [
            ("", ""),
            ("plain", "plain"),
            ("${A}", "one"),
            ("x${A}y${A}z", "xoneyonez"),
            ("${B_2}", "${A}$$"),
            ("$5 $$ $", "$5 $$ $"),
            ("$${A}", "${A}"),
            ("$$${A}", "$${A}"),
            ("ä${A}ö", "äoneö"),
        ] {
            assert_eq!(env().fill(text).unwrap(), filled, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_is_named() {
        let unknown = env().fill("${A}${NOPE}").unwrap_err();
        assert_eq!(unknown, FillError::Unknown("NOPE".to_owned()));
        assert!(
            unknown.to_string().starts_with("${NOPE} has no value"),
            "{unknown}"
        );
        for text in ["${", "${A", "${}", "${1A}", "${A B}", "${A-x}"] {
            assert_eq!(
                env().fill(text).unwrap_err(),
                FillError::Malformed,
                "{text}"
            );
        }
    }

    #[test]
    fn values_are_not_shown() {
        assert_eq!(
            format!("{:?}", env()),
            r#"Env({"A": (secret), "B_2": (secret)})"#
        );
    }

    #[test]
    fn what_secrets_look_like_is_made_once_for_all_clones() {
        let before = redact::BUILT.get();
        let env: Env = env().vars.into();
        let clone = env.clone();
        assert_eq!(redact::BUILT.get(), before, "nothing was redacted yet");
        for _ in 0..3 {
            assert_eq!(env.redact("a ${A}$$"), "a [redacted]");
            assert_eq!(clone.excerpt("${A}$$"), "[redacted]");
            assert_eq!(Env::redact_all([&env, &clone], "${A}$$"), "[redacted]");
            assert_eq!(
                clone.redact_arguments("[\"${A}$$\"]", &Value::Null),
                "[\"[redacted]\"]"
            );
            assert!(env.reach() > 0);
        }
        assert_eq!(redact::BUILT.get(), before + 1);
    }
}
