//! YAML as a tree in which every node knows its place.

use super::problem::Place;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// `plain` means neither quoted nor a block, so it may mean null, a number or a boolean.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) at: Place,
    pub(super) text: String,
}

impl Node {
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What kind of value the node is, for people; never the value itself.
    pub(super) fn describe(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { text, plain: true } if is_number(text) => "a number",
            Value::Scalar { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// What it has in it, itself included.
    pub(super) fn size(&self) -> Size {
        let one = |text: &str| Size {
            nodes: 1,
            bytes: text.len() + size_of::<Self>(),
        };
        let parts: &mut dyn Iterator<Item = Size> = match &self.value {
            Value::Scalar { text, .. } => return one(text),
            Value::List(items) => &mut items.iter().map(Self::size),
            Value::Map(entries) => &mut entries.iter().flat_map(|(k, n)| [one(&k.text), n.size()]),
        };
        parts.fold(one(""), |all, part| Size {
            nodes: all.nodes + part.nodes,
            bytes: all.bytes + part.bytes,
        })
    }
}

/// How large a tree is.
pub(super) struct Size {
    /// Values and keys.
    pub(super) nodes: usize,
    /// As they lie in memory, roughly.
    pub(super) bytes: usize,
}

fn is_number(text: &str) -> bool {
    // Rust reads `inf` and `nan` too, YAML does not.
    text.ends_with(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok()
}
