//! The contract of the core, checked after every entry, whoever drives it.
//!
//! [`Watch`] sees what was before, the entry, the decision and what is after. It keeps ledgers of its own and believes nothing that the
//! core says of itself: what it can work out from the entries alone it works out again. The numbers I1 to I27 are those of the safety
//! contract. It drives nothing, so the property tests, the storms and the benchmarks share it.

mod homes;
mod people;
mod promises;
mod readings;
mod record;
mod requests;
mod settled;
mod steering;
mod steps;
mod writes;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use cutover::domain::digest::Digest;
use cutover::{
    core::{
        decision::{Decision, Effect},
        event::Entry,
        record::Keeping,
        state::{Approval, Controls, Drift, Latch, Motion, PendingShift, RouteState, State},
    },
    domain::{
        id::{EffectId, RouteId, TriggerId},
        table::Table,
        time::Timestamp,
        weight::Weights,
    },
    plan::model::Plan,
};

pub(crate) use requests::what_if;
pub(crate) use settled::settled;

/// What did not hold, by its number in the contract.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Violation {
    pub invariant: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold: {}", self.invariant, self.what)
    }
}

pub(crate) type Check = Result<(), Violation>;

pub(crate) fn require(holds: bool, invariant: &'static str, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Violation { invariant, what: what() }) }
}

/// The parts of a state that an entry is compared with; far smaller than the state, so that a checked run stays fast.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    pub now: Timestamp,
    pub routes: Table<RouteId, Stood>,
    /// Triggers whose breach was being proven.
    pub pending: BTreeSet<TriggerId>,
    pub controls: Controls,
    pub approvals: BTreeMap<Digest, Approval>,
    /// Writes without an outcome, by their route.
    pub writing: BTreeMap<EffectId, RouteId>,
    /// Everything that has no outcome.
    pub in_flight: BTreeSet<EffectId>,
    pub keeping: Keeping,
}

/// How a route stood; what requests had shown of it is larger than all of this, and nobody compares it.
#[derive(Debug, Clone)]
pub(crate) struct Stood {
    pub wanted: Option<Weights>,
    pub motion: Motion,
    pub queued: Option<PendingShift>,
    pub latch: Option<Latch>,
    pub drift: Option<Drift>,
}

impl Stood {
    fn of(route: &RouteState) -> Stood {
        let RouteState { wanted, motion, queued, latch, drift, .. } = route;
        Stood { wanted: wanted.clone(), motion: motion.clone(), queued: queued.clone(), latch: latch.clone(), drift: drift.clone() }
    }
}

impl Before {
    pub(crate) fn of(state: &State) -> Before {
        Before {
            now: state.now,
            routes: state.routes.iter().map(|(id, route)| (id.clone(), Stood::of(route))).collect(),
            pending: pending(state),
            controls: state.controls.clone(),
            approvals: state.approvals.clone(),
            writing: writing(state),
            in_flight: state.in_flight.keys().copied().collect(),
            keeping: state.record.keeping.clone(),
        }
    }
}

fn pending(state: &State) -> BTreeSet<TriggerId> {
    state.triggers.iter().filter(|(_, known)| known.pending_since.is_some()).map(|(id, _)| id.clone()).collect()
}

fn writing(state: &State) -> BTreeMap<EffectId, RouteId> {
    let write = |deal: &Effect| match deal {
        Effect::Write { route, .. } => Some(route.clone()),
        Effect::Claim { .. } | Effect::Act { .. } | Effect::Read { .. } | Effect::Wake { .. } | Effect::Inject { .. } => None,
    };
    state.in_flight.iter().filter_map(|(id, flight)| Some((*id, write(&flight.deal)?))).collect()
}

/// One entry with everything around it.
pub(crate) struct Seen<'a> {
    pub plan: &'a Plan,
    pub before: &'a Before,
    pub entry: &'a Entry,
    pub decision: &'a Decision,
    pub after: &'a State,
}

/// The watchman with his ledgers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    /// The newest that left; names rise from entry to entry, so a lower one has been given before.
    newest: Option<EffectId>,
    writes: writes::Ledger,
    readings: readings::Ledger,
    promises: promises::Ledger,
    record: record::Ledger,
    people: people::Ledger,
    steering: steering::Ledger,
    steps: steps::Ledger,
}

impl Watch {
    /// Checks one entry.
    pub(crate) fn look(&mut self, before: &Before, entry: &Entry, decision: &Decision, after: &State) -> Check {
        let Some(opened) = &after.opened else { return Ok(()) };
        let seen = Seen { plan: &opened.plan, before, entry, decision, after };
        self.named_effects(&seen)?;
        self.readings.look(&seen)?;
        self.promises.look(&seen)?;
        self.record.look(&seen)?;
        self.people.look(&seen)?;
        self.writes.look(&seen)?;
        self.steering.look(&seen)?;
        self.steps.look(&seen)?;
        requests::look(&seen)?;
        homes::look(&seen)
    }

    /// I1: an effect is named by its entry, once, and is remembered until its outcome.
    fn named_effects(&mut self, seen: &Seen) -> Check {
        for (place, effect) in seen.decision.effects.iter().enumerate() {
            let named = effect.id.seq == seen.entry.seq && usize::from(effect.id.index) == place;
            let rises = self.newest.is_none_or(|newest| newest < effect.id);
            require(named && rises, "I1", || format!("effect {} of entry {}", effect.id, seen.entry.seq))?;
            self.newest = Some(effect.id);
            let kept = seen.after.in_flight.get(&effect.id).is_some_and(|flight| flight.deal == effect.what);
            let wake = matches!(effect.what, Effect::Wake { .. });
            require(kept != wake, "I1", || format!("{effect:?} left and is not in flight, or is a wake that is"))?;
        }
        Ok(())
    }
}
