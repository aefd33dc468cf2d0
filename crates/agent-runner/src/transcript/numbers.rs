//! Numbers of arguments that would not go on as the model wrote them. The call is not made with what is left of them.

/// Why the call is not made, for the model.
pub(crate) const NOT_CALLED: &str =
    "a number of the arguments is too large to go on as it was written: give it as a text";

/// Whether a whole number stands in `json` that 64 bits do not hold. The parser makes the nearest floating-point number of
/// it, which is another one; who means that one writes a point or an exponent. `json` was parsed before.
pub(crate) fn too_large(json: &str) -> bool {
    without_texts(json)
        .split(|c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | '.' | 'e' | 'E'))
        .any(|number| {
            let digits = number.strip_prefix('-').unwrap_or(number);
            let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err()
        })
}

/// `json` with a quotation mark for each character that a text has.
fn without_texts(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let outside = json.chars().map(|c| {
        let ends_or_begins = c == '"' && !escaped;
        escaped = in_text && c == '\\' && !escaped;
        in_text ^= ends_or_begins;
        if in_text { '"' } else { c }
    });
    outside.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_goes_on_as_it_was_written_or_not_at_all() {
        for (number, goes_on) in [
            ("0", true),
            ("-0", true),
            ("1234567890123456789", true),
            ("9223372036854775808", true),
            ("18446744073709551615", true),
            ("18446744073709551616", false),
            ("123456789012345678901", false),
            ("-9223372036854775808", true),
            ("-9223372036854775809", false),
            // Whoever writes these means a floating-point number.
            ("123456789012345678901.0", true),
            ("123456789012345678901e2", true),
            ("123456789012345678901E+2", true),
            ("1E-7", true),
        ] {
            for written in [
                format!(r#"{{"n":{number}}}"#),
                format!(r#"{{"t":"\\\"","o":{{"l":[true, {number} ,1]}}}}"#),
            ] {
                assert_eq!(too_large(&written), !goes_on, "{written}");
            }
        }
    }

    #[test]
    fn in_a_text_every_number_goes_on() {
        for text in [
            "123456789012345678901",
            r#"\" 123456789012345678901 \""#,
            r#"\\\" 123456789012345678901"#,
            r"123456789012345678901 \\",
        ] {
            let written = format!(r#"{{"{text}":1,"n":"{text}","m":[1,"{text}"]}}"#);
            assert!(!too_large(&written), "{written}");
        }
    }
}
