//! Triggers that would see nothing with the traffic that is said to come, at any share or at the first one: each a remark at its threshold.
//!
//! The file alone does not tell how many requests come, so this is no part of reading it.

use crate::{
    core::{
        detection::{Detection, budget},
        first_share::{Starved, starved},
    },
    plan::{
        diagnostic::{Diagnostic, Severity},
        document::{self, Node, NodeId, Value},
        model::{OnBlind, Plan, Route, Trigger},
        units,
    },
};

/// More requests a second than come to any route; what sees nothing with these sees nothing at all.
const RATE_MOST: f64 = 1_000_000.0;

/// A warning for each trigger of `plan`, which was read from `text`, that can act at no share of its route with `rate` requests a second.
pub(super) fn warnings(plan: &Plan, text: &str, rate: f64) -> Vec<Diagnostic> {
    remarked(plan, text, |trigger, route| {
        let sees_nothing =
            |rate| budget(trigger, &route.ladder, plan.cadence_of(&trigger.backend, trigger.metric), rate).iter().all(is_blind);
        let said = if sees_nothing(RATE_MOST) { Said::Never } else { Said::WithSoFew(rate) };
        sees_nothing(rate).then(|| said.of(trigger, route))
    })
}

/// A warning for each trigger that the first share brings too few requests, where no probe of the plan would stand in: it is blind then, and acts.
pub(super) fn first_shares(plan: &Plan, text: &str, rate: f64) -> Vec<Diagnostic> {
    remarked(plan, text, |trigger, route| {
        let Starved { share, requests, needed, enough } = starved(route, trigger, plan.cadence_of(&trigger.backend, trigger.metric), rate)?;
        let then = match trigger.on_blind {
            OnBlind::Rollback => "the route goes home after five minutes",
            OnBlind::Hold => "nothing advances from there",
        };
        let (id, backend) = (&trigger.id, &trigger.backend);
        let message = format!(
            "the first share, {share}, brings `{backend}` {requests} requests in a window and trigger `{id}` needs {needed}; no `probe` stands in, so \
             it is blind there and {then}"
        );
        let enough = units::per_second(enough);
        let suggestion = format!("give `{backend}` a `probe`, or a first share that brings enough: {share} does with {enough} (`--rate`)");
        Some((message, suggestion))
    })
}

/// A warning at the threshold of each trigger of which `said` says something: what is so, and what to do.
fn remarked(plan: &Plan, text: &str, said: impl Fn(&Trigger, &Route) -> Option<(String, String)>) -> Vec<Diagnostic> {
    let root = document::read(text).ok();
    let warned = plan.triggers.iter().enumerate().filter_map(|(place, trigger)| {
        let route = plan.routes.iter().find(|route| route.id == trigger.route)?;
        let (message, suggestion) = said(trigger, route)?;
        let at = root.as_ref().and_then(|root| threshold(root, place)).map(|node| document::locate(text, node));
        let (line, column) = at.map_or((1, 1), |at| (at.line, at.column));
        let path = format!("triggers[{place}].threshold");
        Some(Diagnostic { severity: Severity::Warning, line, column, path, message, allowed: None, suggestion: Some(suggestion) })
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
    fn of(&self, trigger: &Trigger, route: &Route) -> (String, String) {
        let (id, share) = (&trigger.id, "at any share of its route");
        match self {
            Said::Never => {
                let message = format!("trigger `{id}` can't act {share}, however many requests come");
                (message, "a lower threshold can be proven".to_owned())
            }
            Said::WithSoFew(rate) => {
                let rate = units::per_second(*rate);
                let message = format!("trigger `{id}` can't act {share} with {rate} on `{}`", route.id);
                (message, "if more come, say so by `--rate`; if not, nothing rolls back on this trigger".to_owned())
            }
        }
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
    fn where_the_first_share_brings_too_few_and_no_probe_stands_in_that_is_said() {
        let minimal = include_str!("../../../plans/minimal.yaml");
        let said = |text: &str, rate| first_shares(&plan::read(text.as_bytes()).unwrap().0, text, rate);
        assert_eq!((said(minimal, 100.0), said(SHIPPED, 1.0)), (vec![], vec![]), "a probe stands in");
        let (before, probe) = minimal.split_once(", probe:").unwrap();
        let without = format!("{before} }}\n{}", probe.split_once('\n').unwrap().1);
        let [warning] = &said(&without, 100.0)[..] else { panic!("one trigger is blind") };
        assert!(warning.message.starts_with("the first share, 1%, brings `gke` 30 requests in a window and trigger `errors` needs 100"));
        assert!(warning.message.ends_with("the route goes home after five minutes"), "{}", warning.message);
        // A hundredth of 334 requests a second is a hundred in a window of 30 s.
        assert!(warning.suggestion.as_ref().unwrap().contains("1% does with 334 requests/s"), "{:?}", warning.suggestion);
        assert_eq!((said(&without, 334.0), said(&without, 333.0).len()), (vec![], 1));
        assert!(minimal.lines().nth(warning.line - 1).unwrap().contains("threshold"));
        // A share that brings enough needs none.
        let larger = without.replacen("ladder: [1%, 5%,", "ladder: [4%,", 1);
        assert_eq!(said(&larger, 100.0), []);
    }

    #[test]
    fn a_threshold_that_nothing_proves_is_warned_of_whatever_comes() {
        let text = SHIPPED.replacen("threshold: 0.05", "threshold: 0.999999", 1);
        assert_ne!(text, SHIPPED);
        let warnings = warned(&text, 100.0);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }
}
