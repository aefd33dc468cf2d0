//! Stigmer's wire contract: generated messages and services, and what every part of the
//! platform must decide alike: [ids](id), [slugs](mod@slug), [times](time), [traces](trace), [validation](validate),
//! the [layers] of variables, what is [secret](mod@secret), what a message [takes](footprint), how
//! stored [JSON](json) reads and the reading of [project files](manifest).

mod codec;
pub mod finish;
#[cfg(test)]
mod floors;
pub mod footprint;
pub mod id;
pub mod json;
pub mod layers;
pub mod limits;
pub mod manifest;
mod proto;
pub mod resource;
pub mod secret;
pub mod slug;
pub mod time;
pub mod trace;
pub mod validate;

pub use proto::{
    agent, agentexecution, agentinstance, apiresource, environment, executioncontext, rpc, session,
    skill,
};
pub use resource::{API_VERSION, ApiKind, Kind, LOCAL_ORG};

/// The encoded `FileDescriptorSet` of all services, for gRPC reflection.
pub const FILE_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The largest message, in bytes, that server and clients take and give; a long conversation and
/// the archive of a skill outgrow gRPC's own 4 MiB.
pub const MAX_MESSAGE: usize = 10 << 20;
