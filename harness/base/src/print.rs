//! Printing that ends no run: whoever stops reading (`| head`, a closed terminal) wants no more words, and the standard
//! macros panic then, with services still running. Shadows them, so that nobody has to remember.

use std::fmt::Arguments;
use std::io::Write;

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

/// To standard output.
pub fn out(words: Arguments<'_>, end: &str) {
    let _ = write!(std::io::stdout().lock(), "{words}{end}");
}

/// To standard error.
pub fn err(words: Arguments<'_>, end: &str) {
    let _ = write!(std::io::stderr().lock(), "{words}{end}");
}
