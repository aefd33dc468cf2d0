//! The cargo of this checkout.

/// The cargo that runs us, past rustup's proxy.
pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
