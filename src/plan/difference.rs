//! What two versions of a plan do differently, value by value.
//!
//! A file can change without its plan changing: then there is no difference, and only the hashes differ. Lists whose entries have names
//! are compared by name, so that a trigger put before another is not a change of both.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::model::Plan;

/// One value of the plan that is not the same in both versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it stands, from the plan's top down, as in `triggers.error-rate.above`.
    pub path: String,
    /// `None` where it is not there.
    pub before: Option<String>,
    pub after: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{}: {before}, and in the file {after}", self.path),
            (Some(_), None) => write!(f, "{}: not in the file any more", self.path),
            (None, _) => write!(f, "{}: only in the file", self.path),
        }
    }
}

/// The differences in the order of their paths.
pub fn differences(before: &Plan, after: &Plan) -> Vec<Difference> {
    let value = |plan: &Plan| serde_json::to_value(plan).unwrap_or_default();
    let mut found = Vec::new();
    compare(&mut found, "", &value(before), &value(after));
    found.retain(|difference| difference.path != "hash");
    found
}

fn compare(found: &mut Vec<Difference>, path: &str, before: &Value, after: &Value) {
    if before == after {
        return;
    }
    if let Some(line) = first_line_apart(before, after) {
        found.push(Difference { path: format!("{path} line {}", line.number), before: line.before, after: line.after });
        return;
    }
    let parts = (named(before), named(after));
    let (Some(old), Some(new)) = parts else {
        found.push(Difference { path: path.to_owned(), before: Some(short(before)), after: Some(short(after)) });
        return;
    };
    for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (old.get(name), new.get(name)) {
            (Some(before), Some(after)) => compare(found, &path, before, after),
            (before, after) => {
                found.push(Difference { path, before: before.map(|value| short(value)), after: after.map(|value| short(value)) });
            }
        }
    }
}

/// What can be compared part by part: an object, or a list whose entries all have an `id`.
fn named(value: &Value) -> Option<BTreeMap<String, &Value>> {
    match value {
        Value::Object(fields) => Some(fields.iter().map(|(name, value)| (name.clone(), value)).collect()),
        Value::Array(entries) => entries.iter().map(|entry| Some((entry.get("id")?.as_str()?.to_owned(), entry))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// A line that is not the same in two texts, or that only one of them has.
struct LineApart {
    /// From 1.
    number: usize,
    before: Option<String>,
    after: Option<String>,
}

/// The first of two texts of several lines, such as a manifest's; all others may have moved by it.
fn first_line_apart(before: &Value, after: &Value) -> Option<LineApart> {
    let (before, after) = (before.as_str().filter(|text| text.contains('\n'))?, after.as_str()?);
    let (mut old, mut new) = (before.lines(), after.lines());
    let mut number = 1;
    loop {
        let (before, after) = (old.next(), new.next());
        if before != after {
            let short = |line: &str| short(&Value::from(line.trim()));
            return Some(LineApart { number, before: before.map(short), after: after.map(short) });
        }
        before?;
        number += 1;
    }
}

const CHARS_MAX: usize = 40;

fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::model::manifests::Manifest;

    fn plan(text: &str) -> Plan {
        crate::plan::read(text.as_bytes()).unwrap().0
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let text = include_str!("../../plans/hexproperty.yaml");
        let (before, comment) = (plan(text), plan(&format!("{text}\n# a word\n")));
        assert_eq!(differences(&before, &comment), []);
        assert_ne!(before.hash, comment.hash);
        let mut after = before.clone();
        let trigger = after.triggers[0].id.clone();
        after.triggers[0].limit = 0.5;
        after.triggers.rotate_left(1);
        after.checklist.remove(0);
        let paths: Vec<String> = differences(&before, &after).iter().map(ToString::to_string).collect();
        let gone = format!("checklist.{}: not in the file any more", before.checklist[0].id);
        let changed = format!("triggers.{trigger}.above: {}, and in the file 0.5", before.triggers[0].limit);
        assert_eq!(paths, [gone, changed]);
    }

    #[test]
    fn of_a_manifest_the_first_line_is_named_that_differs() {
        let text = include_str!("../../plans/hexproperty.yaml");
        let with = |manifest: &str| {
            let manifests = vec![Manifest { id: "web".parse().unwrap(), text: manifest.to_owned() }];
            Plan { manifests, ..plan(text) }
        };
        let said = |before: &str, after: &str| differences(&with(before), &with(after)).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(said("a: 1\nb: 2\n", "a: 1\nb: 3\nc: 4\n"), ["manifests.web.text line 2: b: 2, and in the file b: 3"]);
        assert_eq!(said("a: 1\nb: 2\n", "a: 1\n"), ["manifests.web.text line 2: not in the file any more"]);
        assert_eq!(said("a: 1\n", "a: 1\n"), [""; 0]);
    }
}
