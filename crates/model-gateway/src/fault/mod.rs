//! Faults on demand, for any model: the n-th request for it, or every one, is delayed, refused, cut, spoilt, or never
//! answered.

mod effect;
mod rule;

pub use effect::Fault;
pub use rule::{Every, Faults, Nth, Report, Rule};
