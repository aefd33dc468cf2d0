//! The database file: its one table, and who may read it.

use std::{fs, path::Path};

use anyhow::Context;
use redb::TableDefinition;

/// All data, under the keys of [`keys`](super::keys). The name carries the version of the layout.
pub(super) const DATA: TableDefinition<'static, &'static str, &'static [u8]> =
    TableDefinition::new("v1");

/// What agents were told is nobody's business: the file is the owner's alone.
pub(super) fn restrict(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            .with_context(|| format!("cannot restrict {}", path.display()))?;
    }
    Ok(())
}
