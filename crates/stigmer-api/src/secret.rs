//! Which values of a resource are secret, and how they are hidden.

use crate::{
    proto::{
        agent::Agent, agentexecution::AgentExecution, agentinstance::AgentInstance,
        environment::Environment, executioncontext::ExecutionContext, session::Session,
        skill::Skill,
    },
    validate::{Violation, Violations},
};

/// What stands in an answer where a secret is.
pub const REDACTED: &str = "[redacted]";

/// Puts the secrets of `old` where `new` has what stands for them in answers.
///
/// # Errors
/// Where there is no such secret: a copy of an answer has lost them.
pub fn keep<R: Secrets>(new: &mut R, old: Option<&mut R>) -> Result<(), Violations> {
    let old = old.map(Secrets::variables).unwrap_or_default();
    for variable in new.variables() {
        if variable.value != REDACTED {
            continue;
        }
        let mut kept = old.iter().filter(|v| v.is_secret && variable.is_secret);
        let Some(kept) = kept.find(|v| v.name == variable.name) else {
            let field = format!("{}[{}]", R::VARIABLES, variable.name);
            let message =
                format!("`{REDACTED}` stands for a stored secret and there is none: give a value");
            return Err(Violations(vec![Violation { field, message }]));
        };
        variable.value.clone_from(kept.value);
    }
    Ok(())
}

/// A variable of a resource.
#[derive(Debug)]
pub struct Variable<'a> {
    /// Its name, which no other variable of the resource has.
    pub name: &'a str,
    /// Its value.
    pub value: &'a mut String,
    /// Whether the value is a secret.
    pub is_secret: bool,
}

/// A message that may hold secrets.
pub trait Secrets {
    /// Where its variables are, for messages.
    const VARIABLES: &'static str = "";

    /// All of its variables, in the order of their names.
    fn variables(&mut self) -> Vec<Variable<'_>>;

    /// Puts [`REDACTED`] in place of every secret; an empty one hides nothing and stays.
    fn redact(&mut self) {
        let secrets = self.variables().into_iter().filter(|v| v.is_secret);
        for variable in secrets.filter(|v| !v.value.is_empty()) {
            REDACTED.clone_into(variable.value);
        }
    }
}

macro_rules! variables {
    ($data:expr) => {
        $data
            .map(|(name, value)| Variable {
                name,
                value: &mut value.value,
                is_secret: value.is_secret,
            })
            .collect()
    };
}

impl Secrets for Agent {
    const VARIABLES: &'static str = "spec.env_spec.data";

    fn variables(&mut self) -> Vec<Variable<'_>> {
        let env = self.spec.iter_mut().flat_map(|s| &mut s.env_spec);
        variables!(env.flat_map(|e| &mut e.data))
    }
}

impl Secrets for Environment {
    const VARIABLES: &'static str = "spec.data";

    fn variables(&mut self) -> Vec<Variable<'_>> {
        variables!(self.spec.iter_mut().flat_map(|s| &mut s.data))
    }
}

impl Secrets for AgentExecution {
    const VARIABLES: &'static str = "spec.runtime_env";

    fn variables(&mut self) -> Vec<Variable<'_>> {
        variables!(self.spec.iter_mut().flat_map(|s| &mut s.runtime_env))
    }
}

impl Secrets for ExecutionContext {
    const VARIABLES: &'static str = "spec.data";

    fn variables(&mut self) -> Vec<Variable<'_>> {
        variables!(self.spec.iter_mut().flat_map(|s| &mut s.data))
    }
}

macro_rules! none {
    ($($type:ty),+) => {
        $(impl Secrets for $type {
            fn variables(&mut self) -> Vec<Variable<'_>> {
                Vec::new()
            }
        })+
    };
}

none!(AgentInstance, Session, Skill);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::environment::{EnvironmentSpec, EnvironmentValue};

    #[test]
    fn secrets_and_nothing_else_are_hidden() {
        let value = |value: &str, is_secret| EnvironmentValue {
            value: value.to_owned(),
            is_secret,
            description: String::new(),
        };
        let data = [
            ("A", value("plain", false)),
            ("B", value("hush", true)),
            ("C", value("", true)),
        ];
        let mut environment = Environment {
            spec: Some(EnvironmentSpec {
                description: String::new(),
                data: data.map(|(k, v)| (k.to_owned(), v)).into(),
            }),
            ..Environment::default()
        };
        environment.redact();
        let shown: Vec<String> = environment
            .variables()
            .iter()
            .map(|v| format!("{}={}", v.name, v.value))
            .collect();
        assert_eq!(shown, ["A=plain", "B=[redacted]", "C="]);
    }
}
