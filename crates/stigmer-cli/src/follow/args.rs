//! The arguments of a tool, as people read them.

use std::collections::BTreeMap;

use serde_json::Value;
use stigmer_api::agentexecution::ToolCall;

/// Up to here every whole number has a floating-point number of its own.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The arguments of `call` as JSON; nothing where there are none.
pub(super) fn shown(call: &ToolCall) -> String {
    let args = call.args.as_ref().filter(|args| !args.fields.is_empty());
    let args = args.and_then(|args| serde_json::to_value(args).ok());
    args.map(|args| plain(&args)).unwrap_or_default()
}

/// JSON with its keys sorted and whole numbers as such: the wire keeps no order and knows only
/// floating-point numbers.
fn plain(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let pairs = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), plain(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            format!("[{}]", items.join(","))
        }
        Value::Number(number) => match number.as_f64() {
            Some(n) if n.fract() == 0.0 && n.abs() < MAX_WHOLE => format!("{n:.0}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}
