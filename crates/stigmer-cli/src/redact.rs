//! Keeps secrets out of what is printed, whatever the server answers.

use stigmer_api::{agent::Agent, agentexecution::AgentExecution};

const HIDDEN: &str = "[redacted]";

/// Hides the secret values of a resource.
pub(crate) trait Redact {
    fn redact(&mut self);
}

impl Redact for AgentExecution {
    fn redact(&mut self) {
        let env = self
            .spec
            .iter_mut()
            .flat_map(|s| s.runtime_env.values_mut());
        for value in env.filter(|v| v.is_secret) {
            HIDDEN.clone_into(&mut value.value);
        }
    }
}

impl Redact for Agent {
    fn redact(&mut self) {
        let env = self.spec.iter_mut().flat_map(|s| &mut s.env_spec);
        let values = env.flat_map(|e| e.data.values_mut());
        for value in values.filter(|v| v.is_secret && !v.value.is_empty()) {
            HIDDEN.clone_into(&mut value.value);
        }
    }
}

impl Redact for stigmer_api::agentinstance::AgentInstance {
    fn redact(&mut self) {}
}

impl Redact for stigmer_api::session::Session {
    fn redact(&mut self) {}
}
