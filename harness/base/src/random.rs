//! Random names and keys.

use anyhow::Context;

fn random(bytes: &mut [u8]) -> anyhow::Result<()> {
    use std::io::Read;
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(bytes))
        .context("read random bytes")
}

/// Four letters and digits, for the names of runs.
///
/// # Errors
/// When the system gives no random bytes.
pub fn suffix() -> anyhow::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 4];
    random(&mut bytes)?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}

/// 128 random bits in hexadecimal: the model's key, the control's token.
///
/// # Errors
/// When the system gives no random bytes.
pub fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    random(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Two lower-case digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
