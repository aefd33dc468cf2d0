//! A piece of an answer.

use std::{fmt, time::Duration};

use axum::body::Bytes;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A piece of what is said: a text alone, or an object with what comes before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece(Fields);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fields {
    /// Milliseconds before anything else happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    /// Nothing more until the test releases it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<bool>,
    /// Words.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Bytes that may be no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Piece {
    /// What is wrong with it.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub(super) fn check(&self, raw: bool) -> Result<(), String> {
        let Fields {
            hold, text, base64, ..
        } = &self.0;
        if *hold == Some(false) {
            return Err("a piece that does not hold is a text".to_owned());
        }
        let kinds = usize::from(hold.is_some()) + usize::from(text.is_some());
        if kinds + usize::from(base64.is_some()) != 1 {
            return Err("a piece takes one of text, base64 and hold".to_owned());
        }
        if base64.is_some() && !raw {
            return Err("only a raw answer has pieces in base64".to_owned());
        }
        match self.bytes() {
            Some(Err(why)) => Err(why),
            _ => Ok(()),
        }
    }

    /// The silence before it.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.0.delay_ms.map(Duration::from_millis)
    }

    /// Whether it waits for the test.
    pub(super) fn holds(&self) -> bool {
        self.0.hold.is_some()
    }

    /// Its words.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.text.as_deref()
    }

    /// About how many bytes it has.
    pub(super) fn size(&self) -> usize {
        let words = [&self.0.text, &self.0.base64].into_iter().flatten();
        words.map(String::len).sum()
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> Option<Result<Bytes, String>> {
        if let Some(text) = &self.0.text {
            return Some(Ok(Bytes::copy_from_slice(text.as_bytes())));
        }
        let decoded = BASE64_STANDARD.decode(self.0.base64.as_ref()?);
        let wrong = |error| format!("a piece is no base64: {error}");
        Some(decoded.map(Bytes::from).map_err(wrong))
    }
}

impl Serialize for Piece {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Fields {
                delay_ms: None,
                hold: None,
                text: Some(text),
                base64: None,
            } => serializer.serialize_str(text),
            fields => fields.serialize(serializer),
        }
    }
}

/// By hand, since serde keeps a copy of all that may be one thing or another.
impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Piece;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with text, base64, delay_ms or hold")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Piece, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Piece, E> {
        Ok(Piece(Fields {
            text: Some(text),
            ..Fields::default()
        }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Piece, A::Error> {
        Fields::deserialize(MapAccessDeserializer::new(map)).map(Piece)
    }
}
