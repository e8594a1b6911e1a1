//! A judgment on more than one window, for a backend that gets few requests.
//!
//! At 1 % of 120 requests/s a window holds 36 of the 100 that a verdict needs, so no window alone would ever show that a breach is over.
//! Windows that don't overlap are counted together until they hold as many; what all of them come to is then judged like a sample, and
//! clears a breach if it is within the limit. No window is left out because it looks bad, and none counts that is older than five minutes:
//! where so few requests come that even those don't do, nobody knows whether it is over, which is blindness. Nothing here proves a breach.

use crate::{
    core::{
        state::{Gathered, TriggerState},
        unjudged::{Counted, lacks_requests},
        verdict::Side,
    },
    domain::{
        metric::{Basis, Gap, Sample},
        time::{Millis, Timestamp},
    },
    plan::model::Trigger,
};

/// What is older says nothing of now.
const KEPT: Millis = Millis::from_mins(5);

/// Takes up a sample that can't be judged alone; gives the figure of all that was gathered, once that is enough and within the limit.
pub(super) fn take(
    known: &mut TriggerState,
    trigger: &Trigger,
    sample: &Sample,
    side: Result<Side, Gap>,
    now: Timestamp,
    window: Millis,
) -> Option<f64> {
    let so_far = known.gathered.take().filter(|so_far| known.pending_since.is_some() && now.since(so_far.since) <= KEPT);
    // What a window proves alone begins the breach anew, or ends it.
    let gap = side.err()?;
    if known.pending_since.is_none() || !lacks_requests(gap) || !known.proof().is_newer(sample.at) {
        known.gathered = so_far;
        return None;
    }
    let failed = match sample.basis {
        Basis::Counted { failed } => failed,
        Basis::Exact if !trigger.is_beyond(sample.value) => 0,
        // It is beyond the limit, or may be, of too few requests to say so.
        Basis::Exact | Basis::AtLeast => return None,
    };
    let gathered = match so_far {
        Some(so_far) if sample.at < so_far.until + window => {
            known.gathered = Some(so_far);
            return None;
        }
        Some(so_far) => Gathered {
            until: sample.at,
            requests: so_far.requests.saturating_add(sample.requests),
            failed: so_far.failed.saturating_add(failed),
            ..so_far
        },
        None => Gathered { since: sample.at.before(window), until: sample.at, requests: sample.requests, failed },
    };
    if gathered.requests < trigger.requests_min {
        known.gathered = Some(gathered);
        return None;
    }
    let value = match sample.basis {
        Basis::Counted { .. } => gathered.failed as f64 / gathered.requests.max(1) as f64,
        Basis::Exact | Basis::AtLeast => sample.value,
    };
    (!trigger.is_beyond(value)).then_some(value)
}

/// How many requests were gathered of those that can clear a breach, where it is for want of them that nobody can tell.
pub(super) fn counted(known: &TriggerState, trigger: &Trigger) -> Option<Counted> {
    let lacks = known.reading.gap().is_some_and(lacks_requests);
    let requests = known.gathered.map_or(0, |gathered| gathered.requests);
    lacks.then_some(Counted { requests, needed: trigger.requests_min })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Millis = Millis::from_secs(30);

    /// What good windows of `requests` each clear after a breach, one after the other, within `windows` of them.
    fn cleared(requests: u64, windows: u64) -> Option<f64> {
        let trigger: Trigger = serde_json::from_value(serde_json::json!({
            "id": "error-rate", "title": "", "route": "r", "backend": "gke", "metric": "error_rate", "above": 0.05, "lasting": 120_000,
            "requests_min": 100, "action": "rollback", "on_blind": "rollback"}))
        .unwrap();
        let mut known = TriggerState { pending_since: Some(Timestamp(0)), last_breach_at: Some(Timestamp(0)), ..TriggerState::default() };
        (1..=windows).find_map(|window| {
            let at = Timestamp(0) + Millis(window * WINDOW.0);
            let sample = Sample { value: 0.0, requests, at, basis: Basis::Counted { failed: 0 } };
            take(&mut known, &trigger, &sample, Err(Gap::LowVolume), at, WINDOW)
        })
    }

    #[test]
    fn windows_of_five_minutes_are_counted_together_and_older_ones_never() {
        assert_eq!(cleared(36, 3), Some(0.0));
        assert_eq!(cleared(10, 10), Some(0.0), "ten windows are five minutes");
        assert_eq!(cleared(8, 60), None, "thirteen windows would be needed, and the first is too old by then");
    }
}
