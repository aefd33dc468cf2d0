//! Faults on demand, for any model: the n-th request for it, or every one, is delayed, refused, cut, spoilt, or never
//! answered.

mod rule;

use std::{collections::BTreeMap, time::Duration};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    corrupt::Damage,
    over::Over,
    response::{ChatResponse, Content, object},
};

pub use rule::{Every, Faults, Nth, Report, Rule};

/// What goes wrong.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// Milliseconds before anything else happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// This status instead of an answer; nobody is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers that go with the status.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body that goes with the status, text or JSON; default an error object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The connection is reset after so many events of the answer, or at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_after_chunks: Option<usize>,
    /// An event of the answer is no JSON.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub garbage: bool,
    /// The request is never answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub never: bool,
}

impl Fault {
    /// What is wrong with it.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub fn check(&self) -> Result<(), String> {
        let something = self.delay_ms.is_some() || self.damage() != Damage::default();
        let replies = self.status.is_some() || !self.headers.is_empty() || self.body.is_some();
        if !something && !replies && !self.never {
            return Err("nothing goes wrong by this fault".to_owned());
        }
        let Some(status) = self.status else {
            if self.headers.is_empty() && self.body.is_none() {
                return Ok(());
            }
            return Err("headers and body go with a status".to_owned());
        };
        reply(status, &self.headers, None)?;
        if self.cut_after_chunks.is_some() || self.garbage || self.never {
            return Err(
                "an answer with a status of its own is not cut, spoilt or withheld".to_owned(),
            );
        }
        Ok(())
    }

    /// What the client gets instead of an answer. Waits where that is the fault.
    pub async fn instead(&self, over: &Over) -> Option<ChatResponse> {
        if let Some(ms) = self.delay_ms {
            over.sleep(Duration::from_millis(ms)).await;
        }
        if self.never {
            return Some(over.never().await);
        }
        // Checked when the rule came.
        reply(self.status?, &self.headers, self.body.as_ref()).ok()
    }

    /// What is done to an answer.
    pub fn damage(&self) -> Damage {
        Damage {
            cut: self.cut_after_chunks,
            garbage: self.garbage,
        }
    }
}

/// A status with headers and a body, which by default is an error object.
///
/// # Errors
/// When it is no status, or a header is none.
pub fn reply(
    status: u16,
    headers: &BTreeMap<String, String>,
    body: Option<&Value>,
) -> Result<ChatResponse, String> {
    let wrong = || format!("{status} is no status from 200 to 599");
    let known = StatusCode::from_u16(status).ok();
    let code = known.filter(|_| (200..600).contains(&status));
    let code = code.ok_or_else(wrong)?;
    let default = object("fault", &format!("{code}, because a test asked for it"));
    let mut answered = ChatResponse::json(code, body.unwrap_or(&default));
    if let Some(Value::String(text)) = body {
        // As proxies answer, which know nothing of JSON.
        answered.content = Content::Whole(text.clone().into());
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        answered.headers.insert(header::CONTENT_TYPE, kind);
    }
    for (name, value) in headers {
        let wrong = |_| format!("`{name}: {value}` is no header");
        let name: HeaderName = name.parse().map_err(|_| wrong(()))?;
        let value = HeaderValue::from_str(value).map_err(|_| wrong(()))?;
        answered.headers.insert(name, value);
    }
    Ok(answered)
}
