//! Faults on demand, for any model: the n-th request for it, or every one, is delayed, refused, cut, spoilt, or never
//! answered.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    answer::{Answered, Content, object},
    budget::Share,
    damage::Damage,
    over::Over,
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

/// Which requests a rule strikes, counted from 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Nth {
    /// This one.
    One(usize),
    /// These.
    List(Vec<usize>),
    /// All.
    Every(Every),
}

/// The word for all.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// `every`.
    Every,
}

/// A fault and when it strikes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The model as requests name it; with `*` at its end, the beginning of its name.
    pub model: String,
    /// Which requests.
    pub nth: Nth,
    /// What happens to them.
    pub fault: Fault,
}

/// A rule and its past.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    rule: Rule,
    /// Requests for its model.
    seen: usize,
    /// How often it struck.
    struck: usize,
    #[serde(skip)]
    _share: Share,
}

/// All rules.
#[derive(Debug, Default)]
pub struct Faults(Mutex<BTreeMap<String, Report>>);

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
    pub async fn instead(&self, over: &Over) -> Option<Answered> {
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
) -> Result<Answered, String> {
    let wrong = || format!("{status} is no status from 200 to 599");
    let known = StatusCode::from_u16(status).ok();
    let code = known.filter(|_| (200..600).contains(&status));
    let code = code.ok_or_else(wrong)?;
    let default = object("fault", &format!("{code}, because a test asked for it"));
    let mut answered = Answered::json(code, body.unwrap_or(&default));
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

impl Nth {
    fn has(&self, n: usize) -> bool {
        match self {
            Self::One(one) => *one == n,
            Self::List(list) => list.contains(&n),
            Self::Every(_) => true,
        }
    }
}

impl Rule {
    /// What is wrong with it.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub fn check(&self) -> Result<(), String> {
        let never = match &self.nth {
            Nth::One(n) => *n == 0,
            Nth::List(list) => list.is_empty() || list.contains(&0),
            Nth::Every(_) => false,
        };
        if never {
            return Err("`nth` counts from 1: it takes a number, numbers, or \"every\"".to_owned());
        }
        self.fault.check()
    }

    fn concerns(&self, model: &str) -> bool {
        match self.model.strip_suffix('*') {
            Some(start) => model.starts_with(start),
            None => model == self.model,
        }
    }
}

impl Faults {
    fn rules(&self) -> MutexGuard<'_, BTreeMap<String, Report>> {
        // Nothing that holds the lock can stop in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a rule; whether there was none of that name.
    pub fn add(&self, id: &str, rule: Rule, share: Share) -> bool {
        let mut rules = self.rules();
        if rules.contains_key(id) {
            return false;
        }
        let report = Report {
            rule,
            seen: 0,
            struck: 0,
            _share: share,
        };
        rules.insert(id.to_owned(), report);
        true
    }

    /// A rule and how often it struck.
    pub fn report(&self, id: &str) -> Option<Value> {
        serde_json::to_value(self.rules().get(id)?).ok()
    }

    /// Takes a rule away; whether there was one.
    pub fn remove(&self, id: &str) -> bool {
        self.rules().remove(id).is_some()
    }

    /// Counts a request. Of the rules that strike, the first by name.
    pub fn strike(&self, model: &str) -> Option<(String, Fault)> {
        let mut first = None;
        for (id, report) in self.rules().iter_mut() {
            if !report.rule.concerns(model) {
                continue;
            }
            report.seen += 1;
            if first.is_none() && report.rule.nth.has(report.seen) {
                report.struck += 1;
                first = Some((id.clone(), report.rule.fault.clone()));
            }
        }
        first
    }
}
