//! When a trigger sees nothing: what that forbids, and what it sets off.
//!
//! A trigger without a usable sample for 30 s is blind, and while one is blind nothing advances. After five minutes of blindness with
//! real users on both sides, the plan's `on_blind` acts.
//!
//! One kind of gap is no blindness: too little traffic where there can't be more. At 1 % of 120 requests/s a backend gets 1.2 a second,
//! so a sample of 100 requests may take minutes, and at 0 % it never comes; a rule that then said "blind" would forbid every first step.
//! So `too few requests` and `window filling` are told apart from a source that is broken:
//! - at a share of nothing they never count as blindness, but the first step needs a fresh sign of life of the backend instead;
//! - at up to `THIN_SHARE` they don't count while the prober's own requests to the backend all succeed, and the next step waits until
//!   the small share has stood for the trigger's duration, at most `THIN_HOLD_MAX`; the few users there are bounded by the share;
//! - above that they are blindness like any other.
//!
//! Neither excuse holds after a breach that nothing has shown to be over: it is cleared by what is gathered of several windows, see
//! [`crate::core::gathered`], and where that does not come in time nobody can tell, and `on_blind` acts.
//!
//! Any other gap may pass within those 30 s, and until then the last sample speaks for the split, if it was taken of the split that
//! stands. Without one a thin share has to stand as above, and a larger one waits for its first sample.
//!
//! Too few requests are believed only as far as other evidence allows, see [`crate::core::starvation`]. An absence of the host is neither
//! blindness nor proof: after it nothing advances until there is a sample, and what acts by itself counts only what was watched.

use crate::{
    core::{
        decision::Refusal,
        evidence::{self, Probing},
        exposure, gathered,
        reason::Blindness,
        sight::Sight,
        state::{Reading, State, TriggerState},
    },
    domain::{
        id::BackendId,
        metric::Gap,
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::{Trigger, readings::Cadence},
};

/// Without a usable sample for this long, a trigger is blind.
pub(super) const BLIND_AFTER: Millis = evidence::FRESH;
/// Blind for this long with users on both sides, `on_blind` acts.
pub(super) const BLIND_ACTS_AFTER: Millis = Millis::from_mins(5);
/// Up to 5 % the prober may stand in for missing volume.
pub(super) const THIN_SHARE: u16 = 50;
/// Longest wait at a thin share before the next step.
pub(super) const THIN_HOLD_MAX: Millis = Millis::from_mins(2);

/// Whether a gap is excused as described above, at the share that the trigger's backend has now.
pub(super) fn excused(state: &State, now: Timestamp, trigger: &Trigger, known: &TriggerState, gap: Gap) -> bool {
    let Some(route) = state.routes.get(&trigger.route) else { return false };
    if !gap.is_starved() || route.accepted.is_none() {
        return false;
    }
    let unsent = exposure::has(state, &trigger.route, &trigger.backend) == PerMille::ZERO;
    let thin = || exposure::is_within(state, &trigger.route, &trigger.backend, THIN_SHARE);
    unsent || (known.pending_since.is_none() && thin() && probed(state, now, &trigger.backend) == Probing::Clean)
}

fn probed(state: &State, now: Timestamp, backend: &BackendId) -> Probing {
    state.backends.get(backend).map_or(Probing::Silent, |backend| evidence::probing(backend, now))
}

/// From when on `trigger` can judge, where all that it lacks is a window that fills: with the first look from then on.
pub(super) fn armed_at(state: &State, trigger: &Trigger, gap: Gap) -> Option<Timestamp> {
    state.backends.get(&trigger.backend)?.full_at.filter(|_| gap == Gap::TooEarly)
}

/// By when it is armed at the latest: half a window later, for a scrape or two that are lost.
pub(super) fn arms_by(sight: &Sight, trigger: &Trigger, gap: Gap) -> Option<Timestamp> {
    armed_at(sight.state, trigger, gap).map(|at| at + Millis(sight.plan.cadence(&trigger.backend).window.0 / 2))
}

/// Whether a gap is only that of a window that fills, since the traffic moved or since the source was first looked at. It forbids what
/// blindness forbids, and is nothing to tell people.
pub(super) fn is_filling(sight: &Sight, trigger: &Trigger, gap: Gap, since: Timestamp) -> bool {
    let Cadence { window, lateness, .. } = sight.plan.cadence(&trigger.backend);
    match gap {
        // Half a window more, for a scrape or two that are lost.
        Gap::TooEarly => match arms_by(sight, trigger, gap) {
            Some(by) => sight.now < by,
            None => sight.now.since(since).0 < window.0 + window.0 / 2,
        },
        Gap::LowVolume => {
            let Some((route, stands)) = sight.route_of(trigger) else { return false };
            let fills = route.settle.0.saturating_add(window.0).saturating_add(lateness.0);
            stands.changed_at.is_some_and(|changed| sight.now.since(changed).0 < fills)
        }
        Gap::Missing
        | Gap::NotANumber
        | Gap::Infinite
        | Gap::Ambiguous
        | Gap::Unreadable
        | Gap::Unreachable
        | Gap::TimedOut
        | Gap::Partial
        | Gap::Stale
        | Gap::FromTheFuture
        | Gap::Capped
        | Gap::Restarted
        | Gap::StatusNotTold
        | Gap::StatusAmbiguous
        | Gap::SeveralProcesses
        | Gap::TopBucketLow
        | Gap::TooManySeries
        | Gap::LineTooLong
        | Gap::PageTooLong
        | Gap::StandsStill
        | Gap::BelowShare
        | Gap::Undecided => false,
    }
}

/// Why `trigger` forbids an advance, if it does; `gap` is why it can't be judged, with `None` inside where nothing was ever told.
pub(super) fn forbids(state: &State, now: Timestamp, trigger: &Trigger, gap: Option<Option<Gap>>) -> Option<Refusal> {
    let known = state.triggers.get(&trigger.id)?;
    let blind = |why: Blindness| Some(Refusal::Blind { trigger: trigger.id.clone(), why });
    if known.reading == Reading::Breach || known.fires_at(trigger).is_some() {
        return Some(Refusal::Breached { trigger: trigger.id.clone() });
    }
    if known.pending_since.is_some() {
        let ago = known.last_breach_at.map_or(Millis(0), |last| now.since(last));
        return blind(Blindness::NotCleared { ago, gap: known.reading.gap(), counted: gathered::counted(known, trigger) });
    }
    let Some(gap) = gap? else { return blind(Blindness::NoReadingYet) };
    // What may be beyond the limit is not within it.
    if gap == Gap::Undecided {
        return blind(Blindness::Gap(gap));
    }
    if known.blind_since.is_some_and(|since| now.since(since) >= BLIND_AFTER) {
        return blind(Blindness::Gap(gap));
    }
    let route = state.routes.get(&trigger.route)?;
    let share = exposure::given(state, &trigger.route, &trigger.backend);
    if share == PerMille::ZERO {
        return first_step(state, now, trigger, gap).and_then(blind);
    }
    let seen = route.changed_at.is_none_or(|changed| known.within_at.is_some_and(|within| within >= changed));
    if share.get() > THIN_SHARE {
        return if seen { None } else { blind(Blindness::Gap(gap)) };
    }
    if seen && !gap.is_starved() {
        return None;
    }
    let hold = Millis(trigger.lasting.0.min(THIN_HOLD_MAX.0));
    let stood = route.changed_at.map_or(hold, |changed| now.since(changed));
    if stood < hold { blind(Blindness::StandsTooShort { gap, share, left: Millis(hold.0 - stood.0) }) } else { None }
}

/// A backend without traffic is seen by its sign of life alone; a source that is broken is no excuse.
fn first_step(state: &State, now: Timestamp, trigger: &Trigger, gap: Gap) -> Option<Blindness> {
    if !gap.is_starved() {
        return Some(Blindness::Gap(gap));
    }
    let backend = state.backends.get(&trigger.backend)?;
    let alive = match evidence::probing(backend, now) {
        Probing::Clean => true,
        Probing::Faulty | Probing::Dead => false,
        Probing::Silent => evidence::ready(backend, now).is_some_and(|ready| ready > 0),
    };
    if alive { None } else { Some(Blindness::NoSignOfLife { backend: trigger.backend.clone() }) }
}
