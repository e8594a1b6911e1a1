//! Triggers: the window that a breach must fill, and the moment when it has.
//!
//! A breach begins with the source's own time of its first breaching sample and lasts until a newer sample is in order. What can't be
//! known in between neither ends it nor counts as proof, but the clock runs on, since a crashing pod takes its own metrics with it.
//! It fires once the clock has reached the plan's duration and at least two samples with different source times were in breach.
//! This file does not move traffic: it calls [`rollback::begin`].

use crate::{
    core::{
        blind::{self, BLIND_ACTS_AFTER, BLIND_AFTER},
        decision::{Cause, Fired, Refusal},
        evidence, exposure,
        news::News,
        outlook::Then,
        readiness, rollback,
        sight::Sight,
        standing,
        state::{Reading, TriggerState},
        turn::Turn,
    },
    domain::{
        id::BackendId,
        metric::{Gap, Measured, Sample},
        time::{Millis, Timestamp},
        weight::{PerMille, WHOLE},
    },
    plan::model::{OnBlind, Route, Trigger, TriggerAction},
};

/// Fewest samples in breach, with different source times, that a trigger fires on.
const BREACHES_MIN: u32 = 2;

/// The session hears something at least once a second; after this long without any entry it was not there.
const SILENT_AFTER: Millis = Millis::from_secs(5);

/// Brings every trigger's reading and window up to this instant.
pub(super) fn read(turn: &mut Turn) {
    for trigger in &turn.plan.triggers {
        let seen = seen(&turn.sight(), trigger);
        let excused = matches!(seen, Some(Err(gap)) if blind::excused(turn.state, turn.now, trigger, gap));
        let Some(mut known) = turn.state.triggers.remove(&trigger.id) else { continue };
        match seen {
            Some(Ok(sample)) => judge(turn, trigger, &mut known, sample),
            Some(Err(gap)) => {
                known.reading = Reading::Unknown { gap };
                go_blind(turn, trigger, &mut known, excused, Some(gap));
            }
            None => go_blind(turn, trigger, &mut known, excused, None),
        }
        turn.state.triggers.insert(trigger.id.clone(), known);
    }
}

/// What `trigger` may believe now; a sample that rests on too few requests is a gap.
fn seen(sight: &Sight, trigger: &Trigger) -> Option<Measured> {
    let measured = evidence::measured(sight.state, sight.now, &trigger.backend, trigger.metric)?;
    Some(measured.and_then(|sample| if sample.requests < trigger.requests_min { Err(Gap::LowVolume) } else { Ok(sample) }))
}

fn judge(turn: &mut Turn, trigger: &Trigger, known: &mut TriggerState, sample: Sample) {
    if known.blind_since.take().is_some_and(|since| turn.earlier.since(since) >= BLIND_AFTER) {
        turn.tell(News::SeesAgain { trigger: trigger.id.clone() });
    }
    known.value = Some(sample.value);
    known.value_at = Some(sample.at);
    let newer = known.last_breach_at.is_none_or(|last| sample.at > last);
    if sample.value > trigger.above {
        known.reading = Reading::Breach;
        if known.pending_since.is_none() {
            known.pending_since = Some(sample.at.min(turn.now));
            known.breaches = 0;
            turn.tell(News::Breached { trigger: trigger.id.clone(), value: sample.value, acts_in: trigger.lasting });
        }
        if newer {
            known.breaches = known.breaches.saturating_add(1);
            known.last_breach_at = Some(sample.at);
        }
    } else if newer {
        known.reading = Reading::Ok;
        if known.pending_since.take().is_some() {
            turn.tell(News::Cleared { trigger: trigger.id.clone(), value: sample.value });
        }
        known.breaches = 0;
        known.withheld_since = None;
    } else {
        // An echo of something older than the breach, which therefore can't end it.
        known.reading = Reading::Breach;
    }
}

fn go_blind(turn: &mut Turn, trigger: &Trigger, known: &mut TriggerState, excused: bool, gap: Option<Gap>) {
    if excused {
        known.blind_since = None;
        return;
    }
    let since = *known.blind_since.get_or_insert_with(|| unseen_since(turn));
    if turn.crossed(since, BLIND_AFTER) {
        turn.tell(News::Blind { trigger: trigger.id.clone(), gap });
    }
}

/// Since when a trigger that sees nothing at this entry has seen nothing: nobody looked while the host itself was silent. Such a silence
/// counts for as much as forbids an advance and no more, since what acts by itself must have been watched.
fn unseen_since(turn: &Turn) -> Timestamp {
    let silence = turn.now.since(turn.earlier);
    if silence > SILENT_AFTER { turn.now.before(silence.min(BLIND_AFTER)) } else { turn.now }
}

/// Why any of the route's triggers forbids an advance.
pub(super) fn forbids(sight: &Sight, route: &Route) -> Option<Refusal> {
    let of_route = sight.plan.triggers.iter().filter(|trigger| trigger.route == route.id);
    of_route.filter_map(|trigger| blind::forbids(sight.state, sight.now, trigger, seen(sight, trigger))).next()
}

/// Lets act what has been breached, or blind, for long enough.
pub(super) fn fire(turn: &mut Turn) {
    for route in &turn.plan.routes {
        let of_route = turn.plan.triggers.iter().filter(|trigger| trigger.route == route.id);
        let due: Vec<_> = of_route.clone().filter(|trigger| is_due(turn, trigger)).collect();
        let due: Vec<_> = due.into_iter().map(|trigger| (trigger, consequence(&turn.sight(), route, trigger))).collect();
        let goes_home = due.iter().any(|(_, then)| *then == Then::GoesHome);
        let mut firing = Vec::new();
        for (trigger, then) in due {
            match then {
                Then::GoesHome => firing.push(trigger),
                // One that another's rollback cures is among its causes.
                Then::Withheld { .. } if goes_home => firing.push(trigger),
                Then::Withheld { home } => withhold(turn, trigger, home),
                Then::Holds | Then::Disarmed { .. } => announce_hold(turn, trigger),
                Then::NobodyThere | Then::Done | Then::HomeNotProven { .. } => {}
            }
        }
        if !firing.is_empty() {
            fire_home(turn, route, &firing);
        }
        of_route.for_each(|trigger| act_on_blindness(turn, route, trigger));
    }
}

/// What the end of a breach's time brings now. A trigger that watches home itself can only hold.
pub(super) fn consequence(sight: &Sight, route: &Route, trigger: &Trigger) -> Then {
    if trigger.action == TriggerAction::Hold || trigger.backend == route.home {
        return Then::Holds;
    }
    if let Some(instance) = readiness::disarmed(sight.plan, sight.state) {
        return Then::Disarmed { instance };
    }
    let state = sight.route(route);
    if exposure::has(state, sight.now, &trigger.backend) == PerMille::ZERO {
        return Then::NobodyThere;
    }
    // Home is accepted already, and those who are still there follow.
    if state.latch.is_some() && standing::rests_at(state, &standing::home(route)) {
        return Then::Done;
    }
    let named = state.latch.as_ref().is_some_and(|latch| standing::names(latch, &trigger.id));
    if named && !proven_again(sight, route, trigger) {
        return Then::Done;
    }
    // Everybody's traffic is not sent to a home that is proven dead, as long as the target still answers some.
    let dead = |backend| sight.state.backends.get(backend).is_some_and(|known| evidence::proven_dead(known, sight.now));
    if dead(&route.home) && !dead(&trigger.backend) {
        return Then::Withheld { home: route.home.clone() };
    }
    Then::GoesHome
}

/// What five minutes of blindness bring now. Blindness proves nothing against the target, so only a home that is proven ready is worth
/// moving everybody to, and only while users are on both sides.
pub(super) fn blind_consequence(sight: &Sight, route: &Route, trigger: &Trigger) -> Then {
    let state = sight.route(route);
    if state.latch.is_some() {
        return Then::Done;
    }
    if !exposure::possible(state).any(|weights| (1..WHOLE).contains(&weights.of(&route.target).get())) {
        return Then::NobodyThere;
    }
    match (trigger.on_blind, state.readiness.against.first(), readiness::disarmed(sight.plan, sight.state)) {
        (OnBlind::Hold, ..) => Then::Holds,
        (OnBlind::Rollback, _, Some(instance)) => Then::Disarmed { instance },
        (OnBlind::Rollback, Some(why), None) => Then::HomeNotProven { why: why.clone() },
        (OnBlind::Rollback, None, None) => Then::GoesHome,
    }
}

fn is_due(turn: &Turn, trigger: &Trigger) -> bool {
    let known = turn.state.triggers.get(&trigger.id);
    known.is_some_and(|known| {
        known.breaches >= BREACHES_MIN && known.pending_since.is_some_and(|since| turn.now.since(since) >= trigger.lasting)
    })
}

fn announce_hold(turn: &mut Turn, trigger: &Trigger) {
    let now = turn.now;
    let Some(known) = turn.state.triggers.get_mut(&trigger.id) else { return };
    if known.fired_at.is_some() && known.fired_at >= known.pending_since {
        return;
    }
    known.fired_at = Some(now);
    turn.tell(News::Fired { trigger: trigger.id.clone() });
}

fn fire_home(turn: &mut Turn, route: &Route, firing: &[&Trigger]) {
    let now = turn.now;
    let mut fired = Vec::new();
    for trigger in firing {
        if let Some(known) = turn.state.triggers.get_mut(&trigger.id) {
            known.fired_at = Some(now);
            known.withheld_since = None;
            fired.push(Fired { trigger: trigger.id.clone(), value: known.value });
        }
    }
    rollback::begin(turn, route, Cause::Triggers(fired));
}

/// Whether a trigger that has brought the route home once has proven its breach anew, for its whole time, since somebody else moved the
/// traffic back out. Against others who keep doing that nobody fights.
fn proven_again(sight: &Sight, route: &Route, trigger: &Trigger) -> bool {
    let state = sight.route(route);
    let Some(drift) = state.drift.as_ref().filter(|_| !standing::is_contended(state, sight.now)) else { return false };
    let long = sight.now.since(drift.since) >= trigger.lasting;
    let since = |known: &TriggerState| known.last_breach_at.is_some_and(|last| last > drift.since);
    long && sight.state.triggers.get(&trigger.id).is_some_and(since)
}

/// Says once that it would go home, and why it doesn't. Tried again at each entry.
fn withhold(turn: &mut Turn, trigger: &Trigger, home: BackendId) {
    let now = turn.now;
    let Some(known) = turn.state.triggers.get_mut(&trigger.id) else { return };
    if known.withheld_since.is_none() {
        known.withheld_since = Some(now);
        turn.tell(News::Withheld { trigger: trigger.id.clone(), home });
    }
}

fn act_on_blindness(turn: &mut Turn, route: &Route, trigger: &Trigger) {
    let Some(known) = turn.state.triggers.get(&trigger.id) else { return };
    let Some(since) = known.blind_since.filter(|since| turn.now.since(*since) >= BLIND_ACTS_AFTER) else { return };
    let (gap, first) = (known.reading.gap(), turn.crossed(since, BLIND_ACTS_AFTER));
    let (trigger_id, home_unproven) = (trigger.id.clone(), trigger.on_blind == OnBlind::Rollback);
    match blind_consequence(&turn.sight(), route, trigger) {
        Then::GoesHome => {
            rollback::begin(turn, route, Cause::Blind { trigger: trigger_id, gap });
        }
        Then::Holds | Then::Disarmed { .. } | Then::HomeNotProven { .. } if first => {
            turn.tell(News::BlindHeld { trigger: trigger_id, gap, home_unproven });
        }
        Then::Holds | Then::Disarmed { .. } | Then::HomeNotProven { .. } | Then::NobodyThere | Then::Done | Then::Withheld { .. } => {}
    }
}

/// Begins the windows of a route's triggers anew; only a human's re-arming does this.
pub(super) fn rearm(turn: &mut Turn, route: &Route) {
    for trigger in turn.plan.triggers.iter().filter(|trigger| trigger.route == route.id) {
        if let Some(known) = turn.state.triggers.get_mut(&trigger.id) {
            known.pending_since = None;
            known.breaches = 0;
            known.withheld_since = None;
        }
    }
}

/// After a silence of the host, what was breached before it must be proven again; the clock of the breach runs on.
pub(super) fn ask_for_fresh_proof(turn: &mut Turn) {
    for known in turn.state.triggers.values_mut() {
        known.breaches = 0;
    }
}
