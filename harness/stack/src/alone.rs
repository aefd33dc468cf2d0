//! Phase 1's stack: one server, and what a server of somebody else's needs beside it.

use crate::file::{StackFile, TemporalEndpoint};
use crate::member::Owner;
use crate::stack::Stack;
use crate::start::{self, Own};
use crate::wiring::Wiring;
use anyhow::Context;
use harness_provision::{Binary, Program, programs};
use std::sync::Arc;

/// Brings it up, after the build; `stack.json` without the control address.
///
/// # Errors
/// As [`Stack::start`]; what Temporal lacks, where the server needs it.
pub async fn phase1(stack: &Stack) -> anyhow::Result<(Arc<Wiring>, StackFile)> {
    let wiring = Arc::new(Wiring::alone());
    let mut temporal = None;
    if start::needs_temporal(stack, Binary::Server) {
        let context = &stack.context;
        let obtain = programs::obtain(&context.config, Program::Temporal);
        let found = context.timed("tools: temporal", obtain).await?;
        let port = stack.port()?;
        let address = start::temporal(stack, &wiring, &found.bin, port, None).await?;
        wiring.set_temporal(&address);
        temporal = Some(TemporalEndpoint::ours(address, found.bin));
    }
    let server = start::service(
        stack,
        &wiring,
        Binary::Server,
        "server",
        Owner::Shared,
        Own::default(),
    );
    let server = server.await?.context("the server announced no address")?;
    let server = format!("http://{server}");
    wiring.set_server(&server);
    let file = StackFile {
        temporal,
        ..StackFile::ours(stack, server)?
    };
    Ok((wiring, file))
}
