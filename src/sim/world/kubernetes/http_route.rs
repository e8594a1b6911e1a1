//! What the schema of an HTTPRoute fills in, and what it refuses.
//!
//! From the definition of `gateway.networking.k8s.io/v1`. Of its rules those are here that concern matches, backends and weights.

use serde_json::{Value, json};

use super::{
    admission::{Flaw, FlawKind, fill_fields, flaw},
    document::{list, set, text},
};

const RULES_MAX: usize = 16;
const BACKENDS_MAX: usize = 16;
const WEIGHT_MAX: i64 = 1_000_000;

/// Fills in what the writer left out.
pub(super) fn fill(object: &mut Value) {
    let slash = json!({"type": "PathPrefix", "value": "/"});
    if object["spec"].get("rules").is_none_or(Value::is_null) {
        set(object, &["spec", "rules"], json!([{"matches": [{"path": slash}]}]));
    }
    for parent in each(object.pointer_mut("/spec/parentRefs")) {
        fill_fields(parent, &[], &json!({"group": "gateway.networking.k8s.io", "kind": "Gateway"}));
    }
    for rule in each(object.pointer_mut("/spec/rules")) {
        fill_fields(rule, &[], &json!({"matches": [{"path": slash}]}));
        for found in each(rule.get_mut("matches")) {
            fill_fields(found, &[], &json!({"path": slash}));
            fill_fields(found, &["path"], &slash);
        }
        for backend in each(rule.get_mut("backendRefs")) {
            fill_fields(backend, &[], &json!({"group": "", "kind": "Service", "weight": 1}));
        }
    }
}

fn each(found: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    found.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Every flaw that the schema finds.
pub(super) fn check(object: &Value, flaws: &mut Vec<Flaw>) {
    let rules = list(object, "/spec/rules");
    if rules.len() > RULES_MAX {
        let message = format!("Too many: {}: must have at most {RULES_MAX} items", rules.len());
        flaws.push(flaw(FlawKind::Invalid, "spec.rules", message));
    }
    for (at, rule) in rules.iter().enumerate() {
        let backends = list(rule, "/backendRefs");
        let field = format!("spec.rules[{at}]");
        if !backends.is_empty() && list(rule, "/filters").iter().any(|filter| text(filter, "/type") == "RequestRedirect") {
            let message = "Invalid value: \"object\": RequestRedirect filter must not be used together with backendRefs";
            flaws.push(flaw(FlawKind::Invalid, &field, message));
        }
        if backends.len() > BACKENDS_MAX {
            let message = format!("Too many: {}: must have at most {BACKENDS_MAX} items", backends.len());
            flaws.push(flaw(FlawKind::Invalid, &format!("{field}.backendRefs"), message));
        }
        for (place, backend) in backends.iter().enumerate() {
            check_backend(backend, &format!("{field}.backendRefs[{place}]"), flaws);
        }
    }
}

fn check_backend(backend: &Value, field: &str, flaws: &mut Vec<Flaw>) {
    if text(backend, "/name").is_empty() {
        flaws.push(flaw(FlawKind::Required, &format!("{field}.name"), "Required value"));
    }
    if (text(backend, "/group"), text(backend, "/kind")) == ("", "Service") && backend.get("port").is_none() {
        flaws.push(flaw(FlawKind::Invalid, field, "Invalid value: \"object\": Must have port for Service reference"));
    }
    let field = format!("{field}.weight");
    let Some(weight) = backend["weight"].as_i64() else {
        let message = format!("Invalid value: {}: {field} in body must be of type integer", backend["weight"]);
        flaws.push(flaw(FlawKind::Invalid, &field, message));
        return;
    };
    if weight < 0 {
        let message = format!("Invalid value: {weight}: {field} in body should be greater than or equal to 0");
        flaws.push(flaw(FlawKind::Invalid, &field, message));
    } else if weight > WEIGHT_MAX {
        let message = format!("Invalid value: {weight}: {field} in body should be less than or equal to {WEIGHT_MAX}");
        flaws.push(flaw(FlawKind::Invalid, &field, message));
    }
}
