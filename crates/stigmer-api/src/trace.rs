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
    /// The 16 bytes, as OTLP has them.
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// A place in a trace: what something is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The span; nought where the trace begins.
    pub span: u64,
    /// Whether whoever began the trace wants its spans.
    pub sampled: bool,
}

/// As a `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

impl TraceContext {
    /// That of a `traceparent`; none where it is malformed, which is as good as not there.
    pub fn of(traceparent: &str) -> Option<Self> {
        let mut parts = parent(traceparent)?.split('-').skip(1);
        Some(Self {
            trace: TraceId(u128::from_str_radix(parts.next()?, 16).ok()?),
            span: u64::from_str_radix(parts.next()?, 16).ok()?,
            sampled: u8::from_str_radix(parts.next()?, 16).ok()? & 1 == 1,
        })
    }

    /// That of an execution: its creator's, or else the beginning of a trace of its own, by its id.
    pub fn of_execution(execution: &AgentExecution) -> Option<Self> {
        let kept = execution.metadata.as_ref();
        let kept = kept.and_then(|it| it.annotations.get(ANNOTATION));
        let own = || {
            let (_, ulid) = execution.id().rsplit_once('-')?;
            Some(Self {
                trace: TraceId(Ulid::from_string(ulid).ok()?.0),
                span: 0,
                sampled: true,
            })
        };
        kept.and_then(|kept| Self::of(kept)).or_else(own)
    }

    /// The beginning of a new trace.
    pub fn root() -> Self {
        Self {
            trace: TraceId(Ulid::generate().0),
            span: 0,
            sampled: true,
        }
    }

    /// One more place below it; each time another.
    pub fn child(self) -> Self {
        // The lower bits are random; nought is none.
        let span = Ulid::generate().0 as u64 | 1;
        Self { span, ..self }
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
        let of = TraceContext::of;
        let sound = of(SOUND).unwrap();
        let trace = sound.trace.to_string();
        assert_eq!(trace, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(sound.trace.bytes()[..2], [0x0a, 0xf7]);
        assert_eq!((sound.span, sound.sampled), (0xb7ad_6b71_6920_3331, true));
        assert_eq!(sound.to_string(), SOUND);
        for (flags, sampled) in [("00", false), ("02", false), ("03", true)] {
            let told = format!("{}{flags}", &SOUND[..LEN - 2]);
            let told = of(&told).unwrap();
            assert_eq!(told.sampled, sampled, "{flags}");
            assert_eq!(told.child().sampled, sampled, "{flags}");
        }
        let later = format!("cc{}-what-the-future-is", &SOUND[2..]);
        assert_eq!(parent(&later).unwrap().len(), LEN);
        assert_eq!(of(&later), Some(sound));
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
            assert_eq!(of(&text), None, "{text}");
        }
    }

    #[test]
    fn an_execution_is_of_its_creators_trace_or_has_its_own() {
        let mut execution = AgentExecution::default();
        execution.metadata_mut().id = "of-another-server".to_owned();
        let of_execution = TraceContext::of_execution;
        assert_eq!(of_execution(&execution), None);
        execution.metadata_mut().id = id::new(Kind::AgentExecution);
        let own = of_execution(&execution).unwrap();
        assert_eq!(of_execution(&execution), Some(own));
        assert_eq!((own.span, own.sampled), (0, true));
        let (first, second) = (own.child(), own.child());
        assert_ne!(first.span, second.span);
        assert_eq!(TraceContext::of(&first.to_string()), Some(first));
        let annotations = &mut execution.metadata_mut().annotations;
        annotations.insert(ANNOTATION.to_owned(), SOUND.to_owned());
        assert_eq!(of_execution(&execution), TraceContext::of(SOUND));
        assert_ne!(TraceContext::root().trace, TraceContext::root().trace);
    }
}
