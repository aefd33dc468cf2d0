//! Generates the types and services from `proto/` in pure Rust: no protoc to install.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

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

    tonic_prost_build::configure()
        .build_transport(true)
        .btree_map(".")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .btree_map([".ai.stigmer"])
        .build(&[".ai.stigmer"])?;
    Ok(())
}
