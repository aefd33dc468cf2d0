//! What of a kind is of a list, told from what is stored without decoding the rest of it.

use prost::Message;
use stigmer_api::{Kind, agentexecution::ExecutionPhase as Phase, resource::Resource};

use super::terms::Terms;

/// What a list is narrowed to; the default is all.
#[derive(Default)]
pub(crate) struct Keep {
    /// Executions in this phase; all where it is unspecified.
    pub(crate) phase: Phase,
    /// What carries all of these.
    pub(crate) tags: Vec<String>,
    /// What is of this organization; all where it is empty.
    pub(crate) org: String,
}

impl Keep {
    /// What all that is kept has, besides the phase.
    pub(super) fn terms(&self) -> Terms {
        Terms::new(&self.org, &self.tags)
    }

    /// Whether a stored resource is kept.
    pub(super) fn keeps<R: Resource>(&self, wire: &[u8]) -> bool {
        if self.phase != Phase::Unspecified && phase::<R>(wire) != self.phase {
            return false;
        }
        let metadata = metadata(wire);
        let tagged = self.tags.iter().all(|tag| metadata.tags.contains(tag));
        tagged && (self.org.is_empty() || metadata.org == self.org)
    }
}

/// The phase of an execution; other kinds have none.
pub(super) fn phase<R: Resource>(wire: &[u8]) -> Phase {
    /// An execution, of which nothing else is read.
    #[derive(Message)]
    struct Execution {
        #[prost(message, optional, tag = "5")]
        status: Option<Status>,
    }
    #[derive(Message)]
    struct Status {
        #[prost(enumeration = "Phase", tag = "2")]
        phase: i32,
    }
    if R::KIND != Kind::AgentExecution {
        return Phase::Unspecified;
    }
    // One that cannot be read is in no phase that anybody asks for.
    let status = Execution::decode(wire).ok().and_then(|it| it.status);
    status.map_or(Phase::Unspecified, |status| status.phase())
}

/// The organization and the tags of a resource of any kind.
pub(super) fn terms(wire: &[u8]) -> Terms {
    let metadata = metadata(wire);
    Terms::new(&metadata.org, &metadata.tags)
}

fn metadata(wire: &[u8]) -> Metadata {
    let envelope = Envelope::decode(wire).unwrap_or_default();
    envelope.metadata.unwrap_or_default()
}

/// What resources of all kinds have in common, of which nothing else is read.
#[derive(Message)]
struct Envelope {
    #[prost(message, optional, tag = "3")]
    metadata: Option<Metadata>,
}

#[derive(Message)]
struct Metadata {
    #[prost(string, tag = "4")]
    org: String,
    #[prost(string, repeated, tag = "8")]
    tags: Vec<String>,
}

#[cfg(test)]
mod tests {
    use stigmer_api::{
        agent::Agent,
        agentexecution::{AgentExecution, AgentMessage},
        agentinstance::AgentInstance,
        environment::Environment,
        session::Session,
        skill::Skill,
    };

    use super::*;

    #[test]
    fn an_execution_tells_its_phase_and_others_have_none() {
        for number in -1..=9 {
            let mut execution = AgentExecution::default();
            execution.metadata_mut().id = "aex-1".to_owned();
            let status = execution.status.get_or_insert_default();
            status.phase = number;
            status.messages = vec![AgentMessage::default(); 3];
            let wire = execution.encode_to_vec();
            assert_eq!(phase::<AgentExecution>(&wire), execution.phase());
            assert_eq!(phase::<Agent>(&wire), Phase::Unspecified);
        }
        assert_eq!(phase::<AgentExecution>(b"\xff"), Phase::Unspecified);
    }

    fn tells<R: Resource>() {
        let mut resource = R::default();
        resource.set_envelope();
        resource.metadata_mut().org = "acme".to_owned();
        resource.metadata_mut().tags = vec!["a".to_owned(), "b".to_owned()];
        resource.audit_mut();
        let wire = resource.encode_to_vec();
        for (tags, org, kept) in [
            (vec![], "", true),
            (vec!["a"], "", true),
            (vec!["b", "a"], "acme", true),
            (vec!["a", "c"], "", false),
            (vec![], "acme", true),
            (vec![], "acm", false),
            (vec!["c"], "acme", false),
            (vec!["a", "a"], "", true),
            (vec!["acme"], "", false),
            (vec![], "a", false),
        ] {
            let keep = Keep {
                tags: tags.iter().map(|it| (*it).to_owned()).collect(),
                org: org.to_owned(),
                ..Keep::default()
            };
            let keeps = keep.keeps::<R>(&wire);
            assert_eq!(keeps, kept, "{:?} {tags:?} {org}", R::KIND);
            let has = terms(&wire).has_all(&keep.terms());
            assert_eq!(has, kept, "{:?} {tags:?} {org}", R::KIND);
        }
    }

    #[test]
    fn all_kinds_tell_their_tags_and_their_organization() {
        tells::<Agent>();
        tells::<AgentInstance>();
        tells::<Session>();
        tells::<AgentExecution>();
        tells::<Skill>();
        tells::<Environment>();
    }
}
