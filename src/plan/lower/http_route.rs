//! A rule of an HTTPRoute that a route steers.

use crate::{
    domain::http_route::{RULES_MAX, Rule},
    plan::{
        document::Value,
        lower::name,
        model::RulePart,
        reader::{self, At, Fields, Problems},
    },
};

/// What says something of an HTTPRoute beside its name.
pub(super) const KEYS: &[&str] = &["namespace", "cluster", "rule", "shared_with"];

pub(super) fn part(problems: &mut Problems, fields: &Fields<'_>, http_route: &At<'_>) -> Option<RulePart> {
    let namespace = fields.required(problems, "namespace", "default");
    let namespace = namespace.and_then(|at| name::resource(problems, &at, name::NAMESPACE));
    let cluster = fields.required(problems, "cluster", "my-cluster").and_then(|at| name::resource(problems, &at, name::CLUSTER));
    let rule = match fields.optional(problems, "rule") {
        Some(at) => rule(problems, &at),
        None => Some(Rule::Only),
    };
    let shared_with = match fields.optional(problems, "shared_with") {
        Some(at) => {
            let names = reader::list(problems, &at, "names of field managers")?;
            names.iter().map(|at| name::manager(problems, at)).collect()
        }
        None => Some(Vec::new()),
    };
    let http_route = name::resource(problems, http_route, name::HTTP_ROUTE);
    Some(RulePart { http_route: http_route?, namespace: namespace?, cluster: cluster?, rule: rule?, shared_with: shared_with? })
}

/// A number is a place, a text is a name.
fn rule(problems: &mut Problems, at: &At<'_>) -> Option<Rule> {
    match &at.node.value {
        Value::Integer(_) => {
            let index = reader::count(problems, at, 0, u64::from(RULES_MAX) - 1)?;
            u8::try_from(index).ok().map(|index| Rule::At { index })
        }
        Value::Empty | Value::Bool(_) | Value::Float(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
            name::resource(problems, at, name::RULE).map(|name| Rule::Named { name })
        }
    }
}
