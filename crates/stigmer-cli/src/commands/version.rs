//! `stigmer version`.

use anyhow::Result;
use serde_json::json;

use crate::app::App;

pub(crate) fn run(app: &App) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    app.output.either(
        &json!({ "version": version }),
        &format!("stigmer {version}\n"),
    )
}
