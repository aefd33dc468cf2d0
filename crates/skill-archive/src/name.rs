//! Names of entries: relative, plain, and the same on every system.

use crate::error::SkillError;

const LONGEST_PART: usize = 255; // what file systems hold
const LONGEST: usize = 1024;

/// Checks the name of a file; a folder's comes without the slash at its end.
pub(crate) fn check(name: &str) -> Result<(), SkillError> {
    match fault(name) {
        Some(why) => Err(SkillError::entry(name, why)),
        None => Ok(()),
    }
}

fn fault(name: &str) -> Option<&'static str> {
    if name.chars().any(char::is_control) {
        return Some("has control characters in its name");
    }
    if name.contains('\\') {
        return Some("has a backslash in its name; separate folders by /");
    }
    if name.starts_with('/') {
        return Some("is an absolute path");
    }
    // C:/x and C:x are absolute elsewhere, and x:y is a stream.
    if name.contains(':') {
        return Some("has a colon in its name");
    }
    if name.len() > LONGEST {
        return Some("has a path of more than 1024 bytes");
    }
    for part in name.split('/') {
        match part {
            "" => return Some("has an empty part in its path"),
            "." | ".." => return Some("has . or .. in its path"),
            _ if part.len() > LONGEST_PART => {
                return Some("has a name of more than 255 bytes");
            }
            _ => {}
        }
    }
    None
}
