//! Triggers: what each may believe, and the moment when its breach is proven.
//!
//! A sample is judged by [`verdict`], a breach is proven by [`crate::core::proof`], and what can't be seen is the business of [`blind`].
//! This file does not move traffic: it calls [`rollback::begin`].

use crate::{
    core::{
        blind::{self, BLIND_ACTS_AFTER, BLIND_AFTER},
        decision::{Cause, Fired, Refusal},
        evidence, exposure, gathered,
        news::News,
        outlook::Then,
        proof::{BreachProof, Change},
        readiness, rollback,
        sight::Sight,
        standing, starvation,
        state::{Reading, TriggerState},
        turn::Turn,
        verdict::{self, Side},
    },
    domain::{
        id::BackendId,
        metric::{Gap, Sample},
        time::{Millis, Timestamp},
        weight::{PerMille, WHOLE},
    },
    plan::model::{OnBlind, Route, Trigger, TriggerAction},
};

/// The session hears something at least once a second; after this long without any entry it was not there.
const SILENT_AFTER: Millis = Millis::from_secs(5);

/// What a trigger may believe at this instant.
enum Seen {
    /// Nothing was ever told.
    Nothing,
    Gap(Gap),
    /// A sample, and what it says of the trigger's own limit.
    Sample(Sample, Result<Side, Gap>),
}

impl Seen {
    /// Why nothing can be said of the limit, if so.
    fn gap(&self) -> Option<Option<Gap>> {
        match self {
            Seen::Nothing => Some(None),
            Seen::Gap(gap) | Seen::Sample(_, Err(gap)) => Some(Some(*gap)),
            Seen::Sample(_, Ok(_)) => None,
        }
    }
}

/// Brings every trigger's reading and proofs up to this instant.
pub(super) fn read(turn: &mut Turn) {
    for trigger in &turn.plan.triggers {
        let seen = seen(&turn.sight(), trigger);
        let Some(mut known) = turn.state.triggers.get(&trigger.id).cloned() else { continue };
        let elapsed = turn.now.since(known.read_at.unwrap_or(turn.now));
        known.read_at = Some(turn.now);
        let was_lapsed = known.is_lapsed(trigger);
        pass(turn, &mut known, elapsed, &seen);
        match seen {
            Seen::Nothing => cannot_see(turn, trigger, &mut known, None, elapsed),
            Seen::Gap(gap) => cannot_see(turn, trigger, &mut known, Some(gap), elapsed),
            Seen::Sample(sample, side) => {
                judge(turn, trigger, &mut known, &sample, side);
                if let Err(gap) = side {
                    cannot_see(turn, trigger, &mut known, Some(gap), elapsed);
                }
            }
        }
        if known.is_lapsed(trigger) && !was_lapsed && announces(turn, trigger) {
            turn.tell(News::NotProvenAnyMore { trigger: trigger.id.clone(), gap: known.reading.gap() });
        }
        if let Some(kept) = turn.state.triggers.get_mut(&trigger.id) {
            *kept = known;
        }
    }
}

/// Whether the end of a breach's time would bring anything that is not under way already.
fn announces(turn: &Turn, trigger: &Trigger) -> bool {
    let sight = turn.sight();
    let Some((route, _)) = sight.route_of(trigger) else { return false };
    match consequence(&sight, route, trigger) {
        Then::GoesHome | Then::Holds | Then::Withheld { .. } => true,
        Then::Disarmed { .. } | Then::HomeNotProven { .. } | Then::NobodyThere | Then::Done => false,
    }
}

fn seen(sight: &Sight, trigger: &Trigger) -> Seen {
    let why = |gap| if gap == Gap::LowVolume { starvation::why_few(sight, trigger) } else { gap };
    match evidence::measured(sight.state, sight.now, &trigger.backend, trigger.metric) {
        None => Seen::Nothing,
        Some(Err(gap)) => Seen::Gap(why(gap)),
        Some(Ok(sample)) => Seen::Sample(sample, verdict::side(trigger.metric, &sample, trigger.limit, trigger.requests_min).map_err(why)),
    }
}

/// Lets time pass for the proofs, and for blindness only as far as somebody watched.
fn pass(turn: &Turn, known: &mut TriggerState, elapsed: Millis, seen: &Seen) {
    let absent = elapsed > SILENT_AFTER;
    let unproven = match seen.gap() {
        Some(gap) => gap.is_none_or(|gap| !gap.is_dead_source()),
        None => false,
    };
    if absent || unproven {
        let mut proof = known.proof();
        proof.idle(elapsed);
        known.set_proof(proof);
        known.disaster.idle(elapsed);
    }
    if absent && let Some(since) = known.blind_since {
        known.blind_since = Some((since + elapsed).min(turn.now.before(forbidding(elapsed))));
    }
}

/// A silence of the host counts for as much as forbids an advance and no more, since what acts by itself must have been watched.
fn forbidding(silence: Millis) -> Millis {
    if silence > SILENT_AFTER { silence.min(BLIND_AFTER) } else { Millis(0) }
}

/// So much of a time as somebody watched.
fn watched(elapsed: Millis) -> Millis {
    if elapsed > SILENT_AFTER { Millis(0) } else { elapsed }
}

fn judge(turn: &mut Turn, trigger: &Trigger, known: &mut TriggerState, sample: &Sample, side: Result<Side, Gap>) {
    let (now, mut proof) = (turn.now, known.proof());
    let echo = !proof.is_newer(sample.at);
    known.value = Some(sample.value);
    known.value_at = Some(sample.at);
    // What was seen before a standstill proves nothing of the time behind it.
    let side_proven = |side: Result<Side, Gap>| match side {
        Ok(Side::Beyond) if turn.state.stood_still.is_some_and(|stood| sample.at <= stood.since) => Err(Gap::Stale),
        side => side,
    };
    let cadence = turn.plan.cadence_of(&trigger.backend, trigger.metric);
    // What comes late began earlier than it could be seen; a duration is counted from when it could.
    let seen_from = (sample.at + cadence.lateness).min(now);
    let change = weigh(&mut proof, sample, side_proven(side), seen_from, trigger.lasting);
    known.set_proof(proof);
    let disaster = trigger.at_once.map_or(Change::Nothing, |at_once| {
        let side = verdict::side(trigger.metric, sample, at_once.limit, trigger.requests_min);
        weigh(&mut known.disaster, sample, side_proven(side), seen_from, at_once.lasting)
    });
    if let Some(value) = gathered::take(known, trigger, sample, side, now, cadence.window) {
        known.begin_anew();
        turn.tell(News::Cleared { trigger: trigger.id.clone(), value });
    }
    if change == Change::Began || disaster == Change::Began {
        let acts_in = known.fires_at(trigger).map_or(trigger.lasting, |at| at.since(now));
        let acts_in = announces(turn, trigger).then_some(acts_in);
        turn.tell(News::Breached { trigger: trigger.id.clone(), value: sample.value, acts_in });
    }
    if change == Change::Cleared {
        turn.tell(News::Cleared { trigger: trigger.id.clone(), value: sample.value });
    }
    match side {
        Err(_) => return,
        Ok(Side::Beyond) => known.reading = Reading::Breach,
        // An echo of something older than the breach can't end it.
        Ok(Side::Within) if echo => known.reading = Reading::Breach,
        Ok(Side::Within) => {
            known.reading = Reading::Ok;
            // It speaks for the time of its data and not for what moved since.
            known.within_at = Some(now.before(cadence.lateness));
            known.withheld_since = None;
        }
    }
    sees(turn, trigger, known);
}

fn weigh(proof: &mut BreachProof, sample: &Sample, side: Result<Side, Gap>, seen_from: Timestamp, lasting: Millis) -> Change {
    match side {
        Ok(Side::Beyond) => proof.beyond(sample.at, seen_from, lasting),
        Ok(Side::Within) => proof.within(sample.at),
        Err(_) => Change::Nothing,
    }
}

fn sees(turn: &mut Turn, trigger: &Trigger, known: &mut TriggerState) {
    known.is_not_blind();
    if known.blind_said_at.take().is_some() {
        turn.tell(News::SeesAgain { trigger: trigger.id.clone() });
    }
}

fn cannot_see(turn: &mut Turn, trigger: &Trigger, known: &mut TriggerState, gap: Option<Gap>, elapsed: Millis) {
    let lacked = known.reading.gap().or(gap);
    if let Some(gap) = gap {
        known.reading = Reading::Unknown { gap };
    }
    match gap {
        // It sees, and can't tell; that holds, and is no blindness.
        Some(Gap::Undecided) => return sees(turn, trigger, known),
        Some(gap) if blind::excused(turn.state, turn.now, trigger, known, gap) => {
            if known.blind_said_at.take().is_some() {
                turn.tell(News::BlindExcused { trigger: trigger.id.clone(), gap });
            }
            known.is_not_blind();
            return;
        }
        Some(_) | None => {}
    }
    let now = turn.now;
    let since = *known.blind_since.get_or_insert(now.before(forbidding(elapsed)));
    if let Some(lacked) = lacked {
        known.lacks(lacked, watched(elapsed));
    }
    let is_news = known.blind_said_at.is_none() && !gap.is_some_and(|gap| blind::is_filling(&turn.sight(), trigger, gap, since));
    if is_news && now.since(since) >= BLIND_AFTER {
        known.blind_said_at = Some(now);
        turn.tell(News::Blind { trigger: trigger.id.clone(), gap: known.blind_for() });
    }
}

/// Why each of the route's triggers forbids an advance, if it does.
pub(super) fn forbids<'a>(sight: &Sight<'a>, route: &Route) -> impl Iterator<Item = Refusal> {
    let of_route = sight.plan.triggers.iter().filter(|trigger| trigger.route == route.id);
    of_route.filter_map(|trigger| blind::forbids(sight.state, sight.now, trigger, seen(sight, trigger).gap()))
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
    if exposure::has(sight.state, &route.id, &trigger.backend) == PerMille::ZERO {
        return Then::NobodyThere;
    }
    if standing::goes_home(route, state) {
        return Then::Done;
    }
    let named = state.latch.as_ref().is_some_and(|latch| standing::names(latch, &trigger.id));
    if named && !proven_again(sight, route, trigger) {
        return Then::Done;
    }
    // Everybody's traffic is not sent to a home that is proven dead, as long as the target still answers some.
    if evidence::keeps_away_from_home(sight, route, &trigger.backend) {
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
    if !exposure::possible(sight.state, &route.id).any(|weights| (1..WHOLE).contains(&weights.of(&route.target).get())) {
        // Where everybody is, blindness sends nobody home, and advances nothing either.
        let unsent = exposure::has(sight.state, &route.id, &trigger.backend) == PerMille::ZERO;
        return if unsent { Then::NobodyThere } else { Then::Holds };
    }
    match (trigger.on_blind, state.readiness.against.first(), readiness::disarmed(sight.plan, sight.state)) {
        (OnBlind::Hold, ..) => Then::Holds,
        (OnBlind::Rollback, _, Some(instance)) => Then::Disarmed { instance },
        (OnBlind::Rollback, Some(why), None) => Then::HomeNotProven { why: why.clone() },
        (OnBlind::Rollback, None, None) => Then::GoesHome,
    }
}

fn is_due(turn: &Turn, trigger: &Trigger) -> bool {
    turn.state.triggers.get(&trigger.id).is_some_and(|known| known.is_due(trigger, turn.now))
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
    let (gap, first) = (known.blind_for(), turn.crossed(since, BLIND_ACTS_AFTER));
    let (trigger_id, home_unproven) = (trigger.id.clone(), trigger.on_blind == OnBlind::Rollback);
    match blind_consequence(&turn.sight(), route, trigger) {
        Then::GoesHome => {
            let now = turn.now;
            if let Some(known) = turn.state.triggers.get_mut(&trigger.id) {
                known.fired_at = Some(now);
            }
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
            known.begin_anew();
        }
    }
}

/// After a silence of the host, or a time in which it stood still, what was breached before it must be proven again; the clock of the breach runs on.
pub(super) fn ask_for_fresh_proof(turn: &mut Turn) {
    for known in turn.state.triggers.values_mut() {
        known.breaches = 0;
        known.disaster.samples = 0;
    }
}
