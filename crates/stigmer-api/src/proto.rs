//! The generated code, in the module tree of its packages.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    nonstandard_style
)]

macro_rules! package {
    ($name:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $name, ".rs"));
        include!(concat!(env!("OUT_DIR"), "/", $name, ".serde.rs"));
    };
}

// Generated code names its neighbours by relative path, so the tree mirrors the packages.
mod ai {
    pub mod stigmer {
        pub mod commons {
            pub mod apiresource {
                pub mod apiresourcekind {
                    package!("ai.stigmer.commons.apiresource.apiresourcekind");
                }
                package!("ai.stigmer.commons.apiresource");
            }
            pub mod rpc {
                package!("ai.stigmer.commons.rpc");
            }
        }
        pub mod agentic {
            pub mod agent {
                pub mod v1 {
                    package!("ai.stigmer.agentic.agent.v1");
                }
            }
            pub mod agentinstance {
                pub mod v1 {
                    package!("ai.stigmer.agentic.agentinstance.v1");
                }
            }
            pub mod session {
                pub mod v1 {
                    package!("ai.stigmer.agentic.session.v1");
                }
            }
            pub mod agentexecution {
                pub mod v1 {
                    package!("ai.stigmer.agentic.agentexecution.v1");
                }
            }
            pub mod skill {
                pub mod v1 {
                    package!("ai.stigmer.agentic.skill.v1");
                }
            }
            pub mod environment {
                pub mod v1 {
                    package!("ai.stigmer.agentic.environment.v1");
                }
            }
            pub mod executioncontext {
                pub mod v1 {
                    package!("ai.stigmer.agentic.executioncontext.v1");
                }
            }
        }
    }
}

pub use ai::stigmer::agentic::{
    agent::v1 as agent, agentexecution::v1 as agentexecution, agentinstance::v1 as agentinstance,
    environment::v1 as environment, executioncontext::v1 as executioncontext,
    session::v1 as session, skill::v1 as skill,
};
pub use ai::stigmer::commons::{apiresource, rpc};
