//! A document of Kubernetes as YAML that every reader takes for the same: block style, and quotes wherever a word could be something else.

use serde_json::Value;

/// `value` as a document, with a line end behind it.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

fn block(text: &mut String, value: &Value, indent: usize) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                text.push_str(&format!("{margin}{}:", scalar(key)));
                inside(text, value, indent + 2);
            }
        }
        Value::Array(items) => {
            for item in items {
                if is_bare(item) {
                    text.push_str(&format!("{margin}-"));
                    inside(text, item, indent);
                    continue;
                }
                let mut entry = String::new();
                block(&mut entry, item, indent + 2);
                // The mark of the entry stands where its first line is set in.
                text.push_str(&format!("{margin}- {}", entry.trim_start()));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&format!("{margin}{}\n", plain(value))),
    }
}

fn inside(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if fields.is_empty() => text.push_str(" {}\n"),
        Value::Array(items) if items.is_empty() => text.push_str(" []\n"),
        Value::Object(_) | Value::Array(_) => {
            text.push('\n');
            block(text, value, indent);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&format!(" {}\n", plain(value))),
    }
}

/// Whether it stands on the line of its key or mark.
fn is_bare(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// As it is where every YAML takes it for this text, in double quotes and in ASCII otherwise.
fn scalar(text: &str) -> String {
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/@:".contains(&byte)) && !text.ends_with(':');
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"].contains(&text.to_ascii_lowercase().as_str());
    if begins && is_plain && !is_word {
        return text.to_owned();
    }
    let quoted = Value::from(text).to_string();
    let mut safe = String::with_capacity(quoted.len());
    for character in quoted.chars() {
        match character {
            ' '..='~' => safe.push(character),
            other => other.encode_utf16(&mut [0; 2]).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::manifest;

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let value = json!({
            "kind": "A", "empty": {}, "none": [], "count": 3, "true": true,
            "list": [{"name": "a", "deep": [["x", "yes"], []]}, "007", "a: b", "#", "two\nlines\t\u{1b} \"é\" \\", ""],
            "cloud.google.com/neg": "{\"exposed_ports\": {}}",
        });
        let text = document(&value);
        let documents = manifest::read(text.as_bytes()).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"));
        assert_eq!(documents[0].root.json(), value, "{text}");
    }
}
