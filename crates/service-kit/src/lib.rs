//! What every service process does alike: it reads its command line, ends when told to, announces itself, and answers
//! for its health. Also how it asks others by HTTP, keys from files, and which addresses are this machine's own.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

mod announce;
mod command_line;
pub mod health;
mod http_client;
mod key_file;
mod log_filter;
mod loopback;
mod stop;
pub mod url;

pub use announce::announce;
pub use command_line::{command_line, path};
pub use http_client::{any_http_client, http_client};
pub use key_file::fill_key;
pub use log_filter::log_filter;
pub use loopback::is_loopback;
pub use stop::Stop;

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &[
        "announce.rs",
        "command_line.rs",
        "health.rs",
        "key_file.rs",
        "log_filter.rs",
        "loopback.rs",
        "http_client.rs",
        "stop.rs",
        "url.rs",
        "lib.rs",
    ];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
