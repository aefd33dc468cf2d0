//! What the store must know of each kind.

use stigmer_api::{
    Kind, agent::Agent, agentexecution::AgentExecution, agentinstance::AgentInstance,
    environment::Environment, executioncontext::ExecutionContext, secret::Secrets,
    session::Session, skill::Skill, validate::Validate,
};

use super::references;
use crate::{error::Result, store::Read};

/// A resource as the store knows it.
pub(crate) trait Entity: Validate + Secrets {
    /// Whether people refer to it by slug, which is then unique in its organization.
    const BY_SLUG: bool = true;

    /// The resource that it belongs to, and the field that names it.
    fn parent(&self) -> Option<(Kind, &'static str, String)>;

    /// Refuses references to what is not there.
    fn check_references(&self, _: &dyn Read) -> Result<()> {
        Ok(())
    }
}

impl Entity for Agent {
    fn parent(&self) -> Option<(Kind, &'static str, String)> {
        None
    }

    fn check_references(&self, view: &dyn Read) -> Result<()> {
        references::skills(view, self)
    }
}

impl Entity for AgentInstance {
    fn parent(&self) -> Option<(Kind, &'static str, String)> {
        let id = self.spec.clone().unwrap_or_default().agent_id;
        Some((Kind::Agent, "spec.agent_id", id))
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
