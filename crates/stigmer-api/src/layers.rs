//! The variables of an execution, which come in layers: the later one wins.

use std::collections::BTreeMap;

use crate::proto::{environment::EnvironmentSpec, executioncontext::ExecutionValue};

/// Variables by their names.
pub type Variables = BTreeMap<String, ExecutionValue>;

/// What the layers come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged {
    /// With an empty value for what is missing.
    pub variables: Variables,
    /// The names of what the agent asks for and nobody gives, sorted.
    pub missing: Vec<String>,
}

/// The variables of the agent, over them those of the instance's environments in their order, over
/// them the execution's own. What one of them calls a secret stays one. A variable of the agent's
/// without a value says what it needs, and whether that is a secret.
pub fn merge(agent: &EnvironmentSpec, environments: &[EnvironmentSpec], own: &Variables) -> Merged {
    let mut merged = Merged::default();
    let Merged { variables, missing } = &mut merged;
    let mut put = |name: &String, value: &String, is_secret: bool| {
        let is_secret = is_secret || variables.get(name).is_some_and(|v| v.is_secret);
        let value = value.clone();
        variables.insert(name.clone(), ExecutionValue { value, is_secret });
    };
    for (name, value) in &agent.data {
        if value.value.is_empty() {
            missing.push(name.clone());
        }
        put(name, &value.value, value.is_secret);
    }
    for (name, value) in environments.iter().flat_map(|e| &e.data) {
        missing.retain(|m| m != name);
        put(name, &value.value, value.is_secret);
    }
    for (name, value) in own {
        missing.retain(|m| m != name);
        put(name, &value.value, value.is_secret);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::environment::EnvironmentValue;

    fn environment(data: &[(&str, &str, bool)]) -> EnvironmentSpec {
        let data = data.iter().map(|&(name, value, is_secret)| {
            let value = EnvironmentValue {
                value: value.to_owned(),
                is_secret,
                ..Default::default()
            };
            (name.to_owned(), value)
        });
        EnvironmentSpec {
            data: data.collect(),
            ..Default::default()
        }
    }

    fn own(data: &[(&str, &str, bool)]) -> Variables {
        let data = data.iter().map(|&(name, value, is_secret)| {
            let value = value.to_owned();
            (name.to_owned(), ExecutionValue { value, is_secret })
        });
        data.collect()
    }

    #[test]
    fn the_later_layer_wins_and_a_secret_stays_one() {
        let agent = environment(&[
            ("A", "agent", false),
            ("B", "agent", true),
            ("C", "", true),
            ("E", "agent", false),
        ]);
        let places = [
            environment(&[("B", "first", false), ("C", "first", false)]),
            environment(&[("C", "second", false), ("D", "second", false)]),
        ];
        let given = own(&[("D", "own", false), ("E", "own", false)]);
        let merged = merge(&agent, &places, &given);
        let expected = [
            ("A", "agent", false),
            ("B", "first", true),
            ("C", "second", true),
            ("D", "own", false),
            ("E", "own", false),
        ];
        assert_eq!(merged.variables, own(&expected));
        assert!(merged.missing.is_empty(), "{:?}", merged.missing);
    }

    #[test]
    fn what_nobody_gives_is_missing() {
        let agent = environment(&[("A", "", true), ("B", "", false), ("C", "", false)]);
        let places = [environment(&[("B", "", false)])];
        let merged = merge(&agent, &places, &own(&[]));
        assert_eq!(merged.missing, ["A", "C"]);
        assert!(merged.variables["A"].is_secret);
    }
}
