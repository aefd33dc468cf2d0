//! When faults strike.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::effect::Fault;
use crate::budget::Share;

/// The most numbers of a rule: each request for its model is looked up among them.
const MOST: usize = 1000;

/// Which requests a rule strikes, counted from 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "`nth` takes a number, numbers, or \"every\"")]
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
        if matches!(&self.nth, Nth::List(list) if list.len() > MOST) {
            return Err(format!("`nth` takes {MOST} numbers at most"));
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
