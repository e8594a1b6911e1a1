//! The schema for editors against the reader itself: the same keys, the same words, the same that is required.
//!
//! Nothing here knows what the reader knows but by asking it. A plan that holds every key is spoiled at one place after the other, and what
//! the reader then says is allowed is what the schema has to say.

use std::collections::BTreeSet;

use cutover::plan::{
    self,
    diagnostic::Diagnostic,
    schema::{Key, Kind, Needed, Object, Rule, schema, table},
};
use serde_json::{Value, json};

const EVERY_KEY: &str = include_str!("every_key.yaml");
/// Where whoever adds a key to the reader has to add it.
const ADD: &str = "the table is src/plan/schema/table.rs, the plan with every key tests/plan/every_key.yaml";

/// A place in a plan, and what the schema says of it.
struct Spot {
    pointer: String,
    what: What,
}

enum What {
    Mapping(&'static Object),
    Value(&'static Key, Vec<&'static Kind>),
}

fn tree() -> Value {
    serde_yaml::from_str(EVERY_KEY).unwrap()
}

/// All places of the plan that the schema speaks of.
fn spots(tree: &Value) -> Vec<Spot> {
    let mut found = Vec::new();
    mapping(tree, String::new(), &table::PLAN, &mut found);
    found
}

fn mapping(value: &Value, pointer: String, object: &'static Object, found: &mut Vec<Spot>) {
    let Some(fields) = value.as_object() else { return };
    for key in object.keys {
        if let Some(value) = fields.get(key.name) {
            let at = format!("{pointer}/{}", key.name);
            found.push(Spot { pointer: at.clone(), what: What::Value(key, alternatives(&key.kind)) });
            inside(value, at, &key.kind, found);
        }
    }
    found.push(Spot { pointer, what: What::Mapping(object) });
}

fn inside(value: &Value, pointer: String, kind: &'static Kind, found: &mut Vec<Spot>) {
    match kind {
        Kind::Object(object) => mapping(value, pointer, object, found),
        Kind::Named(object, _) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                mapping(value, format!("{pointer}/{name}"), object, found);
            }
        }
        Kind::List(each, ..) => {
            for (place, value) in value.as_array().into_iter().flatten().enumerate() {
                inside(value, format!("{pointer}/{place}"), each, found);
            }
        }
        Kind::AnyOf(kinds) => kinds.iter().for_each(|kind| inside(value, pointer.clone(), kind, found)),
        Kind::Text(_) | Kind::Between(..) | Kind::Count(..) | Kind::Word(_) | Kind::Labels(..) => {}
    }
}

fn alternatives(kind: &'static Kind) -> Vec<&'static Kind> {
    if let Kind::AnyOf(kinds) = kind { kinds.iter().collect() } else { vec![kind] }
}

/// As the reader names the place.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').filter(|part| !part.is_empty()) {
        match part.parse::<usize>() {
            Ok(place) => path.push_str(&format!("[{place}]")),
            Err(_) if path.is_empty() => path.push_str(part),
            Err(_) => path.push_str(&format!(".{part}")),
        }
    }
    path
}

fn said(tree: &Value) -> Vec<Diagnostic> {
    match plan::read(tree.to_string().as_bytes()) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    }
}

fn words(allowed: Option<&str>) -> BTreeSet<&str> {
    allowed.unwrap_or_default().split(", ").collect()
}

#[test]
fn the_plan_with_every_key_is_a_good_one() {
    let read = plan::read(EVERY_KEY.as_bytes());
    assert!(read.is_ok(), "{}", plan::diagnostic::render_all(&read.unwrap_err(), "every_key.yaml", EVERY_KEY));
    assert!(plan::read(tree().to_string().as_bytes()).is_ok(), "and so it is in other quotes");
}

#[test]
fn the_schema_has_each_key_that_the_reader_knows_and_no_other() {
    let tree = tree();
    let mut missing = Vec::new();
    for Spot { pointer, what } in spots(&tree) {
        let What::Mapping(object) = what else { continue };
        let mut spoiled = tree.clone();
        spoiled.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().insert("no-such-key".to_owned(), json!(1));
        let problems = said(&spoiled);
        let refused = problems.iter().find(|problem| problem.message.contains("no key `no-such-key`"));
        let place = if pointer.is_empty() { "the plan itself".to_owned() } else { path(&pointer) };
        let Some(refused) = refused else {
            missing.push(format!("{place}: the schema has a mapping `{}` here, and the reader none", object.name));
            continue;
        };
        let known = words(refused.allowed.as_deref());
        let ours: BTreeSet<&str> = object.keys.iter().map(|key| key.name).collect();
        missing.extend(known.difference(&ours).map(|key| format!("{place}: the reader knows `{key}`, and `{}` lacks it", object.name)));
        missing.extend(ours.difference(&known).map(|key| format!("{place}: `{}` has `{key}`, which the reader refuses", object.name)));
    }
    assert!(missing.is_empty(), "{}\n({ADD})", missing.join("\n"));
}

#[test]
fn every_key_of_the_schema_stands_in_the_plan_that_it_is_held_against() {
    let tree = tree();
    let mut seen = BTreeSet::new();
    let mut objects = Vec::new();
    for Spot { what, .. } in spots(&tree) {
        match what {
            What::Mapping(object) => objects.push(object),
            What::Value(key, _) => _ = seen.insert(std::ptr::from_ref(key)),
        }
    }
    let unseen = |object: &'static Object| {
        object.keys.iter().filter(|key| !seen.contains(&std::ptr::from_ref(*key))).map(|key| (object.name, key.name))
    };
    let unseen: BTreeSet<(&str, &str)> = objects.iter().flat_map(|object| unseen(object)).collect();
    assert!(unseen.is_empty(), "no plan here holds {unseen:?} ({ADD})");
    let defined = schema()["$defs"].as_object().unwrap().len() + 1;
    let met: BTreeSet<&str> = objects.iter().map(|object| object.name).collect();
    assert_eq!(met.len(), defined, "every mapping of the schema is met ({ADD})");
}

#[test]
fn the_schema_has_the_readers_own_words() {
    let tree = tree();
    let mut differ = Vec::new();
    for Spot { pointer, what } in spots(&tree) {
        let What::Value(_, kinds) = what else { continue };
        let Some(ours) = kinds.iter().find_map(|kind| if let Kind::Word(words) = kind { Some(*words) } else { None }) else { continue };
        let mut spoiled = tree.clone();
        *spoiled.pointer_mut(&pointer).unwrap() = json!("no-such-word");
        let place = path(&pointer);
        let problems = said(&spoiled);
        let refused = problems.iter().find(|problem| problem.path == place && problem.message.contains("no-such-word"));
        // What a plan declares is no word of the schema.
        let mut known = words(refused.and_then(|problem| problem.allowed.as_deref()));
        known.retain(|word| !tree["series"].as_array().unwrap().iter().any(|series| series["name"] == *word));
        if known != ours.iter().copied().collect() {
            differ.push(format!("{place}: the reader has {known:?}, the schema {ours:?}"));
        }
    }
    assert!(differ.is_empty(), "{}\n({ADD})", differ.join("\n"));
}

#[test]
fn what_the_reader_misses_the_schema_requires() {
    let tree = tree();
    let mut differ = Vec::new();
    for Spot { pointer, what } in spots(&tree) {
        let What::Value(key, _) = what else { continue };
        let (holder, name) = pointer.rsplit_once('/').unwrap();
        let mut spoiled = tree.clone();
        spoiled.pointer_mut(holder).unwrap().as_object_mut().unwrap().shift_remove(name);
        let (place, missing) = (path(holder), format!("`{name}` is missing"));
        let problems = said(&spoiled);
        let is_missed = problems.iter().any(|problem| problem.path == place && problem.message.starts_with(&missing));
        match key.needed {
            Needed::Always if !is_missed => differ.push(format!("{place}: the schema requires `{name}`, and the reader does not")),
            Needed::AsWanted if is_missed && !depends(&pointer) => {
                differ.push(format!("{place}: the reader requires `{name}`, and the schema does not"));
            }
            Needed::Always | Needed::AsWanted => {}
        }
    }
    assert!(differ.is_empty(), "{}\n({ADD})", differ.join("\n"));
}

/// What is needed only beside other keys, which rules of the schema say or no schema can.
fn depends(pointer: &str) -> bool {
    let ruled = |object: &Object| {
        object.rules.iter().any(|rule| match rule {
            Rule::One(keys) => keys.iter().any(|key| pointer.ends_with(&format!("/{key}"))),
            Rule::With(_, keys) => keys.iter().any(|key| pointer.ends_with(&format!("/{key}"))),
            Rule::Needs { then, .. } => pointer.ends_with(&format!("/{then}")),
            Rule::Apart(..) | Rule::Only(..) => false,
        })
    };
    let holders = spots(&tree()).into_iter().filter_map(|spot| match spot.what {
        What::Mapping(object) => Some((spot.pointer, object)),
        What::Value(..) => None,
    });
    let (holder, _) = pointer.rsplit_once('/').unwrap();
    // Of latencies alone their unit is asked, and of queries without a series of their own when their newest sample was taken.
    let by_value = ["/latency_unit", "/newest", "/window", "/scheme"].iter().any(|key| pointer.ends_with(key));
    by_value || holders.into_iter().any(|(at, object)| at == holder && ruled(object))
}
