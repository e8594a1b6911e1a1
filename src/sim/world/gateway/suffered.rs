//! What befalls the Gateway and its route by other people's hands.

use serde_json::{Value, json};

use super::{Gateway, is_followed, key};
use crate::sim::{
    faults::gateway::GatewayFault,
    world::{
        kubernetes::{Kubernetes, document::set, write::Part},
        undone::Edits,
    },
};

/// The annotation of a controller that says how the route does.
const SEEN: &str = "health.example.com/seen";

/// What lasts until somebody calms it.
#[derive(Debug, Clone, Default)]
pub(super) struct Suffered {
    /// Share of requests that the Gateway answers by itself.
    pub errors: f64,
    /// What others have made of the rules.
    edits: Edits,
    annotated: Option<Annotated>,
}

#[derive(Debug, Clone, Copy)]
struct Annotated {
    every_ms: i64,
    next_ms: i64,
}

impl Gateway {
    /// Makes something go wrong, now.
    pub fn suffer(&mut self, now_ms: i64, fault: GatewayFault, first: &mut Kubernetes) {
        match fault {
            GatewayFault::Errors { rate } => self.suffered.errors = rate.clamp(0.0, 1.0),
            GatewayFault::RuleRenamed => self.edited(first, |rules| {
                if let Some(rule) = rules.iter_mut().find(|rule| is_followed(rule)) {
                    rule["name"] = json!("renamed");
                }
            }),
            GatewayFault::RuleBefore => self.edited(first, |rules| {
                let matches = json!([{"path": {"type": "PathPrefix", "value": "/status"}}]);
                rules.insert(0, json!({"matches": matches, "backendRefs": [{"name": "status", "port": 80}]}));
            }),
            GatewayFault::Annotated { per_s } => {
                let every_ms = (1_000.0 / per_s.max(0.001)).max(1.0) as i64;
                self.suffered.annotated = Some(Annotated { every_ms, next_ms: now_ms });
            }
        }
    }

    /// Ends what lasts, and takes back what others have made of the rules.
    pub fn calm(&mut self, first: &mut Kubernetes) {
        let rules = Gateway::route(first).and_then(|route| route.pointer("/spec/rules")).cloned();
        if let Some(rules) = rules.and_then(|rules| self.suffered.edits.undone(&rules)) {
            written(first, |route| set(route, &["spec", "rules"], rules));
        }
        self.suffered = Suffered::default();
    }

    fn edited(&mut self, first: &mut Kubernetes, edit: impl FnOnce(&mut Vec<Value>)) {
        let Some(before) = Gateway::route(first).and_then(|route| route.pointer("/spec/rules")).cloned() else { return };
        edited(first, edit);
        if let Some(after) = Gateway::route(first).and_then(|route| route.pointer("/spec/rules")) {
            self.suffered.edits.add(before, after.clone());
        }
    }

    /// What others write by this time: of several words in a row, the last.
    pub(super) fn annotate(&mut self, now_ms: i64, first: &mut Kubernetes) {
        let Some(annotated) = self.suffered.annotated.as_mut().filter(|annotated| annotated.next_ms <= now_ms) else { return };
        annotated.next_ms = now_ms + annotated.every_ms;
        written(first, |route| set(route, &["metadata", "annotations", SEEN], json!(now_ms.to_string())));
    }
}

fn edited(first: &mut Kubernetes, edit: impl FnOnce(&mut Vec<Value>)) {
    written(first, |route| {
        if let Some(rules) = route.pointer_mut("/spec/rules").and_then(Value::as_array_mut) {
            edit(rules);
        }
    });
}

/// Whatever the API would not take is not written.
fn written(first: &mut Kubernetes, change: impl FnOnce(&mut Value)) {
    let Some(mut next) = Gateway::route(first).cloned() else { return };
    change(&mut next);
    drop(first.update(&key(), next, Part::Main));
}
