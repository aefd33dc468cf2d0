//! Generates the types and services from `proto/` in pure Rust: no protoc to install. Beside them a table of what
//! each field takes in memory, by which a message is measured before it is read.

#[path = "build/layout.rs"]
mod layout;

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;
use tonic_prost_build::Config;

fn main() -> Result<(), Box<dyn Error>> {
    let services = [
        "agent",
        "agentinstance",
        "session",
        "agentexecution",
        "skill",
        "environment",
        "executioncontext",
    ]
    .map(|name| format!("ai/stigmer/agentic/{name}/v1/service.proto"));
    println!("cargo:rerun-if-changed=proto");

    let descriptors = protox::compile(&services, ["proto"])?;
    let encoded = descriptors.encode_to_vec();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), &encoded)?;
    fs::write(out.join("layout.rs"), layout::table(&descriptors))?;

    let mut config = Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .codec_path("crate::codec::Measured")
        .build_transport(true)
        .btree_map(".")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds_with_config(descriptors, config)?;
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .btree_map([".ai.stigmer"])
        .build(&[".ai.stigmer"])?;
    Ok(())
}
