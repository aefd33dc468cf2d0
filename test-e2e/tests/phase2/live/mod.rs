//! A real model answers: only the shape of what it says can be checked.

mod answers;
mod follow;
mod tools;
