//! Resources as rows of a table.

use chrono::{DateTime, SecondsFormat};
use stigmer_api::{
    agent::Agent, agentexecution::AgentExecution, agentinstance::AgentInstance,
    environment::Environment, resource::Resource, session::Session, skill::Skill,
};

use crate::{
    commands::skill::short,
    output::{self, one_line},
    understood::Understood,
};

/// The longest message in a table, in characters.
const MAX_MESSAGE: usize = 50;

/// A resource that a table can show.
pub(super) trait Row: Understood {
    const HEADS: [&'static str; 5];
    fn cells(&self) -> [String; 5];
}

pub(super) fn table<R: Row>(items: &[R]) -> String {
    output::table(R::HEADS, items.iter().map(Row::cells).collect())
}

impl Row for Agent {
    const HEADS: [&'static str; 5] = ["NAME", "SLUG", "ORG", "ID", "UPDATED"];
    fn cells(&self) -> [String; 5] {
        [
            self.name().to_owned(),
            self.slug().to_owned(),
            self.org().to_owned(),
            self.id().to_owned(),
            updated(self),
        ]
    }
}

impl Row for AgentInstance {
    const HEADS: [&'static str; 5] = ["NAME", "ORG", "AGENT", "ID", "UPDATED"];
    fn cells(&self) -> [String; 5] {
        let agent = self.spec.as_ref().map_or("", |s| &s.agent_id);
        [
            self.name().to_owned(),
            self.org().to_owned(),
            agent.to_owned(),
            self.id().to_owned(),
            updated(self),
        ]
    }
}

impl Row for Session {
    const HEADS: [&'static str; 5] = ["NAME", "SUBJECT", "INSTANCE", "ID", "UPDATED"];
    fn cells(&self) -> [String; 5] {
        let spec = self.spec.clone().unwrap_or_default();
        [
            self.name().to_owned(),
            one_line(&spec.subject, MAX_MESSAGE),
            spec.agent_instance_id,
            self.id().to_owned(),
            updated(self),
        ]
    }
}

impl Row for Environment {
    const HEADS: [&'static str; 5] = ["NAME", "ORG", "VARIABLES", "ID", "UPDATED"];
    fn cells(&self) -> [String; 5] {
        let names = self.spec.iter().flat_map(|s| s.data.keys());
        let names: Vec<&str> = names.map(String::as_str).collect();
        [
            self.name().to_owned(),
            self.org().to_owned(),
            one_line(&names.join(" "), MAX_MESSAGE),
            self.id().to_owned(),
            updated(self),
        ]
    }
}

impl Row for Skill {
    const HEADS: [&'static str; 5] = ["NAME", "TAG", "VERSION", "ID", "UPDATED"];
    fn cells(&self) -> [String; 5] {
        let hash = self.status.as_ref().map_or("", |s| &s.version_hash);
        [
            self.name().to_owned(),
            self.spec.clone().unwrap_or_default().tag,
            short(hash).to_owned(),
            self.id().to_owned(),
            updated(self),
        ]
    }
}

impl Row for AgentExecution {
    const HEADS: [&'static str; 5] = ["ID", "PHASE", "AGENT", "MESSAGE", "CREATED"];
    fn cells(&self) -> [String; 5] {
        let spec = self.spec.clone().unwrap_or_default();
        let audit = self.audit().and_then(|a| a.spec_audit.as_ref());
        [
            self.id().to_owned(),
            self.phase().word().to_owned(),
            spec.agent_id,
            one_line(&spec.message, MAX_MESSAGE),
            time(audit.and_then(|a| a.created_at.as_ref()).map(|t| t.seconds)),
        ]
    }
}

fn updated(resource: &impl Resource) -> String {
    let audit = resource.audit().and_then(|a| a.spec_audit.as_ref());
    time(audit.and_then(|a| a.updated_at.as_ref()).map(|t| t.seconds))
}

fn time(seconds: Option<i64>) -> String {
    seconds
        .and_then(|s| DateTime::from_timestamp(s, 0))
        .map(|t| t.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use pbjson_types::Timestamp;

    use super::*;

    /// The last column of one that was created in second 1 and updated in second 2.
    fn last<R: Row>() -> String {
        let mut resource = R::default();
        let audit = resource.audit_mut().spec_audit.get_or_insert_default();
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        (audit.created_at, audit.updated_at) = (at(1), at(2));
        let [.., cell] = resource.cells();
        format!("{}: {cell}", R::HEADS[4])
    }

    #[test]
    fn the_last_column_has_the_time_that_its_head_says() {
        assert_eq!(last::<Agent>(), "UPDATED: 1970-01-01T00:00:02Z");
        assert_eq!(last::<AgentExecution>(), "CREATED: 1970-01-01T00:00:01Z");
    }
}
