//! What a test holds.
