//! Each kind as an [`Entity`].

use stigmer_api::{
    ApiKind, Kind, agent::Agent, agentexecution::AgentExecution, agentinstance::AgentInstance,
    apiresource::ApiResourceReference, environment::Environment,
    executioncontext::ExecutionContext, session::Session, skill::Skill,
};

use super::{entity::Entity, references};
use crate::{error::Result, store::Read};

impl Entity for Agent {
    fn parent(&self) -> Option<(Kind, &'static str, String)> {
        None
    }

    fn references(&self) -> Vec<&ApiResourceReference> {
        let own = self.spec.iter().flat_map(|s| &s.skill_refs);
        let subs = self.spec.iter().flat_map(|s| &s.sub_agents);
        own.chain(subs.flat_map(|s| &s.skill_refs)).collect()
    }

    fn complete_references(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        let own = spec.skill_refs.iter_mut();
        let subs = spec.sub_agents.iter_mut().flat_map(|s| &mut s.skill_refs);
        own.chain(subs).for_each(|r| r.set_kind(ApiKind::Skill));
    }
}

impl Entity for AgentInstance {
    fn parent(&self) -> Option<(Kind, &'static str, String)> {
        let id = self.spec.clone().unwrap_or_default().agent_id;
        Some((Kind::Agent, "spec.agent_id", id))
    }

    const REFERS_TO: Kind = Kind::Environment;

    fn references(&self) -> Vec<&ApiResourceReference> {
        let refs = self.spec.iter().flat_map(|s| &s.environment_refs);
        refs.collect()
    }

    fn complete_references(&mut self) {
        let refs = self.spec.iter_mut().flat_map(|s| &mut s.environment_refs);
        refs.for_each(|r| r.set_kind(ApiKind::Environment));
    }

    fn check_references(&self, view: &dyn Read) -> Result<()> {
        references::environments(view, self).map(drop)
    }
}

impl Entity for Session {
    fn parent(&self) -> Option<(Kind, &'static str, String)> {
        let id = self.spec.clone().unwrap_or_default().agent_instance_id;
        Some((Kind::AgentInstance, "spec.agent_instance_id", id))
    }
}

impl Entity for AgentExecution {
    const BY_SLUG: bool = false;

    fn parent(&self) -> Option<(Kind, &'static str, String)> {
        let id = self.spec.clone().unwrap_or_default().session_id;
        Some((Kind::Session, "spec.session_id", id))
    }
}

impl Entity for Skill {
    fn parent(&self) -> Option<(Kind, &'static str, String)> {
        None
    }
}

impl Entity for Environment {
    fn parent(&self) -> Option<(Kind, &'static str, String)> {
        None
    }
}

impl Entity for ExecutionContext {
    fn parent(&self) -> Option<(Kind, &'static str, String)> {
        let id = self.spec.clone().unwrap_or_default().execution_id;
        Some((Kind::AgentExecution, "spec.execution_id", id))
    }
}
