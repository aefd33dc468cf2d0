//! OTLP's messages, generated from `OpenTelemetry`'s own definitions.

include!(concat!(env!("OUT_DIR"), "/all.rs"));
