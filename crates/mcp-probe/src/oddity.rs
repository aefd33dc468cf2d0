//! What a server does wrong.

use clap::ValueEnum;

/// What is odd about it, besides its tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Oddity {
    /// Nothing.
    None,
    /// The second page of its list is followed by itself.
    SameCursor,
    /// Each page of its list is followed by another one.
    EndlessPages,
    /// Some entries of its list describe no tool.
    BadEntries,
    /// It says as little of its tools as it can.
    Bare,
    /// Its tool's arguments have names that providers of models refuse; called, it says what it got.
    OddKeys,
    /// It answers the list of its tools with something else.
    NoList,
    /// For each line that it reads it prints what it read and what it will say, and more lines of JSON.
    LogLines,
    /// It does not say who it is.
    Nameless,
    /// It knows one version of the protocol; of another it says so, and ends.
    OneVersion,
    /// Two seconds pass before it answers for the first time.
    SlowStart,
    /// It says nothing where another one of its execution has been started before.
    OnlyFirst,
    /// It complains at length, of its arguments last, and ends with code 3.
    LoudEnd,
}
