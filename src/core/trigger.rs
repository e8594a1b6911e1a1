//! Triggers: what each may believe, and the moment when its breach is proven.
//!
//! A sample is judged by [`verdict`], a breach is proven by [`crate::core::proof`], and what can't be seen is the business of [`blind`].
//! This file does not move traffic: it calls [`rollback::begin`].

use crate::{
    core::{
        blind::{self, BLIND_ACTS_AFTER, BLIND_AFTER},
        decision::{Cause, Fired, Refusal},
        evidence, exposure,
        news::News,
        proof::{Change, Proof},
        readiness, rollback, standing, starvation,
        state::{Reading, TriggerState},
        turn::Turn,
        verdict::{self, Side},
    },
    domain::{
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
        let seen = seen(turn, trigger);
        let Some(mut known) = turn.state.triggers.remove(&trigger.id) else { continue };
        let elapsed = turn.now.since(known.read_at.unwrap_or(turn.now));
        known.read_at = Some(turn.now);
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
        turn.state.triggers.insert(trigger.id.clone(), known);
    }
}

fn seen(turn: &Turn, trigger: &Trigger) -> Seen {
    let why = |gap| match gap {
        Gap::LowVolume => starvation::why_few(turn.plan, turn.state, turn.now, trigger),
        other => other,
    };
    match evidence::measured(turn.state, turn.now, &trigger.backend, trigger.metric) {
        None => Seen::Nothing,
        Some(Err(gap)) => Seen::Gap(why(gap)),
        Some(Ok(sample)) => Seen::Sample(sample, verdict::side(&sample, trigger.above, trigger.requests_min).map_err(why)),
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

fn judge(turn: &mut Turn, trigger: &Trigger, known: &mut TriggerState, sample: &Sample, side: Result<Side, Gap>) {
    let (now, mut proof) = (turn.now, known.proof());
    let echo = !proof.is_newer(sample.at);
    known.value = Some(sample.value);
    known.value_at = Some(sample.at);
    let change = weigh(&mut proof, sample, side, now, trigger.lasting);
    known.set_proof(proof);
    let disaster = trigger.at_once.map_or(Change::Nothing, |at_once| {
        let side = verdict::side(sample, at_once.above, trigger.requests_min);
        weigh(&mut known.disaster, sample, side, now, at_once.lasting)
    });
    if change == Change::Began || disaster == Change::Began {
        let acts_in = known.fires_at(trigger).map_or(trigger.lasting, |at| at.since(now));
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
            known.withheld_since = None;
        }
    }
    sees(turn, trigger, known);
}

fn weigh(proof: &mut Proof, sample: &Sample, side: Result<Side, Gap>, now: Timestamp, lasting: Millis) -> Change {
    match side {
        Ok(Side::Beyond) => proof.beyond(sample.at, now, lasting),
        Ok(Side::Within) => proof.within(sample.at),
        Err(_) => Change::Nothing,
    }
}

fn sees(turn: &mut Turn, trigger: &Trigger, known: &mut TriggerState) {
    known.blind_since = None;
    if known.blind_said_at.take().is_some() {
        turn.tell(News::SeesAgain { trigger: trigger.id.clone() });
    }
}

fn cannot_see(turn: &mut Turn, trigger: &Trigger, known: &mut TriggerState, gap: Option<Gap>, elapsed: Millis) {
    if let Some(gap) = gap {
        known.reading = Reading::Unknown { gap };
    }
    match gap {
        // It sees, and can't tell; that holds, and is no blindness.
        Some(Gap::Undecided) => return sees(turn, trigger, known),
        Some(gap) if blind::excused(turn.state, turn.now, trigger, gap) => {
            (known.blind_since, known.blind_said_at) = (None, None);
            return;
        }
        Some(_) | None => {}
    }
    let now = turn.now;
    let since = *known.blind_since.get_or_insert(now.before(forbidding(elapsed)));
    let is_news = known.blind_said_at.is_none() && !gap.is_some_and(|gap| blind::is_filling(turn, trigger, gap, since));
    if is_news && now.since(since) >= BLIND_AFTER {
        known.blind_said_at = Some(now);
        turn.tell(News::Blind { trigger: trigger.id.clone(), gap });
    }
}

/// Why any of the route's triggers forbids an advance.
pub(super) fn forbids(turn: &Turn, route: &Route) -> Option<Refusal> {
    let of_route = turn.plan.triggers.iter().filter(|trigger| trigger.route == route.id);
    of_route.filter_map(|trigger| blind::forbids(turn.state, turn.now, trigger, seen(turn, trigger).gap())).next()
}

/// Lets act what has been breached, or blind, for long enough.
pub(super) fn fire(turn: &mut Turn) {
    for route in &turn.plan.routes {
        let of_route = turn.plan.triggers.iter().filter(|trigger| trigger.route == route.id);
        let due: Vec<_> = of_route.clone().filter(|trigger| is_due(turn, trigger)).collect();
        let (home, hold): (Vec<_>, Vec<_>) = due.into_iter().partition(|trigger| leads_home(turn, route, trigger));
        hold.into_iter().for_each(|trigger| announce_hold(turn, trigger));
        fire_home(turn, route, &home);
        of_route.for_each(|trigger| act_on_blindness(turn, route, trigger));
    }
}

fn is_due(turn: &Turn, trigger: &Trigger) -> bool {
    turn.state.triggers.get(&trigger.id).is_some_and(|known| known.is_due(trigger, turn.now))
}

/// Whether this trigger's breach is cured by going home. A trigger that watches home itself can only hold; so can any after a promotion.
fn leads_home(turn: &Turn, route: &Route, trigger: &Trigger) -> bool {
    let disarmed = readiness::disarmed(turn).is_some();
    trigger.action == TriggerAction::Rollback && trigger.backend != route.home && !disarmed
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

fn fire_home(turn: &mut Turn, route: &Route, due: &[&Trigger]) {
    let exposed = |trigger: &&&Trigger| exposure::most(turn.route(route), &trigger.backend) > PerMille::ZERO;
    let told = |trigger: &&&Trigger| {
        let named = turn.route(route).latch.as_ref().is_some_and(|latch| standing::names(latch, &trigger.id));
        named && !proven_again(turn, route, trigger)
    };
    let firing: Vec<&Trigger> = due.iter().filter(exposed).filter(|trigger| !told(trigger)).copied().collect();
    if firing.is_empty() || withheld(turn, route, &firing) {
        return;
    }
    let now = turn.now;
    let mut fired = Vec::new();
    for trigger in &firing {
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
fn proven_again(turn: &Turn, route: &Route, trigger: &Trigger) -> bool {
    let state = turn.route(route);
    let Some(drift) = state.drift.as_ref().filter(|_| !standing::is_contended(state, turn.now)) else { return false };
    let long = turn.now.since(drift.since) >= trigger.lasting;
    let since = |known: &TriggerState| known.last_breach_at.is_some_and(|last| last > drift.since);
    long && turn.state.triggers.get(&trigger.id).is_some_and(since)
}

/// Everybody's traffic is not sent to a home that is proven dead, as long as the target still answers some. Tried again at each entry.
fn withheld(turn: &mut Turn, route: &Route, firing: &[&Trigger]) -> bool {
    let dead = |backend| turn.state.backends.get(backend).is_some_and(|known| evidence::proven_dead(known, turn.now));
    if !dead(&route.home) || firing.iter().any(|trigger| dead(&trigger.backend)) {
        return false;
    }
    let now = turn.now;
    for trigger in firing {
        if let Some(known) = turn.state.triggers.get_mut(&trigger.id)
            && known.withheld_since.is_none()
        {
            known.withheld_since = Some(now);
            turn.tell(News::Withheld { trigger: trigger.id.clone(), home: route.home.clone() });
        }
    }
    true
}

fn act_on_blindness(turn: &mut Turn, route: &Route, trigger: &Trigger) {
    let Some(known) = turn.state.triggers.get(&trigger.id) else { return };
    let Some(since) = known.blind_since.filter(|since| turn.now.since(*since) >= BLIND_ACTS_AFTER) else { return };
    let first = turn.crossed(since, BLIND_ACTS_AFTER);
    let gap = known.reading.gap();
    let both_sides = exposure::possible(turn.route(route)).any(|weights| (1..WHOLE).contains(&weights.of(&route.target).get()));
    if !both_sides || turn.route(route).latch.is_some() {
        return;
    }
    // Blindness proves nothing against the target, so only a home that is proven ready is worth moving everybody to.
    let home_ready = turn.route(route).readiness.against.is_empty() && readiness::disarmed(turn).is_none();
    match trigger.on_blind {
        OnBlind::Rollback if home_ready => {
            rollback::begin(turn, route, Cause::Blind { trigger: trigger.id.clone(), gap });
        }
        OnBlind::Rollback if first => {
            turn.tell(News::BlindHeld { trigger: trigger.id.clone(), gap, home_unproven: true });
        }
        OnBlind::Hold if first => turn.tell(News::BlindHeld { trigger: trigger.id.clone(), gap, home_unproven: false }),
        OnBlind::Rollback | OnBlind::Hold => {}
    }
}

/// Begins the windows of a route's triggers anew; only a human's re-arming does this.
pub(super) fn rearm(turn: &mut Turn, route: &Route) {
    for trigger in turn.plan.triggers.iter().filter(|trigger| trigger.route == route.id) {
        if let Some(known) = turn.state.triggers.get_mut(&trigger.id) {
            known.set_proof(Proof { newest: known.last_breach_at, ..Proof::default() });
            known.disaster = Proof { newest: known.disaster.newest, ..Proof::default() };
            known.withheld_since = None;
        }
    }
}

/// After a silence of the host, what was breached before it must be proven again; the clock of the breach runs on.
pub(super) fn ask_for_fresh_proof(turn: &mut Turn) {
    for known in turn.state.triggers.values_mut() {
        known.breaches = 0;
        known.disaster.samples = 0;
    }
}
