//! What an answer can tell, by bytes and by what they become once they are read.

use stigmer_api::{
    MAX_MESSAGE,
    footprint::{MAX_FOOTPRINT, footprint},
    resource::Resource,
};

use super::seal::Stored;
use crate::error::{Error, Result};

/// What stands around a resource in a list, and what hides its secrets.
const AROUND: usize = 64 << 10;

/// The most bytes that one resource may have in an answer.
pub(super) const LARGEST: usize = MAX_MESSAGE - AROUND;

/// The most that one may take once it is read.
pub(super) const MOST_TAKEN: usize = MAX_FOOTPRINT - AROUND;

/// How many bytes of a page one byte of memory is: a page of the most bytes may take what a message may.
const OF_A_PAGE: usize = 32;

/// No resource of fewer bytes takes more than [`MOST_TAKEN`]: there is no need to measure it.
const HARMLESS: usize = 64 << 10;

/// Refuses what no answer could tell.
pub(super) fn check<R: Resource>(bytes: usize, wire: &[u8], most: usize) -> Result<()> {
    if bytes > most {
        return Err(Error::TooLarge { bytes, most });
    }
    if wire.len() > HARMLESS && footprint::<R>(wire, MOST_TAKEN) > MOST_TAKEN {
        return Err(Error::TooMany {
            most: MOST_TAKEN >> 20,
        });
    }
    Ok(())
}

/// Of how many bytes of a page `wire` is.
pub(super) fn share<R: Resource>(wire: &[u8]) -> usize {
    wire.len()
        .max(footprint::<R>(wire, MAX_FOOTPRINT) / OF_A_PAGE)
}

/// The resource as it is told: without its secrets, and shortened where it was stored before there were limits and
/// no answer could tell it.
pub(crate) fn told<R: Stored>(mut resource: R) -> R {
    resource.redact();
    let bytes = resource.encoded_len();
    if bytes <= HARMLESS {
        return resource;
    }
    match check::<R>(bytes, &resource.encode_to_vec(), LARGEST) {
        Ok(()) => resource,
        Err(_) => resource.shortened(&format!(
            "this is not all of it: it has {bytes} bytes from before there was a limit, and more than an answer can tell"
        )),
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use stigmer_api::agent::Agent;

    use super::*;
    use crate::{
        documented::{documented, kib, mib},
        store::page::{MAX_PAGE, PAGE_BYTES},
    };

    /// Servers alone, which take much more than they have bytes, and a text, which takes its bytes.
    fn dense(servers: usize, text: usize) -> Vec<u8> {
        let mut agent = Agent::default();
        let spec = agent.spec.get_or_insert_default();
        spec.mcp_servers = vec![Default::default(); servers];
        spec.instructions = "x".repeat(text);
        agent.encode_to_vec()
    }

    #[test]
    fn one_takes_so_much_once_it_is_read_and_no_more() {
        let takes = |servers, text| footprint::<Agent>(&dense(servers, text), usize::MAX);
        let (none, one) = (takes(0, 1), takes(1, 1) - takes(0, 1));
        let servers = (MOST_TAKEN - none) / one;
        let text = MOST_TAKEN - takes(servers, 0);
        for (text, taken) in [(text, true), (text + 1, false)] {
            let wire = dense(servers, text);
            let checked = check::<Agent>(wire.len(), &wire, LARGEST);
            let why = checked.err().map(|why| why.to_string());
            let names_it = why.as_deref().map(|why| why.contains("more than 127 MiB"));
            assert_eq!(names_it, (!taken).then_some(true), "{why:?}");
        }
    }

    #[test]
    fn what_takes_more_counts_as_more_of_a_page() {
        let takes = |wire: &[u8]| footprint::<Agent>(wire, MAX_FOOTPRINT);
        let wire = dense(25_000, 0);
        assert_eq!(share::<Agent>(&wire), takes(&wire) / 32);
        assert!(takes(&wire) / 32 > wire.len());
        let plain = dense(0, 25_000);
        assert_eq!(share::<Agent>(&plain), plain.len());
    }

    #[test]
    fn the_figures_are_those_of_the_docs() {
        let (whole, around) = (mib(MAX_MESSAGE), kib(AROUND));
        assert_eq!(LARGEST, MAX_MESSAGE - AROUND);
        assert_eq!(MOST_TAKEN, MAX_FOOTPRINT - AROUND);
        let read = mib(MAX_FOOTPRINT);
        documented(&[
            format!(
                "| a resource as it is told | {whole} less {around}; {read} less {around} once it is read |"
            ),
            format!(
                "| entries of a page | {MAX_PAGE} and {PAGE_BYTES} bytes or as many times {OF_A_PAGE} once they are read;"
            ),
        ]);
    }
}
