//! Triggers that would see nothing with the traffic that is said to come: each a remark at its threshold.
//!
//! The file alone does not tell how many requests come, so this is no part of reading it.

use crate::{
    core::detection::{Detection, budget},
    plan::{
        diagnostic::{Diagnostic, Severity},
        document::{self, Node, NodeId, Value},
        model::{Plan, Route, Trigger},
        units,
    },
};

/// More requests a second than come to any route; what sees nothing with these sees nothing at all.
const RATE_MOST: f64 = 1_000_000.0;

/// A warning for each trigger of `plan`, which was read from `text`, that can act at no share of its route with `rate` requests a second.
pub(super) fn warnings(plan: &Plan, text: &str, rate: f64) -> Vec<Diagnostic> {
    let root = document::read(text).ok();
    let warned = plan.triggers.iter().enumerate().filter_map(|(place, trigger)| {
        let route = plan.routes.iter().find(|route| route.id == trigger.route)?;
        let sees_nothing =
            |rate| budget(trigger, &route.ladder, plan.cadence_of(&trigger.backend, trigger.metric), rate).iter().all(is_blind);
        if !sees_nothing(rate) {
            return None;
        }
        let said = if sees_nothing(RATE_MOST) { Said::Never } else { Said::WithSoFew(rate) };
        let at = root.as_ref().and_then(|root| threshold(root, place)).map(|node| document::locate(text, node));
        let (line, column) = at.map_or((1, 1), |at| (at.line, at.column));
        Some(said.of(trigger, route, line, column, format!("triggers[{place}].threshold")))
    });
    warned.collect()
}

fn is_blind(seen: &Detection) -> bool {
    seen.least.is_none() && seen.outage.is_none()
}

/// Why a trigger sees nothing.
enum Said {
    /// No number of requests proves it.
    Never,
    WithSoFew(f64),
}

impl Said {
    fn of(&self, trigger: &Trigger, route: &Route, line: usize, column: usize, path: String) -> Diagnostic {
        let (id, share) = (&trigger.id, "at any share of its route");
        let (message, suggestion) = match self {
            Said::Never => {
                let message = format!("trigger `{id}` can't act {share}, however many requests come");
                (message, "a lower threshold can be proven".to_owned())
            }
            Said::WithSoFew(rate) => {
                let rate = units::per_second(*rate);
                let message = format!("trigger `{id}` can't act {share} with {rate} on `{}`", route.id);
                (message, "if more come, say so by `--rate`; if not, nothing rolls back on this trigger".to_owned())
            }
        };
        Diagnostic { severity: Severity::Warning, line, column, path, message, allowed: None, suggestion: Some(suggestion) }
    }
}

/// Where the threshold of the trigger at `place` stands.
fn threshold(root: &Node, place: usize) -> Option<NodeId> {
    let Value::List(triggers) = &value(root, "triggers")?.value else { return None };
    Some(value(triggers.get(place)?, "threshold")?.id)
}

fn value<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    const SHIPPED: &str = include_str!("../../../plans/hexproperty.yaml");

    fn warned(text: &str, rate: f64) -> Vec<Diagnostic> {
        warnings(&plan::read(text.as_bytes()).unwrap().0, text, rate)
    }

    #[test]
    fn what_can_act_at_some_share_is_not_warned_of() {
        assert_eq!(warned(SHIPPED, 100.0), []);
    }

    #[test]
    fn with_hardly_any_traffic_each_trigger_is_warned_of_at_its_threshold() {
        let warnings = warned(SHIPPED, 0.01);
        assert_eq!(warnings.len(), plan::read(SHIPPED.as_bytes()).unwrap().0.triggers.len());
        assert!(warnings[0].message.ends_with("with 0.01 requests/s on `frontend`"), "{}", warnings[0].message);
        let line = SHIPPED.lines().nth(warnings[0].line - 1).unwrap();
        assert!(line.contains("threshold") && warnings[0].column > 1, "{line}");
    }

    #[test]
    fn a_threshold_that_nothing_proves_is_warned_of_whatever_comes() {
        let text = SHIPPED.replacen("threshold: 0.05", "threshold: 0.999999", 1);
        assert_ne!(text, SHIPPED);
        let warnings = warned(&text, 100.0);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }
}
