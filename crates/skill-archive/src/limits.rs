//! What a skill may hold. The numbers are Stigmer's.

/// Bytes of an archive that is read.
pub const ARCHIVE: usize = 100 << 20;

/// Bytes of an archive that is made: a message to the server holds 10 MiB, and this and its name must fit.
pub const PACKED: usize = 10_000_000;

/// Bytes of all files together.
pub const UNPACKED: u64 = 500 << 20;

/// Unpacked bytes for each byte of the archive, as far as more than [`RATIO_FROM`] come out.
pub const RATIO: u64 = 100;

/// Bytes that may come out of the smallest archive: a table of equal rows shrinks to nothing, and is
/// no bomb as long as it is small.
pub const RATIO_FROM: u64 = 8 << 20;

/// Files and folders, also folders that only the paths of files name.
pub const FILES: usize = 10_000;

/// Bytes of SKILL.md.
pub const SKILL_MD: u64 = 1 << 20;
