//! Small reads and writes on JSON documents, and the one way in which times are written.
//!
//! Objects are kept as documents, as a real API server keeps them, because people and tools may set any field
//! and expect to read it back. Missing fields read as empty text, zero or null; nothing here fails.

use serde_json::{Map, Value, json};

/// The value at a path such as `/spec/containers/0/name`. Unlike a JSON pointer it knows no escapes, which
/// makes it cheap; it is what the controllers spend most of their time in.
#[must_use]
pub fn at<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    // The steps are short: a search that is made for long texts takes longer.
    let parted = |text: &str| text.bytes().position(|byte| byte == b'/').unwrap_or(text.len());
    let (mut place, mut rest) = (document, path.split_at(parted(path)).1.strip_prefix('/'));
    while let Some(steps) = rest {
        let (step, more) = steps.split_at(parted(steps));
        place = match place {
            Value::Object(map) => map.get(step)?,
            Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
        rest = more.strip_prefix('/');
    }
    Some(place)
}

/// The text at a path, or an empty one.
#[must_use]
pub fn text<'a>(document: &'a Value, path: &str) -> &'a str {
    at(document, path).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a path, or zero.
#[must_use]
pub fn number(document: &Value, path: &str) -> i64 {
    at(document, path).and_then(Value::as_i64).unwrap_or_default()
}

/// The list at a path, or an empty one.
#[must_use]
pub fn list<'a>(document: &'a Value, path: &str) -> &'a [Value] {
    at(document, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The object's name.
#[must_use]
pub fn name(document: &Value) -> &str {
    text(document, "/metadata/name")
}

/// The object's namespace; empty for objects of the cluster.
#[must_use]
pub fn namespace(document: &Value) -> &str {
    text(document, "/metadata/namespace")
}

/// The object's identity over its life.
#[must_use]
pub fn uid(document: &Value) -> &str {
    text(document, "/metadata/uid")
}

/// Sets the field at `path`, making the objects on the way.
pub fn set(document: &mut Value, path: &[&str], value: Value) {
    let mut place = document;
    for key in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[*key];
    }
    *place = value;
}

/// Removes the field `key` of the object at `path`, keeping the order of the others.
pub fn remove(document: &mut Value, path: &str, key: &str) {
    if let Some(Value::Object(map)) = document.pointer_mut(path) {
        map.shift_remove(key);
    }
}

/// True when every label of `wanted` (an object of texts) is on `labels`. An absent or empty wish matches nothing.
#[must_use]
pub fn labels_match(wanted: Option<&Value>, labels: Option<&Value>) -> bool {
    let Some(wanted) = wanted.and_then(Value::as_object).filter(|wanted| !wanted.is_empty()) else {
        return false;
    };
    wanted.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

/// True when the controlling owner of `document` has this uid.
#[must_use]
pub fn owned_by(document: &Value, owner: &str) -> bool {
    list(document, "/metadata/ownerReferences").iter().any(|reference| reference["uid"] == owner && reference["controller"] == true)
}

/// `2026-01-31T08:15:00Z`, from milliseconds since the Unix epoch.
#[must_use]
pub fn stamp(at_ms: i64) -> Value {
    let seconds = jiff::Timestamp::from_second(at_ms.div_euclid(1000)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Value::String(seconds.to_string())
}

/// `2026-01-31T08:15:00.250000Z`, from milliseconds since the Unix epoch.
#[must_use]
pub fn micro_stamp(at_ms: i64) -> Value {
    let moment = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Value::String(format!("{moment:.6}"))
}

/// Sets one condition in `/status/conditions`; its transition time moves only when its status does.
pub fn set_condition(document: &mut Value, now_ms: i64, kind: &str, status: &str, reason: &str, message: &str) {
    let mut conditions = match document.pointer_mut("/status/conditions").map(Value::take) {
        Some(Value::Array(conditions)) => conditions,
        Some(_) | None => Vec::new(),
    };
    let old = conditions.iter().position(|condition| condition["type"] == kind);
    let updated = old.and_then(|index| conditions[index].get("lastUpdateTime").cloned());
    let since = match old.map(|index| &conditions[index]) {
        Some(condition) if condition["status"] == status => condition["lastTransitionTime"].clone(),
        Some(_) | None => stamp(now_ms),
    };
    let mut condition = json!({"type": kind, "status": status, "lastTransitionTime": since});
    if !reason.is_empty() {
        condition["reason"] = json!(reason);
    }
    if !message.is_empty() {
        condition["message"] = json!(message);
    }
    if let Some(updated) = updated {
        condition["lastUpdateTime"] = updated;
    }
    match old {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
    set(document, &["status", "conditions"], Value::Array(conditions));
}

/// The status (`True`, `False`, `Unknown`, or empty) of one condition.
#[must_use]
pub fn condition<'a>(document: &'a Value, kind: &str) -> &'a str {
    list(document, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == kind)
        .and_then(|condition| condition["status"].as_str())
        .unwrap_or_default()
}
