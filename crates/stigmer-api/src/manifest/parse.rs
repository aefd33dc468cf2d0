//! Reading of YAML.
//!
//! A tree is built from the parser's events and not through serde, because serde stops at the
//! first error and does not say where a key stands.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag, options};

use super::{
    node::{Key, Node, Size, Value},
    problem::{Place, Report},
};

/// More than any sane project has; aliases count with everything they stand for.
const MAX_NODES: usize = 50_000;
const MAX_DEPTH: usize = 64;
/// Of what aliases and anchors copy: a text of 300 kB, 40,000 times, is 12 GB.
const MAX_COPIED_BYTES: usize = 8 << 20;

/// A collection that is not closed yet.
struct Open {
    at: Place,
    anchor: usize,
    items: Vec<Node>,
    entries: Option<Vec<(Key, Node)>>,
    /// The line in which each key stands first.
    lines: BTreeMap<String, usize>,
    key: Option<Key>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    documents: Vec<Node>,
    nodes: usize,
    copied: usize,
}

/// The documents of `text`, up to the first error of syntax. Documents without content are left out.
pub(super) fn parse(text: &str, report: &mut Report<'_>) -> Vec<Node> {
    let options = options! { emit_unresolved_aliases: true, flow_nesting_limit: MAX_DEPTH };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.take(event, &span, report),
            Err(error) => Err((scan_place(&error), error.info())),
        };
        if let Err((at, message)) = step {
            report.add(at, message);
            break;
        }
    }
    builder.documents.retain(|node| !node.is_null());
    builder.documents
}

type Step = Result<(), (Place, String)>;

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span, report: &mut Report<'_>) -> Step {
        let at = place(span);
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = check_tag(tag.as_deref(), at)?;
                let plain = style == ScalarStyle::Plain && !is_text;
                let text = text.into_owned();
                let value = Value::Scalar { text, plain };
                return self.place_node(Node { at, value }, anchor, report);
            }
            Event::SequenceStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), at)?;
                return self.start(at, anchor, None);
            }
            Event::MappingStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), at)?;
                return self.start(at, anchor, Some(Vec::new()));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let value = match open.entries {
                        Some(entries) => Value::Map(entries),
                        None => Value::List(open.items),
                    };
                    return self.place_node(Node { at: open.at, value }, open.anchor, report);
                }
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    return Err((at, "an alias inside what it stands for".to_owned()));
                };
                let size = node.size();
                self.nodes += size.nodes;
                let value = copy(node, &size, &mut self.copied, at)?.value;
                return self.place_node(Node { at, value }, 0, report);
            }
            // Not named: what begins like this may be a secret that lacks its quotes.
            Event::UnresolvedAlias(_) => {
                let why = "there is no such anchor; put a text that begins with `*` into quotes";
                return Err((at, why.to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, at: Place, anchor: usize, entries: Option<Vec<(Key, Node)>>) -> Step {
        if self.open.len() >= MAX_DEPTH {
            return Err((at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let (items, lines, key) = (Vec::new(), BTreeMap::new(), None);
        self.open.push(Open {
            at,
            anchor,
            items,
            entries,
            lines,
            key,
        });
        Ok(())
    }

    fn place_node(&mut self, node: Node, anchor: usize, report: &mut Report<'_>) -> Step {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let why = format!("more than {MAX_NODES} values, aliases counted in full");
            return Err((node.at, why));
        }
        if anchor != 0 {
            let copy = copy(&node, &node.size(), &mut self.copied, node.at)?;
            self.anchors.insert(anchor, copy);
        }
        let Some(parent) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        let Some(entries) = &mut parent.entries else {
            parent.items.push(node);
            return Ok(());
        };
        if let Some(key) = parent.key.take() {
            match parent.lines.get(&key.text) {
                Some(first) => report.add(
                    key.at,
                    format!("`{}` is given twice, first in line {first}", key.text),
                ),
                None => {
                    parent.lines.insert(key.text.clone(), key.at.line);
                    entries.push((key, node));
                }
            }
            return Ok(());
        }
        let at = node.at;
        match node.value {
            Value::Scalar { text, plain: true } if text == "<<" => {
                Err((at, "merge keys (`<<`) are not supported".to_owned()))
            }
            Value::Scalar { text, .. } => {
                parent.key = Some(Key { at, text });
                Ok(())
            }
            _ => Err((at, "a key must be a single value".to_owned())),
        }
    }
}

/// A copy, as long as all of them together stay within bounds.
fn copy(node: &Node, size: &Size, copied: &mut usize, at: Place) -> Result<Node, (Place, String)> {
    *copied += size.bytes;
    if *copied > MAX_COPIED_BYTES {
        let why = format!(
            "anchors and aliases stand for more than {MAX_COPIED_BYTES} bytes: write shorter texts, or \
             fewer aliases"
        );
        return Err((at, why));
    }
    Ok(node.clone())
}

/// Whether the tag makes a text of what it stands before.
fn check_tag(tag: Option<&Tag>, at: Place) -> Result<bool, (Place, String)> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() => Ok(tag.is_yaml_core_schema_tag("str")),
        // Not named, like an anchor that is not there.
        Some(_) => {
            let why = "this tag is not supported; put a text that begins with `!` into quotes";
            Err((at, why.to_owned()))
        }
    }
}

fn place(span: &Span) -> Place {
    Place {
        line: span.start.line(),
        column: span.start.col() + 1,
    }
}

fn scan_place(error: &ScanError) -> Place {
    Place {
        line: error.marker().line().max(1),
        column: error.marker().col() + 1,
    }
}

#[cfg(test)]
mod tests;
