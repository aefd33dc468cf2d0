//! What every service process does alike: it ends when told to, announces itself, and answers for its health. Also
//! keys from files, and which addresses are this machine's own.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

mod announce;
pub mod health;
mod key_file;
mod loopback;
mod stop;
pub mod url;

pub use announce::announce;
pub use key_file::fill_key;
pub use loopback::is_loopback;
pub use stop::Stop;

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &[
        "announce.rs",
        "health.rs",
        "key_file.rs",
        "loopback.rs",
        "stop.rs",
        "url.rs",
        "lib.rs",
    ];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
