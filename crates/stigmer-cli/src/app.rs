//! What every command gets.

use crate::{cli::Global, output::Output};

pub(crate) struct App {
    pub(crate) global: Global,
    pub(crate) output: Output,
}
