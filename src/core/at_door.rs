//! What follows from a breach at the front door: nothing advances, and where it leads home, it goes home once it has lasted.
//!
//! Two rules run into such breaches, `failing` and `unlike`; what they lead to is decided here, by the same function for the transition and
//! for its promise. It acts only on answers that spoke for the breach over the whole of its time.

use crate::{
    core::{
        decision::{Cause, Refusal},
        door::{Difference, Met, Proof},
        evidence, exposure, failing, newest,
        newest::Newest,
        news::News,
        outlook::{Awaited, Outlook, Then, Uncleared},
        pace, readiness,
        reason::DoorRule,
        rollback,
        sight::Sight,
        standing,
        turn::Turn,
        unlike,
    },
    domain::{
        answer::AnswerKind,
        id::BackendId,
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::{Route, UnlikeHome},
};

/// A breach at the front door that has not been seen to end.
pub(super) struct Breach<'a> {
    pub rule: DoorRule,
    pub backend: &'a BackendId,
    pub met: &'a Met,
    proof: Proof,
    /// It leads to what it leads to after this long.
    lasting: Millis,
}

/// All of a route's; what the plan ignores is none.
pub(super) fn breaches<'a>(sight: &Sight<'a>, route: &'a Route) -> Vec<Breach<'a>> {
    let mut found = Vec::new();
    let met = sight.route(route).front_door.met.iter();
    for (backend, met) in met.filter(|(_, met)| met.unanswered(sight.now).is_none()) {
        if let Some(unlike) = met.unlike.as_ref().filter(|_| !matches!(route.unlike_home, UnlikeHome::Ignore { .. })) {
            found.push(Breach { rule: DoorRule::Unlike, backend, met, proof: unlike.proof, lasting: unlike::LASTING });
        }
        if let Some(proof) = met.failing {
            let lasting = failing::trigger(sight, route, backend).map_or(Millis(0), |trigger| trigger.lasting);
            found.push(Breach { rule: DoorRule::Failing, backend, met, proof, lasting });
        }
    }
    found
}

/// Backends that users may be sent to, of which nothing is known any more since a breach was seen there: when the last answer spoke for it.
pub(super) fn unanswered<'a>(sight: &Sight<'a>, route: &'a Route) -> impl Iterator<Item = (&'a BackendId, Timestamp)> {
    let (now, state, id) = (sight.now, sight.state, &route.id);
    let met = sight.route(route).front_door.met.iter().filter_map(move |(backend, met)| Some((backend, met.unanswered(now)?)));
    met.filter(move |(backend, _)| exposure::has(state, id, backend) > PerMille::ZERO)
}

/// What users meet of `backend` at the front door as far as that speaks against it, whatever it counts itself.
pub(super) enum Word {
    Against {
        failed: u64,
        answers: u64,
        unlike: Option<Difference>,
    },
    /// It was breached, and nothing is known of it since.
    Unknown {
        since: Timestamp,
    },
}

/// What the front door says of `backend`, where it says no good; beyond `limit` a failing share does, and so does any breach.
pub(super) fn word(sight: &Sight, route: &Route, backend: &BackendId, limit: f64) -> Option<Word> {
    if let Some(breach) = breaches(sight, route).into_iter().find(|breach| breach.backend == backend) {
        let unlike = breach.met.unlike.as_ref().filter(|_| breach.rule == DoorRule::Unlike).map(|unlike| unlike.difference.clone());
        return Some(Word::Against { failed: breach.met.failed, answers: breach.met.answers, unlike });
    }
    if let Some((_, since)) = unanswered(sight, route).find(|(unanswered, _)| *unanswered == backend) {
        return Some(Word::Unknown { since });
    }
    let met = sight.route(route).front_door.met.get(backend).filter(|met| sight.now.since(met.at) <= evidence::FRESH)?;
    failing::is_above(limit, met.failed, met.share).then_some(Word::Against { failed: met.failed, answers: met.answers, unlike: None })
}

/// What the end of its time brings now.
pub(super) fn consequence(sight: &Sight, route: &Route, breach: &Breach<'_>) -> Then {
    then(sight, route, breach.backend, breach.rule, &breach.proof, breach.lasting)
}

fn then(sight: &Sight, route: &Route, backend: &BackendId, rule: DoorRule, proof: &Proof, lasting: Millis) -> Then {
    let state = sight.route(route);
    if exposure::has(sight.state, &route.id, backend) == PerMille::ZERO {
        return Then::NobodyThere;
    }
    // Nothing takes users away from home by itself, however it fails them, and a rollback cures nothing there.
    if *backend == route.home {
        return Then::Holds;
    }
    if standing::goes_home(route, state) {
        return Then::Done;
    }
    let named = state.latch.as_ref().is_some_and(|latch| standing::names_at_door(latch, backend, rule));
    let drift = state.drift.as_ref().filter(|_| !standing::is_contended(state, sight.now));
    let anew = drift.is_some_and(|drift| sight.now.since(drift.since) >= lasting && proof.last > drift.since);
    if named && !anew {
        return Then::Done;
    }
    if !leads_home(sight, route, backend, rule) {
        return Then::Holds;
    }
    if let Some(instance) = readiness::disarmed(sight.plan, sight.state) {
        return Then::Disarmed { instance };
    }
    if evidence::keeps_away_from_home(sight, route, backend) {
        return Then::Withheld { home: route.home.clone() };
    }
    Then::GoesHome
}

/// Whether the plan lets it lead home. Another site at the smallest rung meets few users, and a person decides.
fn leads_home(sight: &Sight, route: &Route, backend: &BackendId, rule: DoorRule) -> bool {
    match (rule, &route.unlike_home) {
        (DoorRule::Failing, _) => failing::trigger(sight, route, backend).is_some(),
        (DoorRule::Unlike, UnlikeHome::Rollback) => {
            route.ladder.first().is_none_or(|smallest| exposure::given(sight.state, &route.id, backend) > *smallest)
        }
        (DoorRule::Unlike, UnlikeHome::Hold { .. } | UnlikeHome::Ignore { .. }) => false,
    }
}

/// After how long a breach that begins now goes home, if it does.
pub(super) fn acts_in(sight: &Sight, route: &Route, backend: &BackendId, rule: DoorRule) -> Option<Millis> {
    let lasting = match rule {
        DoorRule::Unlike => unlike::LASTING,
        DoorRule::Failing => failing::trigger(sight, route, backend)?.lasting,
    };
    (then(sight, route, backend, rule, &Proof::begun(sight.now), lasting) == Then::GoesHome).then_some(lasting)
}

/// What a breach stands at, and what follows; and the newest answers that it is told by, of which both rest on one search.
pub(super) fn outlook(sight: &Sight, route: &Route, breach: &Breach<'_>) -> (Outlook, Option<Newest>) {
    let then = consequence(sight, route, breach);
    // What was met where nobody is any more is history, and its newest answers are not looked for.
    if then == Then::NobodyThere {
        return (Outlook::Idle, None);
    }
    let newest = newest(sight, route, breach);
    (follows(sight, route, breach, then, newest), newest)
}

fn follows(sight: &Sight, route: &Route, breach: &Breach<'_>, then: Then, newest: Option<Newest>) -> Outlook {
    let state = sight.route(route);
    let (since, lasting) = (breach.proof.since, breach.lasting);
    let awaits = awaits(sight, route, breach, newest);
    let running = |since, then| Outlook::Running { since, acts_at: since + lasting, then, lapses_at: None, awaits };
    match (then, &state.drift, &state.latch) {
        // Somebody moved traffic back out, so the breach is being proven anew.
        (Then::Done, Some(drift), _) if !standing::is_contended(state, sight.now) => match breach.proof.last > drift.since {
            true => running(since.max(drift.since), Then::GoesHome),
            // What was met before they were there again proves nothing of now.
            false => Outlook::Unproven { gap: None, uncleared: Uncleared { last: since.max(drift.since), counted: None }, armed_at: None },
        },
        (Then::NobodyThere, ..) => Outlook::Idle,
        (Then::Done, _, Some(latch)) if standing::names_at_door(latch, breach.backend, breach.rule) => Outlook::Fired { at: latch.at },
        // Another breach has led home.
        (Then::Done, ..) => Outlook::GoingHome,
        (then, ..) => running(since, then),
    }
}

/// Answers that come less often keep no time: a breach acts with one that comes after its time.
const OFTEN: Millis = Millis::from_secs(5);

/// A breach is proven by answers alone, and a small share of few requests gets them seldom.
fn awaits(sight: &Sight, route: &Route, breach: &Breach<'_>, newest: Option<Newest>) -> Awaited {
    let state = sight.route(route);
    let share = exposure::given(sight.state, &route.id, breach.backend).fraction();
    let failing = newest.map_or(breach.met.share.fraction, |newest| newest.share());
    let Some(rate) = pace::answers_per_second(state) else { return Awaited::Nothing };
    let rate = rate * share * failing;
    let every = if rate > 0.0 { Millis((1000.0 / rate).ceil() as u64) } else { Millis(0) };
    if every > OFTEN { Awaited::FailingAnswer { every } } else { Awaited::Nothing }
}

/// What users meet now of the kind that it is a breach of.
fn newest(sight: &Sight, route: &Route, breach: &Breach<'_>) -> Option<Newest> {
    let door = &sight.route(route).front_door;
    match (breach.rule, &breach.met.unlike) {
        (DoorRule::Unlike, Some(unlike)) => {
            let is_odd = |kind: &AnswerKind| unlike::is_odd(kind, Some(&unlike.difference), door.usual.as_ref());
            newest::newest(sight.state, route, breach.backend, is_odd)
        }
        (DoorRule::Unlike, None) | (DoorRule::Failing, _) => newest::failing(sight.state, route, breach.backend),
    }
}

/// Why what is met at the front door forbids an advance, each breach of it.
pub(super) fn forbids(sight: &Sight, route: &Route) -> Vec<Refusal> {
    let refusal = |breach: Breach<'_>| {
        let (backend, met) = (breach.backend.clone(), breach.met);
        match (breach.rule, &met.unlike) {
            (DoorRule::Unlike, Some(unlike)) => Refusal::UnlikeHome { backend, difference: Box::new(unlike.difference.clone()) },
            (DoorRule::Unlike, None) | (DoorRule::Failing, _) => {
                Refusal::FailingAtDoor { backend: Some(backend), failed: met.failed, answers: met.answers }
            }
        }
    };
    let nobodys = sight.route(route).front_door.nobodys.as_ref().filter(|met| met.failing.is_some());
    let nobodys = nobodys.map(|met| Refusal::FailingAtDoor { backend: None, failed: met.failed, answers: met.answers });
    let unanswered =
        unanswered(sight, route).map(|(backend, since)| Refusal::NotMetAnyMore { backend: backend.clone(), ago: sight.now.since(since) });
    breaches(sight, route).into_iter().map(refusal).chain(nobodys).chain(unanswered).collect()
}

/// Sends home what has lasted for long enough, once.
pub(super) fn fire(turn: &mut Turn, route: &Route) {
    let sight = turn.sight();
    let due = breaches(&sight, route).into_iter().filter(|breach| breach.proof.spans(breach.lasting));
    let due: Vec<_> = due.map(|breach| (consequence(&sight, route, &breach), breach.rule, cause(&breach))).collect();
    for (then, rule, cause) in due {
        match (then, &cause) {
            (Then::GoesHome, _) => {
                rollback::begin(turn, route, cause);
            }
            (Then::Withheld { home }, Cause::FailingAtDoor { backend, .. } | Cause::UnlikeHome { backend, .. }) => {
                withhold(turn, route, backend, rule, home);
            }
            (
                Then::Withheld { .. } | Then::Holds | Then::Disarmed { .. } | Then::HomeNotProven { .. } | Then::NobodyThere | Then::Done,
                _,
            ) => {}
        }
    }
}

fn cause(breach: &Breach<'_>) -> Cause {
    let (backend, met) = (breach.backend.clone(), breach.met);
    match (breach.rule, &met.unlike) {
        (DoorRule::Unlike, Some(unlike)) => Cause::UnlikeHome { backend, difference: Box::new(unlike.difference.clone()) },
        (DoorRule::Unlike, None) | (DoorRule::Failing, _) => Cause::FailingAtDoor { backend, failed: met.failed, answers: met.answers },
    }
}

/// Everybody's traffic is not sent to a home that is proven dead. Said once, tried again at each entry.
fn withhold(turn: &mut Turn, route: &Route, backend: &BackendId, rule: DoorRule, home: BackendId) {
    let now = turn.now;
    let Some(met) = turn.route_mut(route).front_door.met.get_mut(backend) else { return };
    let proof = match rule {
        DoorRule::Failing => met.failing.as_mut(),
        DoorRule::Unlike => met.unlike.as_mut().map(|unlike| &mut unlike.proof),
    };
    if let Some(proof) = proof.filter(|proof| proof.withheld_since.is_none()) {
        proof.withheld_since = Some(now);
        turn.tell(News::WithheldAtDoor { route: route.id.clone(), backend: backend.clone(), home });
    }
}
