//! What goes wrong by a fault.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::{
    canned::{check, reply},
    response::{ChatResponse, Damage},
    shutdown,
};

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
    pub body: Option<Box<RawValue>>,
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
        check(self.status, &self.headers, self.body.as_deref())?;
        let spoilt = self.damage() != Damage::default() || self.never;
        if self.status.is_some() && spoilt {
            return Err(
                "an answer with a status of its own is not cut, spoilt or withheld".to_owned(),
            );
        }
        Ok(())
    }

    /// What the client gets instead of an answer. Waits where that is the fault.
    pub async fn instead(&self, shutdown: &CancellationToken) -> Option<ChatResponse> {
        if let Some(ms) = self.delay_ms {
            shutdown::pause(shutdown, Duration::from_millis(ms)).await;
        }
        if self.never {
            return Some(shutdown::never(shutdown).await);
        }
        // Checked when the rule came.
        reply(self.status?, &self.headers, self.body.as_deref()).ok()
    }

    /// What is done to an answer.
    pub fn damage(&self) -> Damage {
        Damage {
            cut: self.cut_after_chunks,
            garbage: self.garbage,
        }
    }
}
