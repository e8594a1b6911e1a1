//! Strategic merge patch: like merge patch, but lists of named things merge by name.
//!
//! Which field names a thing depends on the list; the table below has the lists of the kinds that are served
//! here. Lists that are not in it are replaced whole, as the real server does with lists without a merge key.

use serde_json::{Map, Value};

const ORDER: &str = "$setElementOrder/";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const RETAIN: &str = "$retainKeys";

/// The field by which the things of a list are told apart; `None` for a list that is one value.
#[must_use]
pub fn merge_key(list: &str, things: &[Value]) -> Option<&'static str> {
    let has = |field: &str| things.iter().any(|thing| thing.get(field).is_some());
    match list {
        "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env" | "imagePullSecrets" => Some("name"),
        "ports" if has("containerPort") => Some("containerPort"),
        "ports" => Some("port"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "hostAliases" | "podIPs" | "hostIPs" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        "conditions" | "addresses" => Some("type"),
        "ownerReferences" => Some("uid"),
        _ => None,
    }
}

/// The patched document.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else a document holds is replaced as a whole")]
pub fn merged(old: &Value, patch: &Value) -> Value {
    let Value::Object(fields) = patch else {
        return patch.clone();
    };
    let mut next = match (old, fields.get("$patch").and_then(Value::as_str)) {
        (_, Some("replace")) => return Value::Object(without_directives(fields)),
        (_, Some("delete")) => return Value::Null,
        (Value::Object(map), _) => map.clone(),
        (_, _) => Map::new(),
    };
    if let Some(retained) = fields.get(RETAIN).and_then(Value::as_array) {
        next.retain(|name, _| retained.iter().any(|kept| kept == name.as_str()));
    }
    for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('$')) {
        let before = next.get(name).cloned().unwrap_or(Value::Null);
        let after = match value {
            Value::Null => Value::Null,
            Value::Array(things) => merged_list(name, &before, things),
            value => merged(&before, value),
        };
        if after.is_null() {
            next.shift_remove(name);
        } else {
            next.insert(name.clone(), after);
        }
    }
    apply_directives(&mut next, fields);
    Value::Object(next)
}

fn without_directives(fields: &Map<String, Value>) -> Map<String, Value> {
    fields.iter().filter(|(name, _)| !name.starts_with('$')).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn merged_list(name: &str, before: &Value, things: &[Value]) -> Value {
    let old = before.as_array().map_or(&[][..], Vec::as_slice);
    let key = merge_key(name, things).or_else(|| merge_key(name, old)).filter(|_| things.iter().all(Value::is_object));
    let is_directive = |thing: &Value, word: &str| thing["$patch"] == word;
    if things.iter().any(|thing| is_directive(thing, "replace") && thing.as_object().is_some_and(|map| map.len() == 1)) {
        return things.iter().filter(|thing| thing.get("$patch").is_none()).cloned().collect();
    }
    let Some(key) = key else {
        // Finalizers are the one list of plain texts here that merges.
        if name == "finalizers" {
            let added = things.iter().filter(|thing| !old.contains(thing));
            return old.iter().chain(added).cloned().collect();
        }
        return Value::Array(things.to_vec());
    };
    let mut next = old.to_vec();
    for thing in things {
        let place = next.iter().position(|other| other.get(key).is_some() && other.get(key) == thing.get(key));
        match (place, is_directive(thing, "delete")) {
            (Some(index), true) => drop(next.remove(index)),
            (None, true) => {}
            (Some(index), false) => next[index] = merged(&next[index], thing),
            (None, false) => next.push(merged(&Value::Null, thing)),
        }
    }
    Value::Array(next)
}

fn apply_directives(next: &mut Map<String, Value>, fields: &Map<String, Value>) {
    for (name, value) in fields {
        let listed = value.as_array().map_or(&[][..], Vec::as_slice);
        if let Some(list) = name.strip_prefix(DELETE_FROM) {
            if let Some(Value::Array(things)) = next.get_mut(list) {
                things.retain(|thing| !listed.contains(thing));
            }
        } else if let Some(list) = name.strip_prefix(ORDER)
            && let Some(Value::Array(things)) = next.get_mut(list)
        {
            let key = merge_key(list, things);
            let rank = |thing: &Value| {
                listed.iter().position(|wanted| match key {
                    Some(key) => wanted.get(key) == thing.get(key),
                    None => wanted == thing,
                })
            };
            things.sort_by_key(|thing| rank(thing).unwrap_or(usize::MAX));
        }
    }
}
