//! What runs a script.

use std::{fs::File, io::Read, path::Path};

/// What a file says that runs it, as a part of an error: nothing, where it is no script.
pub(crate) fn interpreter(file: &Path) -> String {
    /// The kernel reads so much of a script.
    const FIRST: u64 = 256;
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(FIRST).read_to_end(&mut head));
    let text = String::from_utf8_lossy(&head);
    let line = text
        .strip_prefix("#!")
        .and_then(|text| text.split('\n').next());
    match (read, line) {
        // A carriage return at its end is seen only so.
        (Ok(_), Some(line)) => format!(" ({:?})", line.trim_matches(' ')),
        _ => String::new(),
    }
}
