//! Who polls a task queue, as Temporal tells by its CLI.

use crate::temporal_cli::{NO_HOME, without_profiles};
use anyhow::Context;
use harness_base::{Command, Inherit, query};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// For one question.
const ANSWER: Duration = Duration::from_secs(5);

/// A task queue and what is polled for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// `workflow` or `activity`.
    pub kind: &'static str,
}

/// The wait for somebody who polls a queue and did not before.
#[derive(Clone, Debug)]
pub struct Pollers {
    ask: Command,
    queue: Queue,
    seen: Arc<Mutex<Seen>>,
}

/// Identities, and when each polled last.
type Polls = BTreeMap<String, String>;

#[derive(Debug, Default)]
struct Seen {
    /// Before its start.
    before: Polls,
    /// Those that it had when it was ready, in each of its lives: a container has the same one again.
    own: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Described {
    pollers: Option<Vec<Poller>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Poller {
    task_queue_type: String,
    identity: String,
    #[serde(default)]
    last_access_time: String,
}

impl Pollers {
    /// By this CLI, of the Temporal at `HOST:PORT`.
    pub fn new(cli: &Path, temporal: &str, queue: Queue) -> Self {
        let ask = Command::new(cli)
            .args(["task-queue", "describe", "--output", "json"])
            .args(["--address", temporal, "--namespace", &queue.namespace])
            .args(["--task-queue", &queue.name])
            .inherit(Inherit::System);
        Self {
            ask: without_profiles(ask, Path::new(NO_HOME)),
            queue,
            seen: Arc::default(),
        }
    }

    /// Remembers who polls already, before a start.
    pub async fn before_start(&self) {
        // Where nobody answers yet, nobody polls.
        let polls = self.polls().await.unwrap_or_default();
        self.seen().before = polls;
    }

    /// Whether somebody polls now who did not before.
    ///
    /// # Errors
    /// Why not, for people.
    pub async fn question(&self) -> Result<(), String> {
        let polls = self.polls().await.map_err(|why| format!("{why:#}"))?;
        let mut seen = self.seen();
        match new(&polls, &seen) {
            Some(identity) => {
                seen.own.insert(identity.to_owned());
                Ok(())
            }
            None => Err(format!(
                "nobody new polls the queue {} for {}; there {}",
                self.queue.name,
                match self.queue.kind {
                    "workflow" => "workflows",
                    _ => "activities",
                },
                match polls.len() {
                    0 => "is nobody".to_owned(),
                    _ => format!("was {}", polls.into_keys().collect::<Vec<_>>().join(", ")),
                }
            )),
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn polls(&self) -> anyhow::Result<Polls> {
        let answer = query(self.ask.clone(), ANSWER)
            .await
            .map_err(anyhow::Error::msg)?;
        anyhow::ensure!(answer.ok, "{}", answer.stderr);
        polls(&answer.stdout, self.queue.kind)
    }
}

fn polls(told: &str, kind: &str) -> anyhow::Result<Polls> {
    let told: Described =
        serde_json::from_str(told).context("read what Temporal says of a queue")?;
    let pollers = told.pollers.unwrap_or_default().into_iter();
    Ok(pollers
        .filter(|poller| poller.task_queue_type == kind)
        .map(|poller| (poller.identity, poller.last_access_time))
        .collect())
}

fn new<'a>(polls: &'a Polls, seen: &Seen) -> Option<&'a str> {
    let is_new = |identity: &str, last: &str| match seen.before.get(identity) {
        None => true,
        Some(then) => seen.own.contains(identity) && then != last,
    };
    polls
        .iter()
        .find(|(identity, last)| is_new(identity, last))
        .map(|(identity, _)| identity.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_profile_of_the_users_is_asked_along() {
        let queue = Queue {
            name: "q".into(),
            namespace: "n".into(),
            kind: "activity",
        };
        let pollers = Pollers::new(Path::new("temporal"), "127.0.0.1:1", queue);
        let echo = pollers.ask.echo();
        let homes = "HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent temporal ";
        assert!(echo.starts_with(homes), "{echo}");
    }

    #[test]
    fn who_is_new() {
        let told = r#"{"pollers":[
            {"taskQueueType":"activity","identity":"1@a","lastAccessTime":"T1"},
            {"taskQueueType":"workflow","identity":"2@a","lastAccessTime":"T1"}]}"#;
        let then = polls(told, "activity").unwrap();
        assert_eq!(then.keys().collect::<Vec<_>>(), ["1@a"], "the other kind");
        assert!(polls(r#"{"pollers":null}"#, "activity").unwrap().is_empty());
        assert!(polls("no", "activity").is_err());
        let mut seen = Seen::default();
        assert_eq!(new(&then, &seen), Some("1@a"));
        seen.before.clone_from(&then);
        let now = polls(&told.replace("T1", "T2"), "activity").unwrap();
        assert_eq!(new(&now, &seen), None, "another instance that polls on");
        seen.own.insert("1@a".into());
        assert_eq!(new(&then, &seen), None, "its own earlier life");
        assert_eq!(new(&now, &seen), Some("1@a"), "it polls again");
    }
}
