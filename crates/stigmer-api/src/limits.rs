//! How many of a kind one message may have. The reasons stand in `docs/limits.md`; each of these is
//! far above what people write, and keeps one request from taking the time of all others.

/// MCP servers of an agent.
pub const MCP_SERVERS: usize = 128;

/// Sub-agents of an agent.
pub const SUB_AGENTS: usize = 64;

/// References of one list: skills of an agent or a sub-agent, environments of an instance.
pub const REFERENCES: usize = 128;

/// Variables of an agent, an environment, an execution or a context.
pub const VARIABLES: usize = 1_000;

/// Entries of one list of an MCP server's definition: arguments, headers, tools and the like.
pub const SERVER_ENTRIES: usize = 1_000;

/// Labels, annotations or tags of a resource.
pub const LABELS: usize = 256;

/// Characters of a name.
pub const NAME: usize = 256;

/// Characters of a version or a tag, as long as two hashes.
pub const VERSION: usize = 128;

/// Messages, tool calls or sub-agents of an execution's status, and calls of one message.
pub const REPORTED: usize = 10_000;

/// How deep the arguments of a tool may be nested. Each level is up to three of the wire, which
/// readers follow to the hundredth.
pub const JSON_DEPTH: usize = 24;

/// Rules that an answer tells one by one; the others are counted.
pub const TOLD: usize = 15;

/// Bytes of a field's name or of a rule as they are told.
pub const TOLD_BYTES: usize = 150;

/// `text` as it is told: cut, and said so, where it has more than `most` bytes.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_its_characters() {
        const TEXT: &str = "ü€x";
        for (most, kept) in [(0, ""), (1, ""), (2, "ü"), (3, "ü"), (4, "ü"), (5, "ü€")] {
            assert_eq!(cut(TEXT, most), format!("{kept}… (6 bytes)"), "{most}");
        }
        assert_eq!(cut(TEXT, TEXT.len()), TEXT);
    }
}
