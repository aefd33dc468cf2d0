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
