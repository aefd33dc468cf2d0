//! The cargo of this checkout.

/// The cargo that runs us, past rustup's proxy.
pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Selects xtask and what it stands on: they are built with features of their own, so together or not at all.
pub const HARNESS: [&str; 10] = [
    "-p",
    "xtask",
    "-p",
    "harness-base",
    "-p",
    "harness-provision",
    "-p",
    "harness-selection",
    "-p",
    "harness-stack",
];
