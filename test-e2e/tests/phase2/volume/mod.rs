//! Much at once, and much in one piece; the model is a script. A lane of its own, since it takes a machine for itself.

mod concurrent;
mod talk;
