//! The command that mends a thing, on this system.

/// How software is installed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manager {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora, RHEL.
    Dnf,
    /// macOS.
    Brew,
    /// Unknown.
    None,
}

/// The first that is on PATH.
pub(super) fn manager() -> Manager {
    let has = |name: &str| which::which(name).is_ok();
    match () {
        () if cfg!(target_os = "macos") => Manager::Brew,
        () if has("apt-get") => Manager::Apt,
        () if has("dnf") => Manager::Dnf,
        () => Manager::None,
    }
}

/// The command for a C compiler.
pub(super) fn c_compiler(manager: Manager) -> String {
    match manager {
        Manager::Apt => "sudo apt-get install -y build-essential",
        Manager::Dnf => "sudo dnf install -y gcc",
        Manager::Brew => "xcode-select --install",
        Manager::None => "install gcc or clang and put `cc` on PATH",
    }
    .to_owned()
}

/// The command for python3 with pip.
pub(super) fn python(manager: Manager) -> String {
    match manager {
        Manager::Apt => "sudo apt-get install -y python3 python3-pip",
        Manager::Dnf => "sudo dnf install -y python3 python3-pip",
        Manager::Brew => "brew install python",
        Manager::None => "install python3 (3.10 or later) with pip",
    }
    .to_owned()
}

/// Newer Rust.
pub(super) fn rust() -> String {
    "rustup update stable".to_owned()
}
