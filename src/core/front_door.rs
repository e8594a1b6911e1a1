//! Each look through the front door, counted for the backends that answered and held against the rules.
//!
//! A breach that was found goes on until a look finds it clear; a look that can't tell neither ends it nor proves it. What was not
//! watched is proven anew, since what acts by itself must have been watched. A verdict changes by an answer alone, and by one that speaks
//! for the change: that an old answer leaves the window says nothing of now. Where no answers come any more, what was met stands until it is
//! too old to speak of now. Nothing is moved here.

use std::sync::Arc;

use crate::{
    core::{
        door::{Charge, DoorLook, Evidence, Finding, FrontDoor, KEPT, Met, Proof, Unlike},
        exposure, failing,
        news::News,
        seen,
        state::Share,
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
        let own = door.answers(backend, now);
        // Where nothing speaks against it, nothing has to speak for it.
        let maybe_own = if own.is_empty() && charged == 0 { 0 } else { door.maybe_own(route, turn.state, backend) };
        let evidence = Evidence { own, charged, maybe_own };
        let known = door.met.remove(backend);
        let heard = heard(&door, backend, charged > 0);
        let met = match (evidence.own.is_empty() && evidence.charged == 0, heard) {
            // What was laid at its door leaves the window sooner than its own answers do.
            (true, _) => known.and_then(|known| match known.answered.is_some_and(|at| now.since(at) <= KEPT) {
                true => Some(held(known, turn, watch)),
                false => unanswered(turn, route, backend, known),
            }),
            (false, None) => known.map(|known| held(known, turn, watch)),
            (false, Some(heard)) => Some(judged(turn, route, backend, &door, &evidence, known, (watch, heard))),
        };
        if let Some(met) = met {
            door.met.insert(backend.clone(), met);
        }
    }
    door.nobodys = nobodys(turn, route, &charge, &door);
    turn.route_mut(route).front_door = door;
}

/// What the newest look brought of one backend: its own answers, and those without a mark that are laid at its door.
struct Heard {
    own: Answers,
    unmarked: Answers,
}

/// Nothing where the newest look brought no answer of `backend`.
fn heard(door: &FrontDoor, backend: &BackendId, is_charged: bool) -> Option<Heard> {
    let newest = door.looks.back()?;
    let own = newest.answers.get(backend).cloned().unwrap_or_default();
    let unmarked = if is_charged { newest.unmarked.clone() } else { Answers::default() };
    (!own.is_empty() || !unmarked.is_empty()).then_some(Heard { own, unmarked })
}

/// What is left of a backend whose last answer is too old to speak of now. A breach that was seen is none any more: where users may still be
/// sent there, nothing is known of it until it answers again; where nobody is, it is history, and nobody is told.
fn unanswered(turn: &mut Turn, route: &Route, backend: &BackendId, known: Met) -> Option<Met> {
    let now = turn.now;
    let since = known.unanswered.or(known.last_spoken())?;
    let is_breach = known.unanswered.is_none();
    if exposure::has(turn.state, &route.id, backend) == PerMille::ZERO {
        return None;
    }
    if is_breach {
        let after = now.since(known.answered.unwrap_or(since));
        turn.tell(News::NotMetAnyMore { route: route.id.clone(), backend: backend.clone(), after });
    }
    Some(Met {
        at: now,
        answered: known.answered,
        answers: 0,
        failed: 0,
        share: seen::share(0, 0),
        failing: None,
        unlike: None,
        unanswered: Some(since),
    })
}

/// Somebody has looked, and it did not answer: what was met of it stands.
fn held(known: Met, turn: &Turn, watch: Watch) -> Met {
    let stands = |proof: Proof| went_on(&Finding::<()>::Unknown, Some(proof), turn, watch, Spoken::default()).unwrap_or(proof);
    let unlike = known.unlike.map(|unlike| Unlike { proof: stands(unlike.proof), ..unlike });
    Met { at: turn.now, failing: known.failing.map(stands), unlike, ..known }
}

fn judged(
    turn: &mut Turn,
    route: &Route,
    backend: &BackendId,
    door: &FrontDoor,
    evidence: &Evidence,
    known: Option<Met>,
    (watch, heard): (Watch, Heard),
) -> Met {
    let now = turn.now;
    let is_bad = |kind: &AnswerKind| !door.accepts(route, kind);
    let failed = evidence.own.count(is_bad).saturating_add(evidence.charged);
    // Where failures without a mark must be its own, so must good answers without one.
    let known_own = evidence.own.total().saturating_add(evidence.charged);
    let with_unmarked = known_own.saturating_add(evidence.maybe_own);
    let answers = if evidence.charged > 0 { with_unmarked } else { known_own };
    let was_unanswered = known.as_ref().and_then(|known| known.unanswered);
    let (was_failing, was_unlike) = known.map_or((None, None), |known| (known.failing, known.unlike));
    // What bears nobody's mark may be its own, and good: so few may fail at least.
    let share = Share { low: seen::share(failed, with_unmarked).low, ..seen::share(failed, answers) };
    let mut met = Met { at: now, answered: Some(now), answers, failed, share, failing: None, unlike: None, unanswered: None };

    let own = Spoken::of(&heard.own, is_bad);
    let spoken = Spoken { pro: own.pro + heard.unmarked.count(is_bad), ..own };
    let finding = failing::find(&turn.sight(), route, &met);
    met.failing = went_on(&finding, was_failing, turn, watch, spoken);
    failing::tell(turn, route, backend, &met, was_failing);
    let is_clear = finding == Finding::Clear;
    met.unanswered = was_unanswered.filter(|_| met.failing.is_none() && !is_clear);

    if *backend != route.home {
        let finding = unlike::find(&evidence.own, evidence.maybe_own, door.usual.as_ref());
        let known = was_unlike.as_ref().map(|was| was.proof);
        let difference = match &finding {
            Finding::Breach(difference) => Some(difference.clone()),
            Finding::Clear | Finding::Unknown => was_unlike.map(|was| was.difference),
        };
        let is_odd = |kind: &AnswerKind| unlike::is_odd(kind, difference.as_ref(), door.usual.as_ref());
        let proof = went_on(&finding, known, turn, watch, Spoken::of(&heard.own, is_odd));
        met.unlike = proof.zip(difference.clone()).map(|(proof, difference)| Unlike { difference, proof });
        met.unanswered = met.unanswered.filter(|_| met.unlike.is_none());
        unlike::tell(turn, route, backend, &met, known);
    }
    met
}

/// How many answers of the newest look spoke for a breach, and how many against it.
#[derive(Debug, Clone, Copy, Default)]
struct Spoken {
    pro: u64,
    contra: u64,
}

impl Spoken {
    fn of(answers: &Answers, speaks: impl Fn(&AnswerKind) -> bool) -> Spoken {
        let pro = answers.count(speaks);
        Spoken { pro, contra: answers.total() - pro }
    }
}

/// A breach after a look: it begins with an answer that speaks for it, goes on, and ends with one that speaks against it.
fn went_on<T>(finding: &Finding<T>, was: Option<Proof>, turn: &Turn, watch: Watch, spoken: Spoken) -> Option<Proof> {
    let now = turn.now;
    let known = match (finding, was) {
        (Finding::Breach(_), None) if spoken.pro > 0 => return Some(Proof::begun(now)),
        (Finding::Clear, Some(_)) if spoken.contra > 0 => return None,
        (_, None) => return None,
        (Finding::Breach(_) | Finding::Unknown | Finding::Clear, Some(known)) => known,
    };
    Some(match watch {
        Watch::Broken => Proof { withheld_since: known.withheld_since, ..Proof::begun(now) },
        Watch::Unbroken if spoken.pro > 0 => Proof { last: now, ..known },
        Watch::Unbroken => known,
    })
}

/// Failures that bear nobody's mark and can't be laid at any backend's door. That others leave the window makes them no more than they are.
fn nobodys(turn: &Turn, route: &Route, charge: &Charge<'_>, door: &FrontDoor) -> Option<Met> {
    let failed = if charge.to.is_some() { 0 } else { charge.failed };
    let share = seen::share(failed, charge.answers);
    let was = door.nobodys.as_ref().and_then(|met| met.failing);
    let answered = door.looks.back().is_some_and(|look| look.answers.values().chain([&look.unmarked]).any(|answers| !answers.is_empty()));
    let answered = if answered { Some(turn.now) } else { door.nobodys.as_ref().and_then(|met| met.answered) };
    let speaks = door.looks.back().is_some_and(|look| look.unmarked.count(|kind| !door.accepts(route, kind)) > 0);
    let is_beyond = failing::is_beyond(&turn.sight(), route, failed, share) && (speaks || was.is_some());
    (failed > 0).then_some(Met {
        at: turn.now,
        answered,
        answers: charge.answers,
        failed,
        share,
        failing: is_beyond.then(|| was.unwrap_or(Proof::begun(turn.now))),
        unlike: None,
        unanswered: None,
    })
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
