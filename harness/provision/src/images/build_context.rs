//! What an engine is sent: a folder with a Dockerfile and what it copies.

use super::component::Component;
use anyhow::Context;
use harness_base::random::hex;
use hmac_sha256::Hash as Sha256;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A folder that goes when the build ends, however it ends.
#[derive(Debug)]
pub(super) struct Folder(pub PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in `target` and is removed with it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    /// Fills a new one; without a binary it holds the Dockerfile alone.
    ///
    /// # Errors
    /// When something cannot be read or written.
    pub(super) fn fill(
        path: PathBuf,
        binary: Option<(&Path, &str)>,
        dockerfile: &Path,
    ) -> anyhow::Result<Self> {
        let folder = Self(path);
        let context = &folder.0;
        // Whoever builds may have a umask that leaves nothing to others, and images run as somebody else.
        let mode = |name: &str, mode: u32| {
            std::fs::set_permissions(context.join(name), Permissions::from_mode(mode))
        };
        let make = || -> std::io::Result<()> {
            let _ = std::fs::remove_dir_all(context); // of a process that had our pid
            std::fs::create_dir_all(context.join("data"))?;
            // An empty folder is not sent by every builder.
            std::fs::write(context.join("data/.keep"), "")?;
            std::fs::write(context.join("ca-certificates.crt"), authorities())?;
            std::fs::copy(dockerfile, context.join("Dockerfile"))?;
            mode("data", 0o755)?;
            mode("ca-certificates.crt", 0o644)?;
            let Some((binary, name)) = binary else {
                return Ok(());
            };
            // A link costs nothing; across file systems it has to be a copy, and where others may not run it.
            let runs = std::fs::metadata(binary)?.permissions().mode() & 0o555 == 0o555;
            let linked = runs && std::fs::hard_link(binary, context.join(name)).is_ok();
            if !linked {
                std::fs::copy(binary, context.join(name))?;
                mode(name, 0o755)?;
            }
            Ok(())
        };
        make().with_context(|| format!("fill {}", context.display()))?;
        Ok(folder)
    }
}

/// All that goes into a component's image but its binary, as a hash.
///
/// # Errors
/// When the Dockerfile cannot be read.
pub(super) fn frame(component: Component, dockerfile: &Path) -> anyhow::Result<String> {
    let text = std::fs::read(dockerfile);
    let text = text.with_context(|| format!("read {}", dockerfile.display()))?;
    let mut hash = Sha256::new();
    for part in [component.name().as_bytes(), &text, &authorities()] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    Ok(hex(&hash.finalize()[..6]))
}

/// The authorities that this machine trusts; empty where none are found, and then TLS to a model fails by saying so.
fn authorities() -> Vec<u8> {
    let set = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let known = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];
    set.into_iter()
        .chain(known.map(PathBuf::from))
        .find_map(|path| std::fs::read(path).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_may_read_and_run_what_a_narrow_umask_made() {
        let dir = tempfile::tempdir().unwrap();
        let (binary, dockerfile) = (dir.path().join("built"), dir.path().join("Dockerfile"));
        for file in [&binary, &dockerfile] {
            std::fs::write(file, "x").unwrap();
            std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
        }
        let context = dir.path().join("context");
        let folder = Folder::fill(context, Some((&binary, "server")), &dockerfile).unwrap();
        let mode = |name: &str| {
            let meta = std::fs::metadata(folder.0.join(name)).unwrap();
            meta.permissions().mode() & 0o777
        };
        assert_eq!(mode("server"), 0o755);
        assert_eq!(mode("data"), 0o755);
        assert_eq!(mode("ca-certificates.crt"), 0o644);
    }
}
