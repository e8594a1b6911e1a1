//! Label and field selectors of lists and watches.
//!
//! Labels know equality and sets; fields know the ones that the real server indexes for each kind, and any
//! other field is refused as there.

use serde_json::Value;

use super::{answer::Failure, query::Query};
use crate::sim::world::kubernetes::{
    document::{self, text},
    resource::Resource,
};

/// Which objects a request means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<LabelTerm>,
    fields: Vec<FieldTerm>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct LabelTerm {
    key: String,
    requirement: Requirement,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(Vec<String>),
    NotIn(Vec<String>),
    Present,
    Absent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldTerm {
    pointer: &'static str,
    value: String,
    requirement: Equality,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Equality {
    Same,
    Other,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector`.
    ///
    /// # Errors
    /// 400 for what cannot be read or is not indexed.
    pub fn of(resource: Resource, query: &Query) -> Result<Self, Failure> {
        let labels = split(query.get("labelSelector")).iter().map(|term| label_term(term)).collect::<Result<_, _>>()?;
        let fields = query.get("fieldSelector").split(',').filter(|term| !term.is_empty());
        let fields = fields.map(|term| field_term(resource, term)).collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    /// Narrows to the object with this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.fields.push(FieldTerm { pointer: "/metadata/name", value: name.to_owned(), requirement: Equality::Same });
        self
    }

    /// True when the object is meant.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        let labels = self.labels.iter().all(|term| {
            let value = object["metadata"]["labels"].get(&term.key).and_then(Value::as_str);
            match &term.requirement {
                Requirement::In(values) => value.is_some_and(|value| values.iter().any(|wanted| wanted == value)),
                Requirement::NotIn(values) => value.is_none_or(|value| values.iter().all(|wanted| wanted != value)),
                Requirement::Present => value.is_some(),
                Requirement::Absent => value.is_none(),
            }
        });
        labels && self.fields.iter().all(|term| (text(object, term.pointer) == term.value) == (term.requirement == Equality::Same))
    }
}

/// Splits at commas outside of parentheses.
fn split(selector: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut depth = 0_u32;
    for sign in selector.chars() {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match (sign, depth, terms.last_mut()) {
            (',', 0, _) => terms.push(String::new()),
            (_, _, Some(term)) => term.push(sign),
            (_, _, None) => {}
        }
    }
    terms.into_iter().map(|term| term.trim().to_owned()).filter(|term| !term.is_empty()).collect()
}

fn label_term(term: &str) -> Result<LabelTerm, Failure> {
    let made = |key: &str, requirement: Requirement| Ok(LabelTerm { key: key.trim().to_owned(), requirement });
    if let Some(list) = term.strip_suffix(')') {
        let (head, values) = list.split_once('(').ok_or_else(|| unreadable(term))?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => made(key, Requirement::In(values)),
            (Some(key), Some("notin"), None) => made(key, Requirement::NotIn(values)),
            (_, _, _) => Err(unreadable(term)),
        };
    }
    if let Some((key, value)) = term.split_once("!=") {
        return made(key, Requirement::NotIn(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return made(key, Requirement::In(vec![value.trim().to_owned()]));
    }
    match term.strip_prefix('!') {
        Some(key) => made(key, Requirement::Absent),
        None if term.contains(char::is_whitespace) => Err(unreadable(term)),
        None => made(term, Requirement::Present),
    }
}

fn unreadable(term: &str) -> Failure {
    Failure::bad_request(format!("unable to parse requirement: found '{term}', expected: 'in', 'notin', '=', '==', '!='"))
}

fn field_term(resource: Resource, term: &str) -> Result<FieldTerm, Failure> {
    let (name, value, requirement) = if let Some((name, value)) = term.split_once("!=") {
        (name, value, Equality::Other)
    } else if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (name, value, Equality::Same)
    } else {
        return Err(Failure::bad_request(format!("invalid field selector: '{term}'; can't understand '{term}'")));
    };
    let unknown = || Failure::bad_request(format!("field label not supported: {name}"));
    let pointer = field_pointer(resource, name).ok_or_else(unknown)?;
    Ok(FieldTerm { pointer, value: value.to_owned(), requirement })
}

fn field_pointer(resource: Resource, name: &str) -> Option<&'static str> {
    let pointer = match (resource, name) {
        (_, "metadata.name") => "/metadata/name",
        (_, "metadata.namespace") => "/metadata/namespace",
        (Resource::Pod, "spec.nodeName") => "/spec/nodeName",
        (Resource::Pod, "spec.restartPolicy") => "/spec/restartPolicy",
        (Resource::Pod, "status.phase") => "/status/phase",
        (Resource::Pod, "status.podIP") => "/status/podIP",
        (Resource::Event, "involvedObject.kind") => "/involvedObject/kind",
        (Resource::Event, "involvedObject.namespace") => "/involvedObject/namespace",
        (Resource::Event, "involvedObject.name") => "/involvedObject/name",
        (Resource::Event, "involvedObject.uid") => "/involvedObject/uid",
        (Resource::Event, "involvedObject.apiVersion") => "/involvedObject/apiVersion",
        (Resource::Event, "involvedObject.fieldPath") => "/involvedObject/fieldPath",
        (Resource::Event, "reason") => "/reason",
        (Resource::Event, "type") => "/type",
        (Resource::Event, "reportingComponent") => "/reportingComponent",
        (Resource::Event, "source") => "/source/component",
        (Resource::Namespace, "status.phase") => "/status/phase",
        (Resource::Service, "spec.clusterIP") => "/spec/clusterIP",
        (Resource::Service, "spec.type") => "/spec/type",
        (_, _) => return None,
    };
    Some(pointer)
}

/// The key order of a list: namespace, then name.
#[must_use]
pub fn place(object: &Value) -> (&str, &str) {
    (document::namespace(object), document::name(object))
}
