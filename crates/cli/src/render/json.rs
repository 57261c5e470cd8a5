//! JSON text laid out for reading. It is not parsed into numbers, so that what is shown is what was sent.

/// Indents `text`, which is JSON; what fits into `width` columns stays on one line.
pub fn pretty(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = characters.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '{' | '[' => {
                out.push(c);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(close) => out.push(close),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if c.is_ascii_whitespace() => {}
            _ => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_values_stay_on_their_line() {
        assert_eq!(pretty(r#"{"a":1}"#, 80), r#"{"a":1}"#);
    }

    #[test]
    fn long_values_are_indented_and_numbers_untouched() {
        let text = r#"{"a":12345678901234567890,"b":[],"c":[1.10,"x,y:{\"}"]}"#;
        let expected = "{\n  \"a\": 12345678901234567890,\n  \"b\": [],\n  \"c\": [\n    1.10,\n    \"x,y:{\\\"}\"\n  ]\n}";
        assert_eq!(pretty(text, 10), expected);
    }

    proptest! {
        #[test]
        fn it_is_the_same_value(text in ".{0,30}", number in any::<i64>()) {
            let value = serde_json::json!({ "text": [text, {}], "number": number, "nested": [[], [[null]]] });
            let read: serde_json::Value = serde_json::from_str(&pretty(&value.to_string(), 0)).unwrap();
            prop_assert_eq!(read, value);
        }
    }
}
