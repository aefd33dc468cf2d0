//! What a server says that it has, page by page.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// More pages, more tools or more bytes than these no server has that ends its list.
const MOST_PAGES: usize = 200;
const MOST_TOOLS: usize = 2000;
const MOST_BYTES: usize = 16 << 20;

/// So many bad entries are named, and the rest counted.
const MOST_NAMED: usize = 10;

/// A name is shown up to here.
const LONGEST_SHOWN: usize = 64;

/// A tool as its server describes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServerTool {
    pub(crate) name: String,
    /// Empty if it says nothing.
    pub(crate) description: String,
    /// JSON Schema of its arguments, as it came.
    pub(crate) schema: Map<String, Value>,
}

/// The list of one server.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// By name: the same on every runner.
    pub(crate) tools: BTreeMap<String, ServerTool>,
    bad: Vec<String>,
    cursors: BTreeSet<String>,
    pages: usize,
    entries: usize,
    bytes: usize,
}

impl Listing {
    /// Takes a page, and says by which cursor the next one is asked for; none after the last one.
    ///
    /// # Errors
    /// When it is no page, or when the pages do not end: why, as the end of a sentence about the server.
    pub(crate) fn add(&mut self, page: &Value) -> Result<Option<String>, String> {
        let entries: &[Value] = match page.get("tools") {
            Some(Value::Array(entries)) => entries,
            // Go writes an empty list so.
            Some(Value::Null) => &[],
            _ => return Err("answered with no list of tools".to_owned()),
        };
        self.pages += 1;
        self.bytes += page.to_string().len();
        self.entries += entries.len();
        for (what, is, most) in [
            ("pages", self.pages, MOST_PAGES),
            ("tools", self.entries, MOST_TOOLS),
            ("bytes", self.bytes, MOST_BYTES),
        ] {
            if is > most {
                return Err(format!(
                    "lists more than {most} {what}: its list does not end"
                ));
            }
        }
        for entry in entries {
            self.entry(entry);
        }
        let next = match page.get("nextCursor") {
            // Some say the end by an empty one.
            Some(Value::String(cursor)) if !cursor.is_empty() => cursor.clone(),
            None | Some(Value::Null | Value::String(_)) => return Ok(None),
            Some(_) => {
                self.bad
                    .push("its next pages: their cursor is no text".to_owned());
                return Ok(None);
            }
        };
        if !self.cursors.insert(next.clone()) {
            let shown = shown(&next);
            return Err(format!(
                "names the page {shown} twice: its list does not end"
            ));
        }
        Ok(Some(next))
    }

    fn entry(&mut self, entry: &Value) {
        match tool(entry) {
            Ok(tool) if self.tools.contains_key(&tool.name) => {
                self.bad.push(format!("a second {}", shown(&tool.name)));
            }
            Ok(tool) => {
                self.tools.insert(tool.name.clone(), tool);
            }
            Err(why) => self.bad.push(why),
        }
    }

    /// What was left out and why, in words; none if nothing was.
    pub(crate) fn left_out(&self) -> Option<String> {
        let named = &self.bad[..self.bad.len().min(MOST_NAMED)];
        let more = match self.bad.len() - named.len() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        (!named.is_empty()).then(|| format!("{}{more}", named.join(", ")))
    }
}

/// An entry, or what is wrong with it.
fn tool(entry: &Value) -> Result<ServerTool, String> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::trim);
    let name = entry
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty() {
        return Err("one without a name".to_owned());
    }
    let schema = match entry.get("inputSchema") {
        Some(Value::Object(schema)) => schema.clone(),
        // PHP writes an empty object so.
        Some(Value::Array(none)) if none.is_empty() => Map::new(),
        None | Some(Value::Null) => return Err(format!("{}: it has no inputSchema", shown(name))),
        Some(_) => return Err(format!("{}: its inputSchema is no object", shown(name))),
    };
    // A title says more than nothing.
    let described = [
        text("description"),
        text("title"),
        entry.pointer("/annotations/title").and_then(Value::as_str),
    ];
    let description = described
        .into_iter()
        .flatten()
        .find(|text| !text.is_empty());
    Ok(ServerTool {
        name: name.to_owned(),
        description: description.unwrap_or_default().to_owned(),
        schema,
    })
}

fn shown(name: &str) -> String {
    let mut short: String = name.chars().take(LONGEST_SHOWN).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    json!(short).to_string()
}

#[cfg(test)]
mod tests;
