//! A JSON value as people read it: short lists and objects on one line.

use serde_json::Value;

const LINE: usize = 42;

/// With line breaks and two spaces a level.
pub(super) fn whole(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

/// On one line; a text without its quotes.
pub(super) fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn write(value: &Value, depth: usize, out: &mut String) {
    let line = value.to_string();
    let short = line.len() + depth * 2 <= LINE;
    let pad = "  ".repeat(depth + 1);
    let mut items = |open: char, close: char, all: Vec<(String, &Value)>| {
        out.push(open);
        let n = all.len();
        for (at, (name, own)) in all.into_iter().enumerate() {
            out.push('\n');
            out.push_str(&pad);
            out.push_str(&name);
            write(own, depth + 1, out);
            if at + 1 < n {
                out.push(',');
            }
        }
        out.push('\n');
        out.push_str(&pad[2..]);
        out.push(close);
    };
    match value {
        Value::Object(fields) if depth == 0 || !short => items(
            '{',
            '}',
            fields
                .iter()
                .map(|(name, own)| (format!("{}: ", Value::from(name.as_str())), own))
                .collect(),
        ),
        Value::Array(all) if !short => items(
            '[',
            ']',
            all.iter().map(|own| (String::new(), own)).collect(),
        ),
        _ => out.push_str(&line),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn short_things_stay_on_a_line() {
        assert_eq!(super::whole(&json!({"a": [1, 2]})), "{\n  \"a\": [1,2]\n}");
        let long = json!({"items": [{"book": "x".repeat(20)}, {"book": "y".repeat(20)}]});
        assert_eq!(super::whole(&long).lines().count(), 6);
        assert_eq!(super::brief(&json!("a")), "a");
    }
}
