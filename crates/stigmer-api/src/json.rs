//! Stored objects as JSON. The wire keeps no order of keys and knows only floating-point numbers;
//! what was written as `{"n": 3}` is to be read as that again.

use std::collections::BTreeMap;

use pbjson_types::{ListValue, Struct, Value as Stored, value::Kind};
use serde_json::{Map, Number, Value};

/// From here on whole numbers share their floating-point number with others: 2 to the power of 53.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// `object` with its keys sorted and its whole numbers as such. A number that JSON does not know
/// (NaN, an infinity) becomes its name as text: nobody loses the rest by it.
pub fn of_struct(object: &Struct) -> Value {
    let sorted: BTreeMap<_, _> = object.fields.iter().collect();
    let pairs = sorted.into_iter().map(|(k, v)| (k.clone(), of_value(v)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn of_value(value: &Stored) -> Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(it)) => Value::Bool(*it),
        Some(Kind::NumberValue(it)) => of_number(*it),
        Some(Kind::StringValue(it)) => Value::String(it.clone()),
        Some(Kind::ListValue(list)) => list.values.iter().map(of_value).collect(),
        Some(Kind::StructValue(object)) => of_struct(object),
    }
}

fn of_number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < MAX_WHOLE {
        return Value::from(number as i64);
    }
    match Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None => Value::String(number.to_string()),
    }
}

/// `object` as it is stored; not by the deserializer of [`Struct`], which takes no number beyond 32 bits. A number
/// becomes the nearest floating-point one, but a whole one from 2 to the power of 53 on a text of its digits: it would be
/// read as another one, or as none that is whole.
pub fn to_struct(object: Map<String, Value>) -> Struct {
    let fields = object.into_iter().map(|(key, v)| (key, to_value(v)));
    Struct {
        fields: fields.collect(),
    }
}

fn to_value(value: Value) -> Stored {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(it) => Kind::BoolValue(it),
        Value::Number(it) => to_number(&it),
        Value::String(it) => Kind::StringValue(it),
        Value::Array(items) => Kind::ListValue(ListValue {
            values: items.into_iter().map(to_value).collect(),
        }),
        Value::Object(object) => Kind::StructValue(to_struct(object)),
    };
    Stored { kind: Some(kind) }
}

fn to_number(number: &Number) -> Kind {
    let nearest = number.as_f64().unwrap_or(f64::NAN);
    match !number.is_f64() && nearest.abs() >= MAX_WHOLE {
        true => Kind::StringValue(number.to_string()),
        false => Kind::NumberValue(nearest),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(json: &str) -> Struct {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn keys_are_sorted_and_whole_numbers_whole() {
        let json = r#"{"b":[1,2.5,-0.0,{"z":1e3,"a":null}],"a":"x","c":true}"#;
        let shown = of_struct(&read(json)).to_string();
        assert_eq!(
            shown,
            r#"{"a":"x","b":[1,2.5,0,{"a":null,"z":1000}],"c":true}"#
        );
        assert_eq!(of_struct(&Struct::default()).to_string(), "{}");
    }

    /// `{"n": number}` as it is shown.
    fn shown(number: f64) -> String {
        let kind = Some(Kind::NumberValue(number));
        let fields = [("n".to_owned(), Stored { kind })].into();
        of_struct(&Struct { fields }).to_string()
    }

    #[test]
    fn whole_numbers_are_those_below_two_to_the_53() {
        assert_eq!(shown(9_007_199_254_740_991.0), r#"{"n":9007199254740991}"#);
        assert_eq!(shown(MAX_WHOLE), r#"{"n":9007199254740992.0}"#);
        assert_eq!(shown(-MAX_WHOLE), r#"{"n":-9007199254740992.0}"#);
    }

    #[test]
    fn an_object_is_stored_and_read_again() {
        let json = r#"{"a":[true,null,"x\"y",-2,0.5],"big":3000000000,"o":{"p":{}}}"#;
        let Value::Object(object) = serde_json::from_str(json).unwrap() else {
            panic!("no object");
        };
        assert_eq!(of_struct(&to_struct(object)).to_string(), json);
    }

    /// An id of another system is a whole number of 64 bits more often than not.
    #[test]
    fn a_whole_number_beyond_two_to_the_53_is_stored_as_its_digits() {
        for (written, read) in [
            ("9007199254740991", "9007199254740991"),
            ("-9007199254740991", "-9007199254740991"),
            ("9007199254740992", r#""9007199254740992""#),
            ("9007199254740993", r#""9007199254740993""#),
            ("-9007199254740993", r#""-9007199254740993""#),
            ("9223372036854775807", r#""9223372036854775807""#),
            ("-9223372036854775808", r#""-9223372036854775808""#),
            ("18446744073709551615", r#""18446744073709551615""#),
            // One with a point was never whole.
            ("9007199254740994.0", "9007199254740994.0"),
        ] {
            let Value::Object(object) =
                serde_json::from_str(&format!(r#"{{"l":[{{"n":{written}}}]}}"#)).unwrap()
            else {
                panic!("no object");
            };
            let expected = format!(r#"{{"l":[{{"n":{read}}}]}}"#);
            assert_eq!(of_struct(&to_struct(object)).to_string(), expected);
        }
    }

    #[test]
    fn a_number_that_json_does_not_know_costs_itself_alone() {
        let mut object = read(r#"{"a":1}"#);
        let kind = Some(Kind::NumberValue(f64::NAN));
        object.fields.insert("n".to_owned(), Stored { kind });
        assert_eq!(of_struct(&object).to_string(), r#"{"a":1,"n":"NaN"}"#);
        assert_eq!(shown(f64::NEG_INFINITY), r#"{"n":"-inf"}"#);
    }
}
