//! What the fields of each message take in memory, as prost lays them out.

use std::{collections::BTreeMap, fmt::Write};

use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

/// A `String`, a `Vec` or a `BTreeMap`.
const HEAD: usize = 24;

/// The map of `google.protobuf.Struct`, the largest there is.
const MAP: usize = 48;

/// A number, with what aligns it.
const NUMBER: usize = 8;

/// For how many entries a map has room that has one: maps take room for several at once.
const ROOM: usize = 4;

type Messages<'a> = BTreeMap<String, &'a DescriptorProto>;

/// `&[Layout]` in the order of the names, as source text.
pub(crate) fn table(descriptors: &FileDescriptorSet) -> String {
    let mut messages = Messages::new();
    for file in &descriptors.file {
        collect(
            &format!(".{}", file.package()),
            &file.message_type,
            &mut messages,
        );
    }
    let mut text = "&[\n".to_owned();
    for (name, message) in &messages {
        let fields: String = message.field.iter().map(|f| field(f, &messages)).collect();
        // Writing to a text does not fail.
        let _ = writeln!(text, "Layout {{ name: {name:?}, fields: &[{fields}] }},");
    }
    text + "]"
}

fn collect<'a>(scope: &str, found: &'a [DescriptorProto], all: &mut Messages<'a>) {
    for message in found {
        let name = format!("{scope}.{}", message.name());
        collect(&name, &message.nested_type, all);
        all.insert(name, message);
    }
}

fn field(field: &FieldDescriptorProto, messages: &Messages<'_>) -> String {
    let one = match field.r#type() {
        Type::Message if is_entry(field, messages) => ROOM * size(field.type_name(), messages, 0),
        Type::Message => size(field.type_name(), messages, 0),
        Type::String | Type::Bytes => HEAD,
        _ => NUMBER,
    };
    // What is not repeated has its place in the message.
    let each = if field.label() == Label::Repeated {
        one
    } else {
        0
    };
    let inside = match field.r#type() {
        Type::Message => {
            let index = messages.keys().position(|name| name == field.type_name());
            format!("Inside::Message({})", index.unwrap_or_default())
        }
        Type::String | Type::Bytes => "Inside::Bytes".to_owned(),
        _ => "Inside::Numbers".to_owned(),
    };
    let number = field.number();
    format!("Field {{ number: {number}, each: {each}, inside: {inside} }}, ")
}

fn is_entry(field: &FieldDescriptorProto, messages: &Messages<'_>) -> bool {
    let message = messages.get(field.type_name());
    let options = message.and_then(|m| m.options.as_ref());
    options.is_some_and(|o| o.map_entry())
}

/// Bytes of a message without what its texts, lists and maps point to.
fn size(name: &str, messages: &Messages<'_>, depth: usize) -> usize {
    // One that has itself in it is boxed.
    let Some(message) = messages.get(name).filter(|_| depth < 8) else {
        return NUMBER;
    };
    let (mut sum, mut choices) = (0, BTreeMap::new());
    for field in &message.field {
        let one = match (field.label(), field.r#type()) {
            (Label::Repeated, Type::Message) if is_entry(field, messages) => MAP,
            (Label::Repeated, _) | (_, Type::String | Type::Bytes) => HEAD,
            (_, Type::Message) => size(field.type_name(), messages, depth + 1),
            _ => NUMBER,
        };
        match field.oneof_index {
            // Of a choice the largest counts.
            Some(choice) => {
                let most = choices.entry(choice).or_insert(0);
                *most = one.max(*most);
            }
            None => sum += one,
        }
    }
    sum + choices.values().map(|most| most + NUMBER).sum::<usize>()
}
