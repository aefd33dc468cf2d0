//! W3C trace context: the trace of which a request is part, under whose id the lines of all services about it are found.

use std::fmt;

use ulid::Ulid;

use crate::{proto::agentexecution::AgentExecution, resource::Resource};

/// Where a request says what it is part of: a header, gRPC metadata, and a key of MCP's `_meta`.
pub const TRACEPARENT: &str = "traceparent";

/// The annotation in which an execution keeps what its creation was part of.
pub const ANNOTATION: &str = "stigmer.ai/traceparent";

/// What a `traceparent` takes in its version 00; later ones may have more behind it.
const LEN: usize = 55;

/// A trace; 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl TraceId {
    /// The trace of a `traceparent`; none where it is malformed, which is as good as not there.
    pub fn of(traceparent: &str) -> Option<Self> {
        let parts: Vec<&str> = parent(traceparent)?.split('-').collect();
        let trace = u128::from_str_radix(parts.get(1)?, 16).ok()?;
        Some(Self(trace))
    }

    /// The trace of an execution: its creator's, or else one of its own, by its id.
    pub fn of_execution(execution: &AgentExecution) -> Option<Self> {
        let kept = execution.metadata.as_ref();
        let kept = kept.and_then(|it| it.annotations.get(ANNOTATION));
        let own = || {
            let (_, ulid) = execution.id().rsplit_once('-')?;
            Some(Self(Ulid::from_string(ulid).ok()?.0))
        };
        kept.and_then(|kept| Self::of(kept)).or_else(own)
    }

    /// What one request of it says; each time another.
    pub fn traceparent(self) -> String {
        // The lower bits are random; nought is none.
        let span = Ulid::generate().0 as u64 | 1;
        format!("00-{self}-{span:016x}-01")
    }
}

/// What of a `traceparent` is kept; none where it is malformed.
pub fn parent(traceparent: &str) -> Option<&str> {
    let kept = traceparent.get(..LEN)?;
    let parts: Vec<&str> = kept.split('-').collect();
    let sound = parts.iter().map(|part| part.len()).eq([2, 32, 16, 2])
        && parts.iter().all(|part| part.bytes().all(is_hex))
        && parts[1..3].iter().all(|id| id.bytes().any(|b| b != b'0'));
    let rest = &traceparent[LEN..];
    let ends = match parts[0] {
        "ff" => false,
        "00" => rest.is_empty(),
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    (sound && ends).then_some(kept)
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{id, resource::Kind};

    const SOUND: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_malformed_is_none() {
        let trace = TraceId::of(SOUND).unwrap();
        assert_eq!(trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        let later = format!("cc{}-what-the-future-is", &SOUND[2..]);
        assert_eq!(parent(&later).unwrap().len(), LEN);
        assert_eq!(TraceId::of(&later), Some(trace));
        let malformed = [
            String::new(),
            SOUND.to_uppercase(),
            format!("{SOUND}-01"),
            format!("ff{}", &SOUND[2..]),
            format!("cc{}x", &SOUND[2..]),
            SOUND.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            SOUND.replace("b7ad6b7169203331", &"0".repeat(16)),
            SOUND.replace('-', "0"),
            SOUND[..LEN - 1].to_owned(),
            format!("{}é", &SOUND[..LEN - 1]),
        ];
        for text in malformed {
            assert_eq!(TraceId::of(&text), None, "{text}");
        }
    }

    #[test]
    fn an_execution_is_of_its_creators_trace_or_has_its_own() {
        let mut execution = AgentExecution::default();
        execution.metadata_mut().id = "of-another-server".to_owned();
        assert_eq!(TraceId::of_execution(&execution), None);
        execution.metadata_mut().id = id::new(Kind::AgentExecution);
        let own = TraceId::of_execution(&execution).unwrap();
        assert_eq!(TraceId::of_execution(&execution), Some(own));
        let (first, second) = (own.traceparent(), own.traceparent());
        assert_ne!(first, second);
        assert_eq!(TraceId::of(&first), Some(own));
        let annotations = &mut execution.metadata_mut().annotations;
        annotations.insert(ANNOTATION.to_owned(), SOUND.to_owned());
        let theirs = TraceId::of_execution(&execution);
        assert_eq!(theirs, TraceId::of(SOUND));
    }
}
