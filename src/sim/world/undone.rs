//! What faults made of other people's objects, and how it is taken back.
//!
//! An edit is remembered as the document before it and after it. To undo it is a merge of three: where the document is still as the edit left
//! it, it becomes what it was before, and where somebody has written since, his word stays. So a split that the product moved meanwhile keeps its
//! weights, and loses only what the edit put there.

use serde_json::{Map, Value};

/// One edit of a document.
#[derive(Debug, Clone)]
pub struct Edited {
    before: Value,
    after: Value,
}

/// Those that were made, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Edits(Vec<Edited>);

impl Edits {
    /// Remembers an edit.
    pub fn add(&mut self, before: Value, after: Value) {
        self.0.push(Edited { before, after });
    }

    /// The document without them, if there were any; none is remembered any more.
    pub fn undone(&mut self, now: &Value) -> Option<Value> {
        let edits = std::mem::take(&mut self.0);
        let undone = |now: Value, edit: &Edited| undo(&edit.before, &edit.after, now);
        (!edits.is_empty()).then(|| edits.iter().rev().fold(now.clone(), undone))
    }
}

fn undo(before: &Value, after: &Value, now: Value) -> Value {
    if now == *after {
        return before.clone();
    }
    match (before, after, now) {
        (Value::Object(before), Value::Object(after), Value::Object(now)) => Value::Object(fields(before, after, now)),
        (Value::Array(before), Value::Array(after), Value::Array(now)) => Value::Array(entries(before, after, now)),
        (_, _, now) => now,
    }
}

fn fields(before: &Map<String, Value>, after: &Map<String, Value>, mut now: Map<String, Value>) -> Map<String, Value> {
    let names: Vec<&String> = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))).collect();
    for name in names {
        let (was, made) = (before.get(name), after.get(name));
        if was == made {
            continue;
        }
        match (was, made, now.remove(name)) {
            (Some(was), Some(made), Some(stands)) => drop(now.insert(name.clone(), undo(was, made, stands))),
            // The edit took it away, and nobody has put another there.
            (Some(was), None, None) => drop(now.insert(name.clone(), was.clone())),
            // It put it there, and it is not as it put it: somebody's else.
            (None, Some(made), Some(stands)) if stands != *made => drop(now.insert(name.clone(), stands)),
            (_, _, Some(stands)) if made.is_none() => drop(now.insert(name.clone(), stands)),
            (_, _, Some(_) | None) => {}
        }
    }
    now
}

/// Entries of a list are told apart by what they lead to. One that the edit put there goes, unless somebody has given it a share since. Weights
/// mean something together alone: where somebody has moved one, all of them are his.
fn entries(before: &[Value], after: &[Value], now: Vec<Value>) -> Vec<Value> {
    let weights = |list: &[Value]| list.iter().map(|entry| entry.get("weight").cloned()).collect::<Vec<_>>();
    let moved = weights(&now) != weights(after);
    let weighing = |known: &Value, entry: &Value| {
        let mut known = known.clone();
        if let (true, Some(weight)) = (moved, entry.get("weight")) {
            known["weight"] = weight.clone();
        }
        known
    };
    let key = |entry: &Value| ["backendService", "name", "priority"].iter().find_map(|field| entry.get(field).cloned());
    let find = |list: &[Value], entry: &Value, place: usize| match key(entry) {
        Some(wanted) => list.iter().find(|known| key(known) == Some(wanted.clone())).cloned(),
        None => list.get(place).cloned(),
    };
    let undone = |(place, entry): (usize, Value)| match (find(before, &entry, place), find(after, &entry, place)) {
        (Some(was), Some(made)) => Some(undo(&weighing(&was, &entry), &weighing(&made, &entry), entry)),
        (None, Some(made)) if entry == made || entry.get("weight").and_then(Value::as_u64) == Some(0) => None,
        (_, None) | (None, Some(_)) => Some(entry),
    };
    now.into_iter().enumerate().filter_map(undone).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(name: &str, weight: u32, mark: Option<&str>) -> Value {
        let mut entry = json!({"backendService": name, "weight": weight});
        if let Some(mark) = mark {
            entry["headerAction"] = json!(mark);
        }
        entry
    }

    fn undone(before: &Value, after: &Value, now: &Value) -> Value {
        let mut edits = Edits::default();
        edits.add(before.clone(), after.clone());
        edits.undone(now).expect("there was one")
    }

    #[test]
    fn an_edit_that_nobody_has_written_over_is_taken_back_whole() {
        let before = json!({"description": "ours", "split": [entry("run", 990, Some("run")), entry("gke", 10, Some("gke"))]});
        let after = json!({"description": "theirs", "split": [entry("run", 600, Some("run")), entry("x", 400, None)], "tests": [1]});
        assert_eq!(undone(&before, &after, &after), before);
        assert_eq!(Edits::default().undone(&after), None);
    }

    #[test]
    fn what_was_written_since_stays_and_only_the_edit_goes() {
        let before = json!({"split": [entry("run", 990, Some("run")), entry("gke", 10, Some("gke"))], "other": 1});
        let unmarked = json!({"split": [entry("run", 990, Some("run")), entry("gke", 10, None)], "other": 1});
        let moved = json!({"split": [entry("run", 750, Some("run")), entry("gke", 250, None)], "other": 1});
        let marked = json!({"split": [entry("run", 750, Some("run")), entry("gke", 250, Some("gke"))], "other": 1});
        assert_eq!(undone(&before, &unmarked, &moved), marked);
        // A stranger that a rollback has set to nothing goes; one that somebody gave a share stays.
        let strange = json!({"split": [entry("run", 600, Some("run")), entry("gke", 0, Some("gke")), entry("x", 400, None)], "other": 1});
        let home = json!({"split": [entry("run", 1000, Some("run")), entry("gke", 0, Some("gke")), entry("x", 0, None)], "other": 1});
        let back = json!({"split": [entry("run", 1000, Some("run")), entry("gke", 0, Some("gke"))], "other": 1});
        assert_eq!(undone(&before, &strange, &home), back);
        let given = json!({"split": [entry("run", 700, Some("run")), entry("gke", 0, Some("gke")), entry("x", 300, None)], "other": 2});
        assert_eq!(undone(&before, &strange, &given), given);
    }

    #[test]
    fn edits_are_taken_back_in_the_order_in_which_they_lie_on_each_other() {
        let (first, second, third) = (json!({"a": 1}), json!({"a": 1, "tests": [1]}), json!({"a": 2, "tests": [1]}));
        let mut edits = Edits::default();
        edits.add(first.clone(), second.clone());
        edits.add(second, third.clone());
        assert_eq!(edits.undone(&third), Some(first));
    }
}
