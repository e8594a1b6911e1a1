//! The plan file as typed: a tree of nodes, each of which can be found again in the text.
//!
//! `serde_yaml` keeps the position of whatever a deserialiser objects to, and of nothing else. So the tree is built by one visitor that
//! numbers the nodes as it meets them, and a position is asked for by reading the text once more with the same visitor, told to object
//! to exactly that number. Values and positions thus come from one parser and can't disagree, and no second YAML library with views of
//! its own is needed. A plan is small and bounded, so reading it again for each problem costs next to nothing.
//!
//! Duplicate keys, their order and numbers without unit survive into the tree; judging them is not the business of this file.

use std::{cell::Cell, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};

/// Nodes that a plan may have, keys included. The largest real one has some 300.
const NODES_MAX: usize = 10_000;
/// How deep lists and mappings may be nested.
pub const DEPTH_MAX: usize = 32;

/// A node's number in reading order; keys count too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub id: NodeId,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing written, `~` or `null`.
    Empty,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One line of a mapping. The same key may occur twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key_id: NodeId,
    pub key: String,
    pub value: Node,
}

/// A place in the text; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// What the YAML parser, or the budget, had against the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub place: Place,
    pub message: String,
}

impl Node {
    /// What stands behind `key`, of a mapping; the first where it is written twice.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }
    /// The same behind one key after the other.
    pub fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }
    pub fn integer(&self) -> Option<i128> {
        if let Value::Integer(value) = self.value { Some(value) } else { None }
    }
    /// Of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }
    /// Of a mapping; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }
    /// The same for a vendor's API: numbers stay numbers, and one that JSON has no word for is null.
    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Empty => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => value.into(),
                (Err(_), Ok(value)) => value.into(),
                (Err(_), Err(_)) => serde_json::Value::Null,
            },
            Value::Float(value) => (*value).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Node::json).collect(),
            Value::Map(entries) => serde_json::Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.json())).collect()),
        }
    }
}

impl Value {
    /// What it is, for a message of the form "expected …, found …".
    pub fn kind(&self) -> String {
        match self {
            Value::Empty => "nothing".to_owned(),
            Value::Bool(value) => format!("the truth value `{value}`"),
            Value::Integer(value) => format!("the number `{value}`"),
            Value::Float(value) => format!("the number `{value}`"),
            Value::Text(value) => format!("the text `{value}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// Reads `text` into a tree.
/// # Errors
/// [`Unreadable`] if it is no YAML, holds a tag, or is larger or deeper than the budget.
pub fn read(text: &str) -> Result<Node, Unreadable> {
    let walk = Walk { next: Cell::new(0), object_to: None };
    let seed = Seed { walk: &walk, depth: 0 };
    seed.deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| unreadable(&error))
}

/// Where node `id` of `text` begins.
pub fn locate(text: &str, id: NodeId) -> Place {
    let walk = Walk { next: Cell::new(0), object_to: Some(id) };
    let seed = Seed { walk: &walk, depth: 0 };
    match seed.deserialize(serde_yaml::Deserializer::from_str(text)) {
        Ok(_) => Place { line: 1, column: 1 },
        Err(error) => unreadable(&error).place,
    }
}

fn unreadable(error: &serde_yaml::Error) -> Unreadable {
    let place = error.location().map_or(Place { line: 1, column: 1 }, |at| Place { line: at.line(), column: at.column() });
    // The parser appends the position in its own words; ours comes with the snippet.
    let message = error.to_string();
    let message = match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    };
    Unreadable { place, message }
}

/// What one reading of the text shares between its nodes.
struct Walk {
    next: Cell<usize>,
    object_to: Option<NodeId>,
}

struct Seed<'w> {
    walk: &'w Walk,
    depth: usize,
}

struct NodeVisitor<'w> {
    walk: &'w Walk,
    depth: usize,
    id: NodeId,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let id = NodeId(self.walk.next.get());
        self.walk.next.set(id.0 + 1);
        deserializer.deserialize_any(NodeVisitor { walk: self.walk, depth: self.depth, id })
    }
}

impl<'w> NodeVisitor<'w> {
    /// Every visit begins here, so that an objection is raised inside the node and gets the node's position.
    fn enter<E: de::Error>(&self) -> Result<(), E> {
        if self.walk.object_to == Some(self.id) {
            return Err(E::custom("here"));
        }
        if self.id.0 >= NODES_MAX {
            return Err(E::custom(format!("the plan has more than {NODES_MAX} values")));
        }
        if self.depth > DEPTH_MAX {
            return Err(E::custom(format!("lists and mappings are nested more than {DEPTH_MAX} deep")));
        }
        Ok(())
    }
    fn node<E: de::Error>(&self, value: Value) -> Result<Node, E> {
        self.enter()?;
        Ok(Node { id: self.id, value })
    }
    fn inner(&self) -> Seed<'w> {
        Seed { walk: self.walk, depth: self.depth + 1 }
    }
}

impl<'de> Visitor<'de> for NodeVisitor<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain YAML: text, numbers, lists and mappings")
    }
    /// A file of comments only.
    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        self.node(Value::Empty)
    }
    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        self.node(Value::Empty)
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        self.node(Value::Bool(value))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        self.node(Value::Integer(value.into()))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        self.node(Value::Integer(value.into()))
    }
    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Node, E> {
        self.node(Value::Integer(value))
    }
    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Node, E> {
        self.node(i128::try_from(value).map_or(Value::Float(f64::INFINITY), Value::Integer))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        self.node(Value::Float(value))
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        self.node(Value::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.enter()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self.inner())? {
            items.push(item);
        }
        Ok(Node { id: self.id, value: Value::List(items) })
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.enter()?;
        let mut entries = Vec::new();
        while let Some(key) = access.next_key_seed(self.inner())? {
            let value = access.next_value_seed(self.inner())?;
            entries.push(Entry { key_id: key.id, key: key_text(key.value)?, value });
        }
        Ok(Node { id: self.id, value: Value::Map(entries) })
    }
    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Node, A::Error> {
        Err(de::Error::custom("a plan can't hold YAML tags; remove the `!…`"))
    }
}

fn key_text<E: de::Error>(key: Value) -> Result<String, E> {
    match key {
        Value::Text(text) => Ok(text),
        Value::Empty => Ok("null".to_owned()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Integer(value) => Ok(value.to_string()),
        Value::Float(value) => Ok(value.to_string()),
        Value::List(_) | Value::Map(_) => Err(E::custom("a key must be text, not a list or a mapping")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_found_where_it_was_typed() {
        let text = "name: Häuser\nlist:\n  - 5%\n  - { deep: 0.05 }\nname: again\n";
        let root = read(text).unwrap();
        let Value::Map(entries) = &root.value else { panic!("{root:?}") };
        let keys: Vec<_> = entries.iter().map(|entry| (entry.key.as_str(), locate(text, entry.key_id).line)).collect();
        assert_eq!(keys, [("name", 1), ("list", 2), ("name", 5)]);
        let Value::List(items) = &entries[1].value.value else { panic!("{root:?}") };
        assert_eq!(locate(text, items[0].id), Place { line: 3, column: 5 });
        let Value::Map(inner) = &items[1].value else { panic!("{root:?}") };
        assert_eq!(locate(text, inner[0].value.id), Place { line: 4, column: 13 });
        assert_eq!(locate(text, entries[0].value.id), Place { line: 1, column: 7 });
    }

    #[test]
    fn bombs_end_at_the_budget() {
        let wide = format!("[{}]", "1,".repeat(NODES_MAX));
        assert!(read(&wide).unwrap_err().message.contains("more than 10000 values"));
        let deep = "[".repeat(40) + &"]".repeat(40);
        assert!(read(&deep).unwrap_err().message.contains("nested more than 32 deep"));
        let laughs = "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n";
        assert!(read(laughs).is_err());
    }
}
