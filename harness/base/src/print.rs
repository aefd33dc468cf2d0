//! Printing that ends no run: whoever stops reading (`| head`, a closed terminal) wants no more words, and the standard
//! macros panic then, with services still running. Shadows them, so that nobody has to remember.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::sync::OnceLock;

/// `std::print!` that never panics.
#[macro_export]
macro_rules! print {
    ($($words:tt)*) => { $crate::print::out(format_args!($($words)*), "") };
}
/// `std::println!` that never panics.
#[macro_export]
macro_rules! println {
    ($($words:tt)*) => { $crate::print::out(format_args!($($words)*), "\n") };
}
/// `std::eprint!` that never panics.
#[macro_export]
macro_rules! eprint {
    ($($words:tt)*) => { $crate::print::err(format_args!($($words)*), "") };
}
/// `std::eprintln!` that never panics.
#[macro_export]
macro_rules! eprintln {
    ($($words:tt)*) => { $crate::print::err(format_args!($($words)*), "\n") };
}

/// The first words that could not be written to standard output, though somebody reads it.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// To standard output.
pub fn out(words: Arguments<'_>, end: &str) {
    note(write!(io::stdout().lock(), "{words}{end}"));
}

/// To standard error.
pub fn err(words: Arguments<'_>, end: &str) {
    let _ = write!(io::stderr().lock(), "{words}{end}");
}

/// Why standard output lacks some of what was printed, on a full disk say. That nobody reads on is no reason.
pub fn lost() -> Option<&'static io::Error> {
    note(io::stdout().lock().flush());
    LOST.get()
}

fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error); // the first one is the one to tell
    }
}
