//! JSON patch and JSON merge patch; which kind a body is, its type says.
//!
//! The strategic kind has rules of its own and lives in [`super::strategic`].

use serde_json::Value;

use super::{answer::Failure, strategic};
use crate::sim::world::kubernetes::{resource::Resource, store::Key};

/// The patched document.
///
/// # Errors
/// 400 for a patch that cannot be read, 415 for an unknown kind, 422 for one that does not fit the document.
pub fn apply(key: &Key, old: &Value, content_type: &str, body: &[u8]) -> Result<Value, Failure> {
    let parsed = || -> Result<Value, Failure> {
        serde_json::from_slice(body).map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))
    };
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind {
        "application/json-patch+json" => json_patch(key, old, &parsed()?),
        "application/merge-patch+json" => Ok(merged(old, &parsed()?)),
        "application/strategic-merge-patch+json" if key.resource != Resource::HttpRoute => Ok(strategic::merged(old, &parsed()?)),
        _ => Err(Failure::unsupported(
            "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
        )),
    }
}

/// Merge patch: objects merge, null removes, everything else replaces.
#[must_use]
pub fn merged(old: &Value, patch: &Value) -> Value {
    let Value::Object(fields) = patch else {
        return patch.clone();
    };
    let mut next = old.as_object().cloned().unwrap_or_default();
    for (name, value) in fields {
        if value.is_null() {
            next.shift_remove(name);
        } else {
            let merged = merged(next.get(name).unwrap_or(&Value::Null), value);
            next.insert(name.clone(), merged);
        }
    }
    Value::Object(next)
}

fn json_patch(key: &Key, old: &Value, patch: &Value) -> Result<Value, Failure> {
    let steps = patch.as_array().ok_or_else(|| Failure::bad_request("error decoding patch: it is not a list of operations"))?;
    let mut next = old.clone();
    for step in steps {
        step_once(&mut next, step).map_err(|message| Failure::unprocessable(key, message))?;
    }
    Ok(next)
}

fn step_once(document: &mut Value, step: &Value) -> Result<(), String> {
    let path = step["path"].as_str().ok_or("the server rejected our request due to an error in our request: path is missing")?;
    let from = step["from"].as_str().unwrap_or_default();
    let value = step.get("value").cloned().unwrap_or(Value::Null);
    match step["op"].as_str().unwrap_or_default() {
        "add" => add(document, path, value),
        "remove" => take(document, path).map(drop),
        "replace" => {
            let place = document.pointer_mut(path).ok_or_else(|| missing("replace", path))?;
            *place = value;
            Ok(())
        }
        // What is not there reads as null, as in the library that the real server uses.
        "test" if document.pointer(path).unwrap_or(&Value::Null) == &value => Ok(()),
        "test" => Err(format!("testing path {path} failed: the value is not the one that was expected")),
        "move" => take(document, from).and_then(|value| add(document, path, value)),
        "copy" => {
            let value = document.pointer(from).cloned().ok_or_else(|| missing("copy", from))?;
            add(document, path, value)
        }
        other => Err(format!("unexpected kind of operation: {other}")),
    }
}

fn missing(operation: &str, path: &str) -> String {
    format!("{operation} operation does not apply: doc is missing path: {path}: missing value")
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let Some((parent, last)) = path.rsplit_once('/') else {
        *document = value;
        return Ok(());
    };
    let name = last.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.insert(name, value);
            Ok(())
        }
        Some(Value::Array(items)) if name == "-" => {
            items.push(value);
            Ok(())
        }
        Some(Value::Array(items)) => {
            let index = name.parse::<usize>().ok().filter(|index| *index <= items.len()).ok_or_else(|| missing("add", path))?;
            items.insert(index, value);
            Ok(())
        }
        Some(_) | None => Err(missing("add", path)),
    }
}

fn take(document: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| missing("remove", path))?;
    let name = last.replace("~1", "/").replace("~0", "~");
    let taken = match document.pointer_mut(parent) {
        Some(Value::Object(map)) => map.shift_remove(&name),
        Some(Value::Array(items)) => name.parse::<usize>().ok().filter(|index| *index < items.len()).map(|index| items.remove(index)),
        Some(_) | None => None,
    };
    taken.ok_or_else(|| missing("remove", path))
}
