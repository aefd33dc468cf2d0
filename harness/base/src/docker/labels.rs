//! What everything of ours in an engine is known by.

use crate::process::Ident;
use crate::run::info;
use anyhow::Context;
use std::path::Path;

/// Label of everything that a run makes: its id.
pub const RUN: &str = "dev.stigmer.e2e.run";
/// Label: hash of the checkout's path.
pub const CHECKOUT: &str = "dev.stigmer.e2e.checkout";
/// Label: pid, start time and place of the xtask that owns it.
pub const OWNER: &str = "dev.stigmer.e2e.owner";
/// Label of images that we built: which part.
pub const IMAGE: &str = "dev.stigmer.e2e.image";
/// Label of images that we built: hash of all that is in them but their binary.
pub const FRAME: &str = "dev.stigmer.e2e.frame";

/// Run, checkout, owner: what the sweep knows everything by.
///
/// # Errors
/// When this process's start time cannot be read.
pub fn labels(root: &Path, run: &str) -> anyhow::Result<[(&'static str, String); 3]> {
    let owner = Ident::own().context("read this process's start time")?;
    Ok([
        (RUN, run.to_owned()),
        (CHECKOUT, info::checkout_hash(root)),
        (
            OWNER,
            format!("{}/{}/{}", owner.pid, owner.start, owner.place),
        ),
    ])
}
