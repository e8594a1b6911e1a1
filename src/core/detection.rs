//! What a trigger can see: the smallest figure that it can prove at each share of the traffic, and how long that takes.
//!
//! Four spans add up from the fault to the decision: until the source can tell of it, until the next look at that, until the window shows it,
//! and the trigger's own duration. At a small share few requests come in a window, so only a large error rate can be proven, or none. The reckoning is the one
//! by which the trigger itself judges.

use crate::{
    core::proportion::least_proof,
    domain::{
        metric::Metric,
        time::Millis,
        weight::{PerMille, WHOLE},
    },
    plan::model::{Trigger, readings::Cadence},
};

/// What a trigger can see at one share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    pub share: PerMille,
    /// Requests that come to the backend within a window.
    pub requests: u64,
    /// The smallest value that can be proven, in the metric's unit; `None` if the trigger sees nothing at this share.
    pub least: Option<Visible>,
    /// The same if every request fails.
    pub outage: Option<Visible>,
}

/// From a fault to the decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visible {
    pub value: f64,
    /// Until the source can tell of it.
    pub lateness: Millis,
    /// Until the source is looked at again.
    pub sampling: Millis,
    /// Until its window shows it.
    pub visibility: Millis,
    /// Until it has lasted.
    pub duration: Millis,
}

impl Visible {
    pub fn takes(&self) -> Millis {
        let parts = [self.lateness, self.sampling, self.visibility, self.duration];
        Millis(parts.into_iter().fold(0, |sum, part| sum.saturating_add(part.0)))
    }
}

/// What `trigger` can see at each share of `ladder`, with `rate` requests a second on the whole route and figures that come so.
pub fn budget(trigger: &Trigger, ladder: &[PerMille], cadence: Cadence, rate: f64) -> Vec<Detection> {
    ladder.iter().map(|share| at_share(trigger, *share, cadence, rate)).collect()
}

fn at_share(trigger: &Trigger, share: PerMille, cadence: Cadence, rate: f64) -> Detection {
    let Cadence { every, window, lateness, .. } = cadence;
    let each_second = rate * f64::from(share.get()) / f64::from(WHOLE);
    let requests = (each_second * window.as_secs_f64()).floor().max(0.0) as u64;
    let proof = |value, visibility, duration| Visible { value, lateness, sampling: every, visibility, duration };
    match trigger.metric {
        // A gauge has no window and rests on no requests: its newest value is what is so.
        Metric::Declared(_) => Detection { share, requests, least: Some(proof(trigger.limit, Millis(0), trigger.lasting)), outage: None },
        Metric::ErrorRate => {
            // The window shows so many failures as soon as they have come, when nothing but failures come.
            let all_failing = |limit: f64, duration: Millis| {
                let needed = least_proof(requests, limit)?;
                Some(proof(1.0, Millis((needed as f64 / each_second * 1000.0).ceil() as u64), duration))
            };
            let ordinary = all_failing(trigger.limit, trigger.lasting);
            let at_once = trigger.at_once.and_then(|at_once| all_failing(at_once.limit, at_once.lasting));
            let least = least_proof(requests, trigger.limit);
            Detection {
                share,
                requests,
                least: least.map(|failed| proof(failed as f64 / requests as f64, window, trigger.lasting)),
                outage: ordinary.into_iter().chain(at_once).min_by_key(Visible::takes),
            }
        }
        Metric::RequestRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate => {
            let seen = requests >= trigger.requests_min;
            let least = seen.then(|| proof(trigger.limit, window, trigger.lasting));
            Detection { share, requests, least, outage: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        self,
        model::{AtOnce, Plan},
    };

    fn plan() -> Plan {
        plan::read(include_bytes!("../../plans/hexproperty.yaml")).unwrap().0
    }

    fn page(seconds: u64) -> Cadence {
        Cadence::of_page(Millis::from_secs(seconds))
    }

    #[test]
    fn the_budget_of_the_plan_that_ships_at_120_requests_a_second() {
        let plan = plan();
        let (trigger, ladder) = (Trigger { at_once: None, ..plan.triggers[0].clone() }, &plan.routes[0].ladder);
        let seen = budget(&trigger, ladder, page(5), 120.0);
        let least: Vec<_> =
            seen.iter().map(|sight| (sight.requests, sight.least.map(|proof| (proof.value * sight.requests as f64).round()))).collect();
        assert_eq!(least, [(36, Some(5.0)), (180, Some(15.0)), (900, Some(57.0)), (1800, Some(106.0)), (3600, Some(203.0))]);
        assert_eq!(seen[0].least.unwrap().takes(), Millis::from_secs(5 + 30 + 120));
        // At 1 % five failures take 4.2 s to come.
        let outage = seen[0].outage.unwrap();
        assert_eq!((outage.sampling, outage.visibility, outage.duration), (Millis::from_secs(5), Millis(4167), Millis::from_mins(2)));
    }

    #[test]
    fn a_disaster_is_proven_sooner_where_the_plan_says_so() {
        let plan = plan();
        let at_once = Some(AtOnce { limit: 0.5, lasting: Millis::from_secs(10) });
        let trigger = Trigger { at_once, ..plan.triggers[0].clone() };
        let seen = budget(&trigger, &plan.routes[0].ladder, page(5), 120.0);
        let outage = seen[1].outage.unwrap();
        // 102 failures of 180 prove more than half; at six a second.
        assert_eq!((outage.visibility, outage.duration), (Millis(17_000), Millis::from_secs(10)));
    }

    #[test]
    fn where_hardly_anybody_comes_nothing_is_seen() {
        let plan = plan();
        let (errors, latency) = (&plan.triggers[0], &plan.triggers[1]);
        let first = |trigger| budget(trigger, &plan.routes[0].ladder, page(5), 3.0)[0];
        assert_eq!((first(errors).requests, first(errors).least, first(errors).outage), (0, None, None));
        assert_eq!(budget(latency, &plan.routes[0].ladder, page(5), 120.0)[0].least, None);
        assert!(budget(latency, &plan.routes[0].ladder, page(30), 120.0)[0].least.is_some(), "a longer window holds enough");
    }
}
