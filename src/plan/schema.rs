//! The plan's JSON Schema (2020-12), for editors: which keys there are, what they mean, how a value is written.
//!
//! It is printed from one [`table`], beside which nothing else has to be kept. It says what one value can be and no more: whether a trigger
//! ever fires, whether a ladder rises, whether a name is declared, only the plan's reader knows. It never refuses what that takes, so that no
//! good plan is underlined; a test holds both to each other, key by key and word by word, and says what is missing here.

use serde_json::{Map, Value, json};

mod steps;
pub mod table;

/// A mapping of the plan: its keys, in the order in which people write them.
#[derive(Debug)]
pub struct Object {
    pub name: &'static str,
    pub about: &'static str,
    pub keys: &'static [Key],
    pub rules: &'static [Rule],
}

#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub needed: Needed,
    pub kind: Kind,
    pub about: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    Always,
    /// It may be left out, or a rule says when it is needed.
    AsWanted,
}

/// What a value can be.
#[derive(Debug)]
pub enum Kind {
    Text(&'static Text),
    /// A number of YAML between these, neither included.
    Between(f64, f64),
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// One of our own words.
    Word(&'static [&'static str]),
    Object(&'static Object),
    /// A list of so many at least and at most.
    List(&'static Kind, usize, Option<usize>),
    /// A mapping of names, each written so.
    Named(&'static Object, &'static Text),
    /// The same of texts: how names are written, and how values are.
    Labels(&'static Text, &'static Text),
    AnyOf(&'static [Kind]),
}

/// How a text is written.
#[derive(Debug)]
pub struct Text {
    /// As ECMA-262 has it, which is what JSON Schema names.
    pub pattern: &'static str,
    pub chars_max: Option<usize>,
    /// What an editor says where it does not fit.
    pub allowed: &'static str,
    pub examples: &'static [&'static str],
}

/// What holds between the keys of one mapping.
#[derive(Debug)]
pub enum Rule {
    /// One of these, and no more.
    One(&'static [&'static str]),
    /// Where the first is, all the others have to be too.
    With(&'static str, &'static [&'static str]),
    /// Where the first is not, none of the others may be.
    Only(&'static str, &'static [&'static str]),
    /// Not both of these.
    Apart(&'static str, &'static str),
    /// Where `key` is one of `words`, `then` has to be there too.
    Needs { key: &'static str, words: &'static [&'static str], then: &'static str },
}

/// The whole schema.
pub fn schema() -> Value {
    let mut known = Vec::new();
    gather(&table::PLAN, &mut known);
    let parts: Map<String, Value> = known.iter().skip(1).map(|object| (object.name.to_owned(), mapping(object))).collect();
    let mut whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A cutover plan",
    });
    if let (Value::Object(whole), Value::Object(plan)) = (&mut whole, mapping(&table::PLAN)) {
        whole.extend(plan);
        whole.insert("$defs".to_owned(), Value::Object(parts));
    }
    whole
}

/// Every mapping that is reached from this one, itself first, each once.
fn gather(object: &'static Object, known: &mut Vec<&'static Object>) {
    if known.iter().any(|one| one.name == object.name) {
        return;
    }
    known.push(object);
    object.keys.iter().for_each(|key| gather_in(&key.kind, known));
}

fn gather_in(kind: &'static Kind, known: &mut Vec<&'static Object>) {
    match kind {
        Kind::Object(object) | Kind::Named(object, _) => gather(object, known),
        Kind::List(each, ..) => gather_in(each, known),
        Kind::AnyOf(kinds) => kinds.iter().for_each(|kind| gather_in(kind, known)),
        Kind::Text(_) | Kind::Between(..) | Kind::Count(..) | Kind::Word(_) | Kind::Labels(..) => {}
    }
}

fn mapping(object: &Object) -> Value {
    let property = |key: &Key| {
        let mut value = json!({"description": key.about});
        if let (Value::Object(value), Value::Object(kind)) = (&mut value, of(&key.kind)) {
            value.extend(kind);
        }
        (key.name.to_owned(), value)
    };
    let required: Vec<&str> = object.keys.iter().filter(|key| key.needed == Needed::Always).map(|key| key.name).collect();
    let mut made = json!({
        "description": object.about,
        "type": "object",
        "additionalProperties": false,
        "properties": object.keys.iter().map(property).collect::<Map<String, Value>>(),
    });
    if !required.is_empty() {
        made["required"] = json!(required);
    }
    if !object.rules.is_empty() {
        made["allOf"] = object.rules.iter().map(rule).collect();
    }
    made
}

fn rule(rule: &Rule) -> Value {
    match rule {
        Rule::One(keys) => json!({"oneOf": keys.iter().map(|key| json!({"required": [key]})).collect::<Vec<_>>()}),
        Rule::With(one, others) => json!({"if": {"required": [one]}, "then": {"required": others}}),
        Rule::Only(one, others) => {
            let none: Map<String, Value> = others.iter().map(|key| ((*key).to_owned(), Value::Bool(false))).collect();
            json!({"if": {"not": {"required": [one]}}, "then": {"properties": none}})
        }
        Rule::Apart(one, other) => json!({"not": {"required": [one, other]}}),
        Rule::Needs { key, words, then } => {
            json!({"if": {"required": [key], "properties": {*key: {"enum": words}}}, "then": {"required": [then]}})
        }
    }
}

fn of(kind: &Kind) -> Value {
    match kind {
        Kind::Text(Text { pattern, chars_max, allowed, examples }) => {
            // The last is what editors built on vscode's language service say instead of the pattern.
            let mut made = json!({"type": "string", "pattern": pattern, "patternErrorMessage": format!("allowed is {allowed}")});
            if let Some(most) = chars_max {
                made["maxLength"] = json!(most);
            }
            if !examples.is_empty() {
                made["examples"] = json!(examples);
            }
            made
        }
        Kind::Between(above, below) => json!({"type": "number", "exclusiveMinimum": above, "exclusiveMaximum": below}),
        Kind::Count(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Word(words) => json!({"enum": words}),
        Kind::Object(object) => json!({"$ref": format!("#/$defs/{}", object.name)}),
        Kind::List(each, least, most) => {
            let mut made = json!({"type": "array", "items": of(each), "minItems": least});
            if let Some(most) = most {
                made["maxItems"] = json!(most);
            }
            made
        }
        Kind::Named(object, name) => json!({
            "type": "object",
            "propertyNames": {"pattern": name.pattern},
            "additionalProperties": {"$ref": format!("#/$defs/{}", object.name)},
        }),
        Kind::Labels(name, value) => json!({
            "type": "object",
            "propertyNames": {"pattern": name.pattern},
            "additionalProperties": of(&Kind::Text(value)),
            "minProperties": 1,
        }),
        Kind::AnyOf(kinds) => json!({"anyOf": kinds.iter().map(of).collect::<Vec<_>>()}),
    }
}
