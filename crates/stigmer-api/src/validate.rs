//! The rules of the contract, checked alike by server and CLI.

mod agent;
mod environment;
mod execution;
mod fault;
mod mcp_server;
pub mod report;
mod skill;
mod url;

use std::{collections::BTreeMap, fmt};

use crate::{
    limits::{self, cut},
    proto::{
        agentinstance::AgentInstance,
        apiresource::{
            ApiResourceOwnerScope, ApiResourceReference, apiresourcekind::ApiResourceKind,
        },
        session::Session,
    },
    resource::{API_VERSION, Resource},
    slug,
};

/// The shortest instructions of an agent, in characters.
pub const MIN_INSTRUCTIONS: usize = 10;

/// One rule that a resource breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's path as in the proto, e.g. `spec.mcp_servers[0].name`.
    pub field: String,
    /// What is wrong with it, as a phrase.
    pub message: String,
}

/// Every rule that a resource breaks; at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Violations(pub Vec<Violation>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(f, "validation error: {}: {}", one.field, one.message),
            all => {
                f.write_str("validation errors:")?;
                all.iter()
                    .take(limits::TOLD)
                    .try_for_each(|v| write!(f, "\n - {}: {}", v.field, v.message))?;
                match all.len().saturating_sub(limits::TOLD) {
                    0 => Ok(()),
                    more => write!(f, "\n - and {more} more"),
                }
            }
        }
    }
}

/// A resource whose spec has rules of its own.
pub trait Validate: Resource {
    /// Adds what the spec breaks to `check`.
    fn check_spec(&self, check: &mut Checker);

    /// Checks envelope, metadata and spec.
    ///
    /// # Errors
    /// All rules that are broken, in the order of the fields.
    fn validate(&self) -> Result<(), Violations> {
        let mut check = Checker::default();
        check.that("api_version", self.api_version() == API_VERSION, || {
            format!("must be `{API_VERSION}`")
        });
        check.that("kind", self.kind() == Self::KIND.as_str(), || {
            format!("must be `{}`", Self::KIND.as_str())
        });
        self.check_metadata(&mut check);
        self.check_spec(&mut check);
        check.finish()
    }

    /// Checks labels, annotations and tags alone, where nothing else of it counts.
    ///
    /// # Errors
    /// All rules that are broken.
    fn validate_labels(&self) -> Result<(), Violations> {
        let mut check = Checker::default();
        self.check_labels(&mut check);
        check.finish()
    }

    /// Adds what labels, annotations and tags break to `check`.
    fn check_labels(&self, check: &mut Checker) {
        let Some(metadata) = self.metadata() else {
            return;
        };
        for (field, there) in [
            ("labels", metadata.labels.len()),
            ("annotations", metadata.annotations.len()),
            ("tags", metadata.tags.len()),
        ] {
            check.at_most(&format!("metadata.{field}"), there, limits::LABELS);
        }
    }

    /// Adds what the metadata breaks to `check`.
    fn check_metadata(&self, check: &mut Checker) {
        let Some(metadata) = self.metadata() else {
            return check.fail("metadata", "is required");
        };
        let allowed = Self::KIND.owner_scopes();
        match ApiResourceOwnerScope::try_from(metadata.owner_scope) {
            Err(_) => check.fail("metadata.owner_scope", "is not a defined scope"),
            Ok(scope) if !allowed.is_empty() && !allowed.contains(&scope) => {
                let names: Vec<&str> = allowed.iter().map(|s| s.as_str_name()).collect();
                check.fail(
                    "metadata.owner_scope",
                    format!("must be {}", names.join(" or ")),
                );
            }
            Ok(_) => {}
        }
        self.check_labels(check);
        if metadata.name.chars().nth(limits::NAME).is_some() {
            let most = limits::NAME;
            check.fail(
                "metadata.name",
                format!("must have at most {most} characters"),
            );
        }
        if !metadata.org.is_empty()
            && let Err(why) = slug::check(&metadata.org)
        {
            check.fail("metadata.org", why);
        }
        if !metadata.slug.is_empty() {
            if let Err(why) = slug::check(&metadata.slug) {
                check.fail("metadata.slug", why);
            }
        } else if metadata.name.is_empty() {
            check.fail("metadata.name", "is required");
        } else if let Err(why) = slug::check(&slug::from_name(&metadata.name)) {
            check.fail(
                "metadata.name",
                format!("does not make a slug: the slug {why}"),
            );
        }
    }
}

/// Collects what is broken.
#[derive(Debug, Default)]
pub struct Checker(Vec<Violation>);

impl Checker {
    /// Notes a broken rule of `field`.
    pub fn fail(&mut self, field: impl Into<String>, message: impl Into<String>) {
        // What stands in it may be as long as a message.
        self.0.push(Violation {
            field: cut(&field.into(), limits::TOLD_BYTES),
            message: cut(&message.into(), limits::TOLD_BYTES),
        });
    }

    fn that(&mut self, field: &str, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.fail(field, message());
        }
    }

    /// Whether there are at most so many; else the entries need not be looked at.
    fn at_most(&mut self, field: &str, there: usize, most: usize) -> bool {
        self.that(field, there <= most, || {
            format!("must have at most {most}, this has {there}")
        });
        there <= most
    }

    fn required(&mut self, field: impl Into<String>, value: &str) {
        if value.is_empty() {
            self.fail(field, "is required");
        }
    }

    fn instructions(&mut self, field: impl Into<String>, text: &str) {
        let n = text.trim().chars().count();
        if n < MIN_INSTRUCTIONS {
            self.fail(
                field,
                format!("must have at least {MIN_INSTRUCTIONS} characters, this has {n}"),
            );
        }
    }

    fn references(&mut self, field: &str, refs: &[ApiResourceReference], kind: ApiResourceKind) {
        if !self.at_most(field, refs.len(), limits::REFERENCES) {
            return;
        }
        for (i, reference) in refs.iter().enumerate() {
            // One that is left out is that of the field.
            let fits = [kind as i32, ApiResourceKind::Unknown as i32].contains(&reference.kind);
            if !fits {
                self.fail(
                    format!("{field}[{i}].kind"),
                    format!("must be {}", kind.as_str_name()),
                );
            }
            self.required(format!("{field}[{i}].slug"), &reference.slug);
            self.version(&format!("{field}[{i}].version"), &reference.version);
        }
    }

    fn version(&mut self, field: &str, text: &str) {
        self.that(field, is_version(text), || VERSION_RULE.to_owned());
    }

    fn variables<T>(&mut self, field: &str, data: &BTreeMap<String, T>, text: impl Fn(&T) -> &str) {
        if !self.at_most(field, data.len(), limits::VARIABLES) {
            return;
        }
        for (name, value) in data {
            let field = format!("{field}[{name}]");
            self.that(&field, is_env_name(name), || {
                "must be a name of letters, digits and `_` that starts with no digit".to_owned()
            });
            if let Some(why) = nul(text(value)) {
                self.fail(field, why);
            }
        }
    }

    fn finish(self) -> Result<(), Violations> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Violations(self.0))
        }
    }
}

/// To the system a NUL is the end of a text: no process can be given one, and no header has one.
fn nul(text: &str) -> Option<&'static str> {
    text.contains('\0').then_some("must have no NUL in it")
}

impl Validate for AgentInstance {
    fn check_spec(&self, check: &mut Checker) {
        let spec = self.spec.clone().unwrap_or_default();
        check.required("spec.agent_id", &spec.agent_id);
        check.references(
            "spec.environment_refs",
            &spec.environment_refs,
            ApiResourceKind::Environment,
        );
    }
}

impl Validate for Session {
    fn check_spec(&self, check: &mut Checker) {
        let spec = self.spec.as_ref();
        check.required(
            "spec.agent_instance_id",
            spec.map_or("", |s| &s.agent_instance_id),
        );
        let metadata = spec.map_or(0, |s| s.metadata.len());
        check.at_most("spec.metadata", metadata, limits::LABELS);
    }
}

/// Whether `name` can be the name of an environment variable.
pub fn is_env_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What [`is_version`] demands, as a phrase.
pub const VERSION_RULE: &str = "must be of at most 128 letters, digits, `.`, `_` and `-`";

/// Whether `text` can be the tag of a version; an empty one is none, and can.
pub fn is_version(text: &str) -> bool {
    text.len() <= limits::VERSION
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests;
