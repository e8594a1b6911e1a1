//! The front door of a route as it was met: who answered, with what, and which rule that has run into.
//!
//! Normal is what the plan expects, and where it says nothing, what home answers through the same door. A verdict needs few requests,
//! since it is taken on counts: as many as the last minute has, or thirty, or those of five minutes. This file holds what was met and
//! answers questions about it; `front_door` fills it, `failing` and `unlike` draw conclusions.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        evidence::FRESH,
        exposure, seen,
        state::{Share, State},
        tally::Tally,
    },
    domain::{
        answer::{AnswerClass, AnswerKind, Answers},
        id::BackendId,
        shared,
        table::Table,
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::Route,
};

/// What is older says nothing of now, however few requests there were since.
pub(super) const KEPT: Millis = Millis::from_mins(5);
/// All answers of this span count.
pub(super) const WINDOW: Millis = Millis::from_secs(60);
/// With fewer answers than this in the window, older ones are taken in.
const ANSWERS_WANTED: u64 = 30;
/// So many answers that are as they should be say that a backend answers.
pub const ANSWERS_TELL: u64 = 3;
/// An answer that home gives less often than this is not what one comes for.
const USUAL_SHARE: f64 = 0.05;

/// The front door of one route.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FrontDoor {
    /// The looks of the last five minutes, oldest first; copies of the state share them.
    #[serde(with = "shared::list")]
    pub looks: VecDeque<Arc<DoorLook>>,
    /// What they come to; counted again by whoever reads a state.
    #[serde(skip)]
    pub(super) tally: Tally,
    /// What home answers there, from when it last gave enough answers to tell.
    pub usual: Option<Answers>,
    /// By the backend that gave the answers.
    pub met: Table<BackendId, Met>,
    /// Unmarked failures that can't be laid at any backend's door, out of all answers.
    pub nobodys: Option<Met>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorLook {
    pub at: Timestamp,
    pub answers: Table<BackendId, Answers>,
    pub unmarked: Answers,
}

/// What was met of one backend lately, and which rule it has run into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Met {
    /// When somebody last looked.
    pub at: Timestamp,
    /// When it last answered: the counts are of then, since no verdict changes without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
    pub answers: u64,
    /// Not what the plan expects, or not what home answers.
    pub failed: u64,
    /// The failing share, with its band.
    pub share: Share,
    /// More fail than the route tolerates.
    pub failing: Option<Proof>,
    /// The answers differ from home's.
    pub unlike: Option<Unlike>,
    /// It was breached when its last answer came, and none of those is young enough to speak of now: since when that answer is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Timestamp>,
}

/// A breach that was seen and has not been seen to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Since when it has been watched without a break.
    pub since: Timestamp,
    /// When an answer last spoke for it.
    pub last: Timestamp,
    /// Since when it would go home and home answers nobody.
    pub withheld_since: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unlike {
    pub difference: Difference,
    pub proof: Proof,
}

/// How a backend's answers differ from home's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What it answers too often.
    pub answer: AnswerKind,
    pub count: u64,
    /// Of so many answers.
    pub of: u64,
    /// What home answers most.
    pub home: AnswerKind,
}

/// What a look says of a rule.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Finding<T> {
    Breach(T),
    Clear,
    /// Too few answers to tell: neither ends a breach nor proves one.
    Unknown,
}

/// The answers that a verdict on one backend rests on.
pub(super) struct Evidence {
    pub own: Answers,
    /// Unmarked failures that are laid at its door.
    pub charged: u64,
    /// Good answers that bear nobody's mark, as many of them as may be its own: they speak against every breach of it.
    pub maybe_own: u64,
}

/// Whether the good answers of the last minute say who gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    Borne,
    /// Most don't, so a failure that does not says nothing of whose it is.
    Missing,
}

/// The answers among which a backend's newest are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Among {
    pub own: u64,
    /// Those that bear nobody's mark.
    pub unmarked: u64,
    /// Everybody's, marked or not.
    pub all: u64,
}

impl Among {
    fn add(&mut self, own: u64, unmarked: u64, look: &DoorLook) {
        self.own = self.own.saturating_add(own);
        self.unmarked = self.unmarked.saturating_add(unmarked);
        self.all = look.answers.values().chain([&look.unmarked]).map(Answers::total).fold(self.all, u64::saturating_add);
    }
}

/// Unmarked failures of the last minute, and whose they must be.
pub(super) struct Charge<'r> {
    pub to: Option<&'r BackendId>,
    pub failed: u64,
    /// All answers of that minute, marked or not.
    pub answers: u64,
}

impl Met {
    /// When the last answer spoke for a breach of which nothing is known any more: it was seen, and neither stands nor is over.
    pub fn unanswered(&self, now: Timestamp) -> Option<Timestamp> {
        match self.unanswered {
            // Nobody has looked for so long that what was met then says nothing either.
            None if now.since(self.at) > KEPT => self.last_spoken(),
            known => known,
        }
    }

    /// When an answer last spoke for a breach of it.
    pub(super) fn last_spoken(&self) -> Option<Timestamp> {
        let proofs = self.failing.iter().chain(self.unlike.iter().map(|unlike| &unlike.proof));
        proofs.map(|proof| proof.last).max()
    }
}

impl Proof {
    pub(super) fn begun(now: Timestamp) -> Proof {
        Proof { since: now, last: now, withheld_since: None }
    }
    /// Whether answers have spoken for it over the whole of `span`.
    pub(super) fn spans(&self, span: Millis) -> bool {
        self.last.since(self.since) >= span
    }
    fn shift(&mut self, back: Millis) {
        self.since = self.since.before(back);
        self.last = self.last.before(back);
        self.withheld_since = self.withheld_since.map(|since| since.before(back));
    }
}

impl FrontDoor {
    /// Takes up a look, and lets go what is older than [`KEPT`].
    pub(super) fn take_up(&mut self, look: DoorLook, now: Timestamp) {
        self.looks.push_back(Arc::new(look));
        self.tally.follow(&mut self.looks, now);
    }

    /// The newest answers of `backend`: all of the last minute, and older ones while they are few.
    pub(super) fn answers(&self, backend: &BackendId, now: Timestamp) -> Answers {
        if let Some(own) = self.tally.recent(backend, ANSWERS_WANTED) {
            return own;
        }
        let mut own = Answers::default();
        for look in self.looks.iter().rev() {
            if now.since(look.at) > WINDOW && own.total() >= ANSWERS_WANTED {
                break;
            }
            if let Some(answers) = look.answers.get(backend) {
                own.add_all(answers);
            }
        }
        own
    }

    /// All that is remembered of a backend's answers.
    pub(super) fn remembered(&self, backend: &BackendId) -> Answers {
        if let Some(all) = self.tally.all(backend) {
            return all;
        }
        let mut all = Answers::default();
        self.looks.iter().filter_map(|look| look.answers.get(backend)).for_each(|answers| all.add_all(answers));
        all
    }

    /// Answers of the last half minute of this backend that were as they should be, and those that were not.
    pub(super) fn freshly_met(&self, route: &Route, backend: &BackendId, now: Timestamp) -> (u64, u64) {
        let fresh = self.looks.iter().rev().take_while(|look| now.since(look.at) <= FRESH);
        let counts = fresh.filter_map(|look| look.answers.get(backend)).map(|answers| {
            let good = answers.count(|kind| self.accepts(route, kind));
            (good, answers.total() - good)
        });
        counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// Whether an answer is what one comes for.
    pub(super) fn accepts(&self, route: &Route, kind: &AnswerKind) -> bool {
        if let Some(expect) = &route.expect {
            return expect.accepts(kind);
        }
        match (kind.class(), &self.usual) {
            (AnswerClass::ServerError | AnswerClass::Strange, _) => false,
            (_, Some(usual)) => usual.of(kind) as f64 >= USUAL_SHARE * usual.total() as f64,
            (AnswerClass::Success | AnswerClass::Redirect, None) => true,
            (AnswerClass::ClientError | AnswerClass::Elsewhere, None) => false,
        }
    }

    /// Whether most good answers of the last minute say who gave them. A load balancer's own are no good ones.
    pub(super) fn marks(&self, route: &Route) -> Marks {
        let marked = route.backend_ids().fold(0_u64, |sum, id| sum.saturating_add(self.tally.answers_of(id)));
        if self.tally.unmarked(|kind| self.accepts(route, kind)) > marked { Marks::Missing } else { Marks::Borne }
    }

    /// Whether every answer that is remembered says who gave it; `false` where only the looks tell.
    pub(super) fn marks_all(&self) -> bool {
        self.tally.holds_no_unmarked(|_| true)
    }

    /// Good answers without a mark among the looks that `backend`'s newest answers are of, as many as may be its own: no more than its share
    /// allows, by three standard errors.
    pub(super) fn maybe_own(&self, route: &Route, state: &State, backend: &BackendId) -> u64 {
        if self.tally.holds_no_unmarked(|kind| self.accepts(route, kind)) {
            return 0;
        }
        let good = |kind: &AnswerKind| self.accepts(route, kind);
        let Among { own, unmarked, all } =
            self.tally.newest(backend, ANSWERS_WANTED, good).unwrap_or_else(|| self.newest(backend, state.now, good));
        let (all, share) = (all as f64, exposure::has(state, &route.id, backend).fraction());
        let most = (all * share + seen::ERRORS * (all * share * (1.0 - share)).sqrt()).ceil() as u64;
        unmarked.min(most.saturating_sub(own))
    }

    /// The answers among which `backend`'s newest are, those without a mark that are of such a kind: of all looks of the last minute, and while it
    /// has answered too seldom of older ones, back to the last that met it.
    fn newest(&self, backend: &BackendId, now: Timestamp, good: impl Fn(&AnswerKind) -> bool) -> Among {
        let (mut sum, mut found) = (Among::default(), Among::default());
        for look in self.looks.iter().rev() {
            let is_young = now.since(look.at) <= WINDOW;
            if !is_young && sum.own >= ANSWERS_WANTED {
                break;
            }
            let own = look.answers.get(backend).map_or(0, Answers::total);
            sum.add(own, look.unmarked.count(&good), look);
            if is_young || own > 0 {
                found = sum;
            }
        }
        found
    }

    /// All answers of the last minute, and older ones back to the last of `backend`, but none from before `since`.
    pub(super) fn met_since(&self, backend: &BackendId, since: Timestamp, now: Timestamp) -> Among {
        let mut among = Among::default();
        for look in self.looks.iter().rev().take_while(|look| look.at > since) {
            if now.since(look.at) > WINDOW && among.own > 0 {
                break;
            }
            among.add(look.answers.get(backend).map_or(0, Answers::total), look.unmarked.total(), look);
        }
        among
    }

    /// A load balancer that can't reach a backend answers in its stead and marks nothing. As long as home is met as often as its share
    /// allows, unmarked failures can't be home's, and are laid at the one door that is left, if they are what that one lacks. Errors of the load
    /// balancer itself meet everybody: who is met as often as his share of all others' answers lacks none. Where good answers bear no marks
    /// either, a failure without one says nothing of whose it is.
    pub(super) fn charge<'r>(&self, route: &'r Route, state: &State) -> Charge<'r> {
        let (answers, home) = (self.tally.answers(), self.tally.answers_of(&route.home));
        let failed = self.tally.unmarked(|kind| !self.accepts(route, kind));
        let before = state.routes.get(&route.id).and_then(|known| known.before.as_ref());
        let splits = || exposure::possible(state, &route.id).chain(before);
        let least = splits().map(|weights| weights.of(&route.home)).min().unwrap_or(PerMille::ALL);
        let away = route.backend_ids().filter(|backend| **backend != route.home);
        let mut exposed = away.filter(|backend| exposure::has(state, &route.id, backend) > PerMille::ZERO);
        let only = exposed.next().filter(|_| exposed.next().is_none());
        let home_misses_some = seen::share(home, answers).high < least.fraction();
        let lacks_them = |target: &BackendId| {
            let most = splits().map(|weights| weights.of(target)).max().unwrap_or(PerMille::ZERO);
            let own = self.tally.answers_of(target);
            let all = home.saturating_add(own).saturating_add(failed);
            seen::misfit(own.saturating_add(failed), all, most) <= seen::misfit(own, all - failed, most)
        };
        let is_charged = |target: &&BackendId| !home_misses_some && self.marks(route) == Marks::Borne && lacks_them(target);
        Charge { to: only.filter(is_charged), failed, answers }
    }

    /// Whether a breach has not been seen to end.
    pub(super) fn is_pending(&self) -> bool {
        self.met.values().any(|met| met.failing.is_some() || met.unlike.is_some() || met.unanswered.is_some())
    }

    pub(super) fn rebase(&mut self, back: Millis) {
        self.looks.iter_mut().for_each(|look| Arc::make_mut(look).at = look.at.before(back));
        for met in self.met.values_mut().chain(&mut self.nobodys) {
            met.at = met.at.before(back);
            met.unanswered = met.unanswered.map(|since| since.before(back));
            met.answered = met.answered.map(|at| at.before(back));
            met.failing.iter_mut().for_each(|proof| proof.shift(back));
            met.unlike.iter_mut().for_each(|unlike| unlike.proof.shift(back));
        }
    }
}
