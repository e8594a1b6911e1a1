//! Who set which field: the bookkeeping behind server-side apply, kept in `metadata.managedFields`.
//!
//! A field is the way to a leaf of the document. Lists whose things have a name are walked by that name; every
//! other list is one leaf. Only what writers set is owned, not what the server filled in. Subresources share one
//! set with the object, which is coarser than the real server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Call, strategic::merge_key};
use crate::sim::world::kubernetes::{
    Kubernetes,
    document::{self, set, stamp, text},
};

/// One step on the way to a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into a field of an object.
    Field(String),
    /// Into the thing of a list that has this name.
    Thing {
        /// The field that names things in this list.
        key: String,
        /// The name, as a document.
        name: String,
    },
}

/// The way to one field.
pub type Way = Vec<Step>;

/// How a manager came to own fields. Both kinds of one name are two owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By applying a configuration.
    Apply,
    /// By any other write.
    Update,
}

/// One owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// Its name.
    pub name: String,
    /// How it writes.
    pub operation: Operation,
}

impl Manager {
    /// The owner of everything that was there before anybody kept books.
    #[must_use]
    pub fn before_first_apply() -> Self {
        Self { name: "before-first-apply".to_owned(), operation: Operation::Update }
    }
}

/// One owner's entry.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    fields: BTreeSet<Way>,
    time: Value,
}

/// All owners of an object's fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ownership {
    entries: BTreeMap<Manager, Entry>,
}

impl Ownership {
    /// Reads it from an object.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let mut ownership = Self::default();
        for entry in object["metadata"]["managedFields"].as_array().into_iter().flatten() {
            let operation = if entry["operation"] == "Apply" { Operation::Apply } else { Operation::Update };
            let manager = Manager { name: text(entry, "/manager").to_owned(), operation };
            let mut fields = BTreeSet::new();
            decode(&entry["fieldsV1"], &mut Vec::new(), &mut fields);
            ownership.entries.insert(manager, Entry { fields, time: entry["time"].clone() });
        }
        ownership
    }

    /// True when nobody owns anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The fields of one owner.
    #[must_use]
    pub fn fields(&self, manager: &Manager) -> BTreeSet<Way> {
        self.entries.get(manager).map(|entry| entry.fields.clone()).unwrap_or_default()
    }

    /// The other owners of a field.
    pub fn others<'a>(&'a self, manager: &'a Manager, way: &'a Way) -> impl Iterator<Item = &'a Manager> {
        self.entries.iter().filter(move |(other, entry)| *other != manager && entry.fields.contains(way)).map(|(other, _)| other)
    }

    /// Makes this manager an owner of exactly these fields.
    pub fn replace(&mut self, manager: &Manager, fields: BTreeSet<Way>, time: Value) {
        let same = self.entries.get(manager).is_some_and(|entry| entry.fields == fields);
        if !same {
            self.entries.insert(manager.clone(), Entry { fields, time });
        }
    }

    /// Makes this manager the only owner of fields that it changed.
    pub fn take(&mut self, manager: &Manager, changed: &BTreeSet<Way>, time: Value) {
        for (_, entry) in self.entries.iter_mut().filter(|(other, _)| *other != manager) {
            entry.fields.retain(|way| !changed.contains(way));
        }
        let fields = self.fields(manager).union(changed).cloned().collect();
        self.replace(manager, fields, time);
    }

    /// Writes it into an object; fields that are no longer there have no owner.
    pub fn write(mut self, object: &mut Value) {
        let present = leaves(object);
        for entry in self.entries.values_mut() {
            entry.fields.retain(|way| present.contains_key(way));
        }
        let api_version = object["apiVersion"].clone();
        let entries = self.entries.into_iter().filter(|(_, entry)| !entry.fields.is_empty()).map(|(manager, entry)| {
            json!({
                "manager": manager.name,
                "operation": match manager.operation { Operation::Apply => "Apply", Operation::Update => "Update" },
                "apiVersion": api_version,
                "time": entry.time,
                "fieldsType": "FieldsV1",
                "fieldsV1": encode(&entry.fields),
            })
        });
        let entries: Vec<Value> = entries.collect();
        set(object, &["metadata", "managedFields"], Value::Array(entries));
    }
}

/// Notes in `next` that the caller of a write which is not an apply changed fields of `old`. An object that nobody
/// owned until now first gets an owner for what it has.
pub fn note(cluster: &Kubernetes, call: &Call, old: Option<&Value>, next: &mut Value) {
    let time = stamp(cluster.now_ms());
    let empty = Value::Null;
    let mut ownership = old.map(Ownership::of).unwrap_or_default();
    if let Some(old) = old.filter(|_| ownership.is_empty()) {
        ownership.replace(&Manager::before_first_apply(), leaves(old).into_keys().collect(), time.clone());
    }
    let changed = changed(old.unwrap_or(&empty), next);
    if changed.is_empty() {
        match old.and_then(|old| old["metadata"].get("managedFields")) {
            Some(kept) => set(next, &["metadata", "managedFields"], kept.clone()),
            None => document::remove(next, "/metadata", "managedFields"),
        }
        return;
    }
    let agent = call.agent.split('/').next().unwrap_or_default();
    let named = call.query.get("fieldManager");
    let name = [named, agent, "unknown"].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let manager = Manager { name: name.to_owned(), operation: Operation::Update };
    ownership.take(&manager, &changed, time);
    ownership.write(next);
}

/// The fields that a write changed or added.
fn changed(old: &Value, new: &Value) -> BTreeSet<Way> {
    let before = leaves(old);
    leaves(new).into_iter().filter(|(way, value)| before.get(way) != Some(value)).map(|(way, _)| way).collect()
}

/// Every field of a document that can be owned, with its value.
#[must_use]
pub fn leaves(object: &Value) -> BTreeMap<Way, Value> {
    let mut found = BTreeMap::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        if !matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status") {
            walk(name, value, &mut vec![Step::Field(name.clone())], &mut found);
        }
    }
    for name in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let mut way = vec![Step::Field("metadata".to_owned()), Step::Field(name.to_owned())];
        if let Some(value) = object["metadata"].get(name) {
            walk(name, value, &mut way, &mut found);
        }
    }
    found
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else a document holds is a leaf")]
fn walk(name: &str, value: &Value, way: &mut Way, found: &mut BTreeMap<Way, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (field, value) in fields {
                way.push(Step::Field(field.clone()));
                walk(field, value, way, found);
                way.pop();
            }
        }
        Value::Array(things) => match merge_key(name, things).filter(|key| things.iter().all(|thing| thing.get(*key).is_some())) {
            Some(key) => {
                for thing in things {
                    way.push(Step::Thing { key: key.to_owned(), name: thing[key].to_string() });
                    walk("", thing, way, found);
                    way.pop();
                }
            }
            None => drop(found.insert(way.clone(), value.clone())),
        },
        value => drop(found.insert(way.clone(), value.clone())),
    }
}

/// `.spec.containers[name="web"].image`, as conflicts are told.
#[must_use]
pub fn shown(way: &Way) -> String {
    way.iter()
        .map(|step| match step {
            Step::Field(name) => format!(".{name}"),
            Step::Thing { key, name } => format!("[{key}={name}]"),
        })
        .collect()
}

fn encode(fields: &BTreeSet<Way>) -> Value {
    let mut tree = Value::Object(Map::new());
    for way in fields {
        let mut place = &mut tree;
        for step in way {
            let name = match step {
                Step::Field(name) => format!("f:{name}"),
                Step::Thing { key, name } => format!("k:{{\"{key}\":{name}}}"),
            };
            if place.get(&name).is_none() {
                place[&name] = json!({});
            }
            place = &mut place[&name];
        }
    }
    tree
}

fn decode(tree: &Value, way: &mut Way, fields: &mut BTreeSet<Way>) {
    for (name, below) in tree.as_object().into_iter().flatten() {
        let thing = name.strip_prefix("k:").and_then(|name| serde_json::from_str::<Map<String, Value>>(name).ok());
        let step = match (name.strip_prefix("f:"), thing.as_ref().and_then(|thing| thing.iter().next())) {
            (Some(name), _) => Step::Field(name.to_owned()),
            (None, Some((key, name))) => Step::Thing { key: key.clone(), name: name.to_string() },
            (None, None) => continue,
        };
        way.push(step);
        if below.as_object().is_none_or(Map::is_empty) {
            fields.insert(way.clone());
        } else {
            decode(below, way, fields);
        }
        way.pop();
    }
}
