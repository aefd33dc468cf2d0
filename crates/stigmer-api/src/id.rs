//! Resource ids: a kind's prefix, a dash, and a ULID in lower case (`agt-01k...`).
//! Ids of one process ascend in the order in which they were made.

use std::sync::{Mutex, PoisonError};

use ulid::{Generator, Ulid};

use crate::resource::Kind;

static GENERATOR: Mutex<Option<Generator>> = Mutex::new(None);

/// A new id of `kind`, greater than every one that this process made before.
pub fn new(kind: Kind) -> String {
    let mut guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let generator = guard.get_or_insert_with(Generator::new);
    // The generator fails only after 2^80 ids in one millisecond; a fresh random one is unique too.
    let ulid = generator.generate().unwrap_or_else(|_| Ulid::generate());
    format!("{}-{}", kind.id_prefix(), ulid.to_string().to_lowercase())
}

/// Whether `text` has the form of an id of `kind`.
pub fn is_id(kind: Kind, text: &str) -> bool {
    text.strip_prefix(kind.id_prefix())
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|ulid| {
            ulid.len() == 26
                && !ulid.bytes().any(|b| b.is_ascii_uppercase())
                && Ulid::from_string(&ulid.to_uppercase()).is_ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_prefix_and_ascend() {
        let ids: Vec<String> = (0..1000).map(|_| new(Kind::Agent)).collect();
        assert!(ids.iter().all(|id| is_id(Kind::Agent, id)), "{:?}", ids[0]);
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn other_forms_are_no_ids() {
        let id = new(Kind::Agent);
        assert!(!is_id(Kind::Session, &id));
        assert!(!is_id(Kind::Agent, &id.to_uppercase()));
        assert!(!is_id(Kind::Agent, &id[..29]));
        assert!(!is_id(Kind::Agent, "agt-"));
        assert!(!is_id(Kind::Agent, "agt_01k00000000000000000000000"));
        assert!(!is_id(Kind::Agent, "agt-01k0000000000000000000000u"));
    }
}
