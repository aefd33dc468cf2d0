//! What all resources have in common: kind, metadata, audit.

use crate::{
    limits::{NAME, cut},
    proto::{
        agent::{Agent, AgentStatus},
        agentexecution::{
            AgentExecution, AgentExecutionSpec, AgentExecutionStatus, ExecutionPhase,
        },
        agentinstance::AgentInstance,
        apiresource::{
            ApiResourceAudit, ApiResourceAuditStatus, ApiResourceMetadata,
            ApiResourceOwnerScope as Scope, apiresourcekind::ApiResourceKind,
        },
        environment::Environment,
        executioncontext::ExecutionContext,
        session::Session,
        skill::{Skill, SkillStatus},
    },
};

/// The only value of a resource's `api_version`.
pub const API_VERSION: &str = "agentic.stigmer.ai/v1";

/// The organization of whoever names none: this backend is local.
pub const LOCAL_ORG: &str = "local";

/// The annotation of a resource that is too large to be told whole; it says why.
pub const SHORTENED: &str = "stigmer.ai/shortened";

/// Bytes of a text as an outline has it.
const OUTLINE: usize = 1_000;

/// A kind of resource that this platform stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What an agent is: its instructions, tools and skills.
    Agent,
    /// An agent with the environments that it runs in.
    AgentInstance,
    /// A conversation with an instance.
    Session,
    /// One message of a session and the agent's work on it.
    AgentExecution,
    /// Knowledge that agents refer to.
    Skill,
    /// Variables that instances share.
    Environment,
    /// The variables of one execution, merged.
    ExecutionContext,
}

/// The contract's own name for a [`Kind`], as references carry it.
pub type ApiKind = ApiResourceKind;

impl Kind {
    /// The value of a resource's `kind` field; also how messages name the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::AgentInstance => "AgentInstance",
            Self::Session => "Session",
            Self::AgentExecution => "AgentExecution",
            Self::Skill => "Skill",
            Self::Environment => "Environment",
            Self::ExecutionContext => "ExecutionContext",
        }
    }

    /// What ids of the kind start with, before the dash.
    pub const fn id_prefix(self) -> &'static str {
        match self {
            Self::Agent => "agt",
            Self::AgentInstance => "ain",
            Self::Session => "ses",
            Self::AgentExecution => "aex",
            Self::Skill => "skl",
            Self::Environment => "env",
            Self::ExecutionContext => "exec",
        }
    }

    /// The kind in references.
    pub const fn api_kind(self) -> ApiKind {
        match self {
            Self::Agent => ApiKind::Agent,
            Self::AgentInstance => ApiKind::AgentInstance,
            Self::Session => ApiKind::Session,
            Self::AgentExecution => ApiKind::AgentExecution,
            Self::Skill => ApiKind::Skill,
            Self::Environment => ApiKind::Environment,
            Self::ExecutionContext => ApiKind::ExecutionContext,
        }
    }

    /// The owner scopes that a resource of the kind may have; empty means any.
    pub const fn owner_scopes(self) -> &'static [Scope] {
        match self {
            Self::Agent | Self::Skill => &[Scope::Platform, Scope::Organization],
            Self::AgentInstance => &[],
            Self::Session | Self::Environment => &[Scope::Organization, Scope::IdentityAccount],
            Self::AgentExecution | Self::ExecutionContext => &[Scope::Unspecified],
        }
    }
}

/// A message with the envelope that every resource shares.
pub trait Resource: prost::Name + Default + Clone + PartialEq + 'static {
    /// Its kind.
    const KIND: Kind;

    /// The envelope's `api_version`.
    fn api_version(&self) -> &str;
    /// The envelope's `kind`.
    fn kind(&self) -> &str;
    /// Fills `api_version` and `kind`.
    fn set_envelope(&mut self);
    /// The metadata, where there is any.
    fn metadata(&self) -> Option<&ApiResourceMetadata>;
    /// The metadata, made where there is none.
    fn metadata_mut(&mut self) -> &mut ApiResourceMetadata;
    /// Who made and changed it, and when.
    fn audit(&self) -> Option<&ApiResourceAudit>;
    /// The audit, made where there is none.
    fn audit_mut(&mut self) -> &mut ApiResourceAudit;
    /// Drops the whole status: clients do not set it.
    fn clear_status(&mut self);
    /// Takes the status of `other`.
    fn copy_status(&mut self, other: &Self);
    /// Replaces the spec by that of `other`.
    fn copy_spec(&mut self, other: &Self);

    /// Takes of `other` what is short and tells how it stands.
    fn copy_outline(&mut self, _: &Self, _why: &str) {}

    /// What is left of one that is too large to be told: whose it is and how it stands, and `why` it is not more.
    fn shortened(&self, why: &str) -> Self {
        let mut short = Self::default();
        short.set_envelope();
        *short.metadata_mut() = ApiResourceMetadata {
            id: self.id().to_owned(),
            name: cut(self.name(), NAME),
            slug: self.slug().to_owned(),
            org: self.org().to_owned(),
            owner_scope: self.metadata().map_or(0, |m| m.owner_scope),
            annotations: [(SHORTENED.to_owned(), why.to_owned())].into(),
            ..Default::default()
        };
        if let Some(audit) = self.audit() {
            short.audit_mut().clone_from(audit);
        }
        short.copy_outline(self, why);
        short
    }

    /// The id, empty where there is none.
    fn id(&self) -> &str {
        self.metadata().map_or("", |m| &m.id)
    }
    /// The slug, empty where there is none.
    fn slug(&self) -> &str {
        self.metadata().map_or("", |m| &m.slug)
    }
    /// The organization, empty where there is none.
    fn org(&self) -> &str {
        self.metadata().map_or("", |m| &m.org)
    }
    /// The name, empty where there is none.
    fn name(&self) -> &str {
        self.metadata().map_or("", |m| &m.name)
    }
}

macro_rules! resource {
    ($type:ty, $kind:expr, $status:ty $(, $outline:path)?) => {
        impl Resource for $type {
            const KIND: Kind = $kind;

            fn api_version(&self) -> &str {
                &self.api_version
            }
            fn kind(&self) -> &str {
                &self.kind
            }
            fn set_envelope(&mut self) {
                self.api_version = API_VERSION.to_owned();
                self.kind = Self::KIND.as_str().to_owned();
            }
            fn metadata(&self) -> Option<&ApiResourceMetadata> {
                self.metadata.as_ref()
            }
            fn metadata_mut(&mut self) -> &mut ApiResourceMetadata {
                self.metadata.get_or_insert_with(Default::default)
            }
            fn audit(&self) -> Option<&ApiResourceAudit> {
                self.status.as_ref()?.audit.as_ref()
            }
            fn audit_mut(&mut self) -> &mut ApiResourceAudit {
                self.status
                    .get_or_insert_with(<$status>::default)
                    .audit
                    .get_or_insert_with(Default::default)
            }
            fn clear_status(&mut self) {
                self.status = None;
            }
            fn copy_status(&mut self, other: &Self) {
                self.status.clone_from(&other.status);
            }
            fn copy_spec(&mut self, other: &Self) {
                self.spec.clone_from(&other.spec);
            }
            $(fn copy_outline(&mut self, other: &Self, why: &str) {
                $outline(self, other, why);
            })?
        }
    };
}

resource!(Agent, Kind::Agent, AgentStatus);
resource!(AgentInstance, Kind::AgentInstance, ApiResourceAuditStatus);
resource!(Session, Kind::Session, ApiResourceAuditStatus);
resource!(
    AgentExecution,
    Kind::AgentExecution,
    AgentExecutionStatus,
    outline
);
resource!(Skill, Kind::Skill, SkillStatus);
resource!(Environment, Kind::Environment, ApiResourceAuditStatus);
resource!(
    ExecutionContext,
    Kind::ExecutionContext,
    ApiResourceAuditStatus
);

fn outline(short: &mut AgentExecution, whole: &AgentExecution, why: &str) {
    let (spec, status) = (whole.spec.as_ref(), whole.status.as_ref());
    short.spec = spec.map(|spec| AgentExecutionSpec {
        agent_id: spec.agent_id.clone(),
        session_id: spec.session_id.clone(),
        message: cut(&spec.message, OUTLINE),
        ..Default::default()
    });
    let to = short.status.get_or_insert_default();
    to.warnings = vec![why.to_owned()];
    if let Some(status) = status {
        to.phase = status.phase;
        to.phase_reason = cut(&status.phase_reason, OUTLINE);
        to.error = cut(&status.error, OUTLINE);
        to.started_at = cut(&status.started_at, OUTLINE);
        to.completed_at = cut(&status.completed_at, OUTLINE);
        to.usage = status.usage;
    }
}

impl AgentExecution {
    /// The phase; unspecified where there is no status yet.
    pub fn phase(&self) -> ExecutionPhase {
        let status = self.status.as_ref();
        status.map_or(ExecutionPhase::Unspecified, |status| status.phase())
    }
}

impl ExecutionPhase {
    /// Whether an execution in this phase has ended for good.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::ExecutionCompleted | Self::ExecutionFailed | Self::ExecutionCancelled
        )
    }

    /// The phase in a word, as people read it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "UNSPECIFIED",
            Self::ExecutionPending => "PENDING",
            Self::ExecutionInProgress => "IN_PROGRESS",
            Self::ExecutionCompleted => "COMPLETED",
            Self::ExecutionFailed => "FAILED",
            Self::ExecutionCancelled => "CANCELLED",
        }
    }
}
