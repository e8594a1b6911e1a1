//! Server-side apply: a writer says all that it wants, and the server finds out what that changes.
//!
//! A field that somebody else owns with another value is a conflict, unless the writer forces it. A field that
//! the writer applied before and leaves out now is removed, unless somebody else owns it too.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Call,
    answer::Failure,
    ownership::{Manager, Operation, Ownership, Step, Way, leaves, shown},
    strategic::merge_key,
    write,
};
use crate::sim::world::kubernetes::{
    Kubernetes,
    document::{set, stamp, text},
    store::Key,
};

/// The type of a body that is applied.
pub const CONTENT_TYPE: &str = "application/apply-patch+yaml";

/// The document that applying makes of `old`, which is absent for a new object.
///
/// # Errors
/// 400 for a configuration that cannot be read, 422 without a manager, 409 for conflicts.
pub fn apply(cluster: &Kubernetes, call: &Call, key: &Key, old: Option<&Value>) -> Result<Value, Failure> {
    let mut wanted = write::read_body(call)?;
    let name = call.query.get("fieldManager");
    if name.is_empty() {
        let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
        return Err(Failure::unprocessable(key, message));
    }
    let manager = Manager { name: name.to_owned(), operation: Operation::Apply };
    let time = stamp(cluster.now_ms());
    let fields: BTreeSet<Way> = leaves(&wanted).into_keys().collect();
    let Some(old) = old else {
        set(&mut wanted, &["metadata", "name"], Value::String(key.name.clone()));
        let mut ownership = Ownership::default();
        ownership.replace(&manager, fields, time);
        ownership.write(&mut wanted);
        return Ok(wanted);
    };
    let mut ownership = Ownership::of(old);
    if ownership.is_empty() {
        ownership.replace(&Manager::before_first_apply(), leaves(old).into_keys().collect(), time.clone());
    }
    let conflicts = conflicts(&ownership, &manager, old, &wanted);
    if !conflicts.is_empty() && !call.query.is_set("force") {
        return Err(Failure::field_conflicts(key, &conflicts));
    }
    let mut next = merged("", old, &wanted);
    for way in ownership.fields(&manager).difference(&fields) {
        if ownership.others(&manager, way).next().is_none() {
            remove(&mut next, way);
        }
    }
    let seized: BTreeSet<Way> = conflicts.into_iter().map(|conflict| conflict.way).collect();
    ownership.take(&manager, &seized, time.clone());
    ownership.replace(&manager, fields, time);
    let version = text(&wanted, "/metadata/resourceVersion").to_owned();
    if !version.is_empty() {
        set(&mut next, &["metadata", "resourceVersion"], Value::String(version));
    }
    ownership.write(&mut next);
    Ok(next)
}

/// A field that two managers want differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The owner.
    pub owner: String,
    /// The field.
    pub way: Way,
}

impl Conflict {
    /// The field as people read it.
    #[must_use]
    pub fn field(&self) -> String {
        shown(&self.way)
    }
}

fn conflicts(ownership: &Ownership, manager: &Manager, old: &Value, wanted: &Value) -> Vec<Conflict> {
    let before = leaves(old);
    let different = leaves(wanted).into_iter().filter(|(way, value)| before.get(way) != Some(value));
    different
        .flat_map(|(way, _)| {
            let owners: Vec<String> = ownership.others(manager, &way).map(|owner| owner.name.clone()).collect();
            owners.into_iter().map(move |owner| Conflict { owner, way: way.clone() })
        })
        .collect()
}

/// Objects merge, lists with named things merge by name, everything else is replaced.
fn merged(name: &str, old: &Value, wanted: &Value) -> Value {
    match (old, wanted) {
        (Value::Object(before), Value::Object(fields)) => {
            let mut next = before.clone();
            for (field, value) in fields {
                let value = merged(field, before.get(field).unwrap_or(&Value::Null), value);
                next.insert(field.clone(), value);
            }
            Value::Object(next)
        }
        (Value::Array(before), Value::Array(things)) => {
            let Some(key) = merge_key(name, things) else { return wanted.clone() };
            let mut next = before.clone();
            for thing in things {
                match next.iter_mut().find(|other| other.get(key) == thing.get(key)) {
                    Some(other) => *other = merged("", other, thing),
                    None => next.push(thing.clone()),
                }
            }
            Value::Array(next)
        }
        (_, wanted) => wanted.clone(),
    }
}

/// Removes the field at the end of a way; a named thing that loses its name is gone.
fn remove(document: &mut Value, way: &[Step]) {
    let Some((first, rest)) = way.split_first() else { return };
    match (first, document) {
        (Step::Field(name), Value::Object(fields)) if rest.is_empty() => drop(fields.shift_remove(name)),
        (Step::Field(name), Value::Object(fields)) => {
            if let Some(below) = fields.get_mut(name) {
                remove(below, rest);
            }
        }
        (Step::Thing { key, name }, Value::Array(things)) => {
            let is_meant = |thing: &Value| thing.get(key).map(Value::to_string).as_deref() == Some(name.as_str());
            if let Some(thing) = things.iter_mut().find(|thing| is_meant(thing)) {
                remove(thing, rest);
            }
            things.retain(|thing| thing.get(key).is_some());
        }
        (Step::Field(_) | Step::Thing { .. }, _) => {}
    }
}
