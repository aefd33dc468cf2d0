//! Generates OTLP's messages from `proto/`, which is OpenTelemetry's own, in pure Rust: no protoc to install.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let service = "opentelemetry/proto/collector/trace/v1/trace_service.proto";
    let descriptors = protox::compile([service], ["proto"])?;
    let mut config = prost_build::Config::new();
    config.include_file("all.rs").compile_fds(descriptors)?;
    Ok(())
}
