//! What names a thing on the server.

/// A name or an id as it was given.
///
/// # Errors
/// For one that is empty.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    match text.trim().is_empty() {
        true => Err("it is empty; a shell variable that is not set looks like this"),
        false => Ok(text.to_owned()),
    }
}
