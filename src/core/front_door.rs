//! Each look through the front door, counted for the backends that answered and held against the rules.
//!
//! A breach that was found goes on until a look finds it clear; a look that can't tell neither ends it nor proves it. What was not
//! watched is proven anew, since what acts by itself must have been watched. Nothing is moved here.

use std::sync::Arc;

use crate::{
    core::{
        door::{Charge, DoorLook, Evidence, Finding, FrontDoor, Met, Proof, Unlike},
        exposure, failing,
        news::News,
        seen,
        tally::Tally,
        turn::Turn,
        unlike,
    },
    domain::{
        answer::{AnswerKind, Answers},
        fact::Served,
        id::BackendId,
        time::Millis,
        weight::PerMille,
    },
    plan::model::Route,
};

/// Home has shown what is usual once it has given so many answers.
const USUAL_MIN: u64 = 20;
/// A longer time without a look is a break in the watch: half of the shortest proof.
const GAP_MAX: Millis = Millis(unlike::LASTING.0 / 2);

/// Whether somebody has looked often enough for a proof to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    Unbroken,
    Broken,
}

pub(super) fn served(turn: &mut Turn, route: &Route, served: &Served) {
    let now = turn.now;
    let mut door = std::mem::take(&mut turn.route_mut(route).front_door);
    let watch = match door.looks.back() {
        Some(last) if now.since(last.at) <= GAP_MAX => Watch::Unbroken,
        Some(_) | None => Watch::Broken,
    };
    door.take_up(DoorLook { at: now, answers: served.answers.clone(), unmarked: served.unmarked_answers.clone() }, now);
    let home = door.remembered(&route.home);
    if home.total() >= USUAL_MIN {
        door.usual = Some(home);
    }
    let charge = door.charge(route, turn.state);
    for backend in route.backend_ids() {
        let charged = if charge.to == Some(backend) { charge.failed } else { 0 };
        let evidence = Evidence { own: door.answers(backend, now), charged };
        let known = door.met.remove(backend);
        let met = match evidence.own.is_empty() && evidence.charged == 0 {
            true => known.and_then(|known| unanswered(turn, route, backend, known)),
            false => Some(judged(turn, route, backend, &door, &evidence, known, watch)),
        };
        door.met.extend(met.map(|met| (backend.clone(), met)));
    }
    door.nobodys = nobodys(turn, route, &charge);
    turn.route_mut(route).front_door = door;
}

/// What is left of a backend whose last answer is too old to speak of now. A breach that was seen is none any more: where users may still be
/// sent there, nothing is known of it until it answers again; where nobody is, there is nothing to know.
fn unanswered(turn: &mut Turn, route: &Route, backend: &BackendId, known: Met) -> Option<Met> {
    let now = turn.now;
    let since = known.unanswered.or(known.last_spoken())?;
    let is_breach = known.unanswered.is_none();
    let sent_there = exposure::has(turn.state, &route.id, backend) > PerMille::ZERO;
    if is_breach {
        turn.tell(News::NotMetAnyMore { route: route.id.clone(), backend: backend.clone(), after: now.since(since) });
    }
    sent_there.then(|| Met {
        at: now,
        answers: 0,
        failed: 0,
        share: seen::share(0, 0),
        failing: None,
        unlike: None,
        unanswered: Some(since),
    })
}

fn judged(
    turn: &mut Turn,
    route: &Route,
    backend: &BackendId,
    door: &FrontDoor,
    evidence: &Evidence,
    known: Option<Met>,
    watch: Watch,
) -> Met {
    let now = turn.now;
    let is_bad = |kind: &AnswerKind| !door.accepts(route, kind);
    let newest = door.looks.back();
    let newest_own = newest.and_then(|look| look.answers.get(backend));
    let failed = evidence.own.count(is_bad) + evidence.charged;
    let answers = evidence.own.total() + evidence.charged;
    let was_unanswered = known.as_ref().and_then(|known| known.unanswered);
    let (was_failing, was_unlike) = known.map_or((None, None), |known| (known.failing, known.unlike));
    let mut met = Met { at: now, answers, failed, share: seen::share(failed, answers), failing: None, unlike: None, unanswered: None };

    let speaks = newest_own.map_or(0, |own| own.count(is_bad))
        + newest.filter(|_| evidence.charged > 0).map_or(0, |look| look.unmarked.count(is_bad));
    let finding = failing::find(&turn.sight(), route, &met);
    met.failing = went_on(&finding, was_failing, turn, watch, speaks);
    failing::tell(turn, route, backend, &met, was_failing);
    let is_clear = finding == Finding::Clear;
    met.unanswered = was_unanswered.filter(|_| met.failing.is_none() && !is_clear);

    if *backend != route.home {
        let finding = unlike::find(&evidence.own, door.usual.as_ref());
        let known = was_unlike.as_ref().map(|was| was.proof);
        let difference = match &finding {
            Finding::Breach(difference) => Some(difference.clone()),
            Finding::Clear | Finding::Unknown => was_unlike.map(|was| was.difference),
        };
        let usual = |kind: &AnswerKind| door.usual.as_ref().map_or(0, |usual| usual.of(kind));
        let is_odd = |kind: &AnswerKind| usual(kind) == 0 || difference.as_ref().is_some_and(|difference| difference.answer == *kind);
        let speaks = newest_own.map_or(0, |own| own.count(is_odd));
        let proof = went_on(&finding, known, turn, watch, speaks);
        met.unlike = proof.zip(difference.clone()).map(|(proof, difference)| Unlike { difference, proof });
        met.unanswered = met.unanswered.filter(|_| met.unlike.is_none());
        unlike::tell(turn, route, backend, &met, known);
    }
    met
}

/// A breach after a look: it begins, goes on, or has ended. `speaks` answers of the newest look spoke for it.
fn went_on<T>(finding: &Finding<T>, was: Option<Proof>, turn: &Turn, watch: Watch, speaks: u64) -> Option<Proof> {
    let now = turn.now;
    let known = match (finding, was) {
        (Finding::Clear, _) | (Finding::Unknown, None) => return None,
        (Finding::Breach(_), None) => return Some(Proof::begun(now)),
        (Finding::Breach(_) | Finding::Unknown, Some(known)) => known,
    };
    Some(match watch {
        Watch::Broken => Proof { withheld_since: known.withheld_since, ..Proof::begun(now) },
        Watch::Unbroken if speaks > 0 => Proof { last: now, ..known },
        Watch::Unbroken => known,
    })
}

/// Failures that bear nobody's mark and can't be laid at any backend's door.
fn nobodys(turn: &Turn, route: &Route, charge: &Charge<'_>) -> Option<Met> {
    let failed = if charge.to.is_some() { 0 } else { charge.failed };
    let share = seen::share(failed, charge.answers);
    let failing = failing::is_beyond(&turn.sight(), route, failed, share).then(|| Proof::begun(turn.now));
    (failed > 0).then_some(Met { at: turn.now, answers: charge.answers, failed, share, failing, unlike: None, unanswered: None })
}

/// A human's word: what was met away from home is forgotten, and proven anew. What is usual at home stays.
pub(super) fn rearm(turn: &mut Turn, route: &Route) {
    let door = &mut turn.route_mut(route).front_door;
    for look in door.looks.iter_mut().map(Arc::make_mut) {
        look.answers.retain(|backend, _| *backend == route.home);
        look.unmarked = Answers::default();
    }
    door.tally = Tally::default();
    door.met.retain(|backend, _| *backend == route.home);
    door.nobodys = None;
}

/// After a silence of the host, what had been breached before it must be proven again for its whole time.
pub(super) fn ask_for_fresh_proof(turn: &mut Turn) {
    let now = turn.now;
    for met in turn.state.routes.values_mut().flat_map(|route| route.front_door.met.values_mut()) {
        // What was met before a silence that long says nothing of now, and nothing that it could go on from.
        met.unanswered = met.unanswered(now);
        if met.unanswered.is_some() {
            (met.failing, met.unlike) = (None, None);
        }
        let proofs = met.failing.iter_mut().chain(met.unlike.iter_mut().map(|unlike| &mut unlike.proof));
        proofs.for_each(|proof| *proof = Proof { withheld_since: proof.withheld_since, ..Proof::begun(now) });
    }
}
