//! What a message takes in memory once it was read, told from its bytes alone: before it is read there is still time
//! to refuse. Two bytes of the wire can be an entry of a list that takes hundreds.

use prost::{
    Name,
    encoding::{WireType, decode_key, decode_varint},
};

/// The most that a message may take in memory once it was read, in bytes. The densest conversation that a runner
/// reports, nothing but small objects, takes about 75 MiB.
pub const MAX_FOOTPRINT: usize = 128 << 20;

/// How deep prost reads.
const DEPTH: usize = 100;

/// A message and its fields.
struct Layout {
    name: &'static str,
    fields: &'static [Field],
}

struct Field {
    number: u32,
    /// What one more of it takes, without what it points to.
    each: usize,
    inside: Inside,
}

/// What a field has in it.
enum Inside {
    /// A text or bytes.
    Bytes,
    /// Numbers, one or many.
    Numbers,
    /// The message of this index.
    Message(usize),
}

/// All messages of the contract, in the order of their names.
static LAYOUTS: &[Layout] = include!(concat!(env!("OUT_DIR"), "/layout.rs"));

/// About how many bytes an `M` takes that is read from `wire`, a little more rather than less; counted up to `most`,
/// beyond which it does not matter. What cannot be read counts up to there.
pub fn footprint<M: Name>(wire: &[u8], most: usize) -> usize {
    let name = format!(".{}", M::full_name());
    let found = LAYOUTS.binary_search_by(|layout| layout.name.cmp(name.as_str()));
    let mut counted = Counted { bytes: 0, most };
    if let Ok(index) = found {
        // Nobody gets further in what cannot be read.
        let _ = counted.message(index, wire, DEPTH);
    }
    counted.bytes
}

struct Counted {
    bytes: usize,
    most: usize,
}

impl Counted {
    /// Adds what a message takes; nothing where there is no more to count.
    fn message(&mut self, index: usize, mut wire: &[u8], depth: usize) -> Option<()> {
        let fields = LAYOUTS.get(index)?.fields;
        while !wire.is_empty() {
            let (number, kind) = decode_key(&mut wire).ok()?;
            let value = value(kind, &mut wire)?;
            let Some(field) = fields.iter().find(|f| f.number == number) else {
                continue; // skipped by who reads
            };
            self.bytes += field.each;
            match field.inside {
                Inside::Bytes => self.bytes += value.len(),
                // Packed, a byte of the wire can be one.
                Inside::Numbers if kind == WireType::LengthDelimited => {
                    self.bytes += value.len() * field.each;
                }
                Inside::Numbers => {}
                Inside::Message(index) => self.message(index, value, depth.checked_sub(1)?)?,
            }
            if self.bytes > self.most {
                return None;
            }
        }
        Some(())
    }
}

/// Takes a value off the wire: its bytes where it has a length, else none.
fn value<'a>(kind: WireType, wire: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = match kind {
        WireType::Varint => {
            decode_varint(wire).ok()?;
            return Some(&[]);
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => usize::try_from(decode_varint(wire).ok()?).ok()?,
        // What stands between them counts as if they were not there.
        WireType::StartGroup | WireType::EndGroup => 0,
    };
    let (value, rest) = wire.split_at_checked(length)?;
    *wire = rest;
    Some(value)
}

#[cfg(test)]
pub(crate) mod tests;
