//! The object that holds a route's weights, as the API that owns it would treat it: compare-and-set, and writes that end when they like.

use std::collections::{BTreeMap, VecDeque};

use cutover::domain::{
    claim::{Claim, Claimed},
    fact::Accepted,
    fault::{Fault, FaultKind, Outcome, Receipt, Version},
    hindrance::Hindrance,
    id::{BackendId, EffectId, RouteId},
    shown::Shown,
    time::Timestamp,
    weight::{PerMille, Weights},
};

use super::ops::Meddling;

/// Appearance that may still arrive late.
const PAST_MAX: usize = 6;

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub route: RouteId,
    pub home: BackendId,
    pub target: BackendId,
    /// As they stand in the document: one backend may stand there twice, or with nothing, or be nobody's in the plan.
    entries: Vec<(BackendId, u16)>,
    version: u64,
    actor: Option<Shown>,
    claimed: Claimed,
    /// How often somebody has written the claim by hand.
    edits: u32,
    /// What looks found that began earlier, and when they began.
    past: VecDeque<(Timestamp, Accepted)>,
    /// Writes of ours that were never answered for and may still happen.
    open: Vec<Asked>,
    /// Writes that took effect, in their order.
    pub done: Vec<Done>,
}

/// A write that took effect: whose it was, what it made of the object, and whose claim it found there.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub effect: EffectId,
    /// `None`: it was of who steers alone.
    pub to: Option<Weights>,
    pub claim: Option<Claim>,
    pub found: Claimed,
    /// How often somebody had written the claim by hand by then.
    pub edits: u32,
}

/// What a write asks for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub effect: EffectId,
    pub to: Option<Weights>,
    pub claim: Option<Claim>,
    pub version: Version,
}

impl Object {
    pub(crate) fn new(route: &str, home: &str, target: &str) -> Object {
        let name = |text: &str| text.parse().expect("a name");
        let (home, target): (BackendId, BackendId) = (name(home), name(target));
        let entries = vec![(home.clone(), 1000), (target.clone(), 0)];
        let route = route.parse().expect("a name");
        let (past, claimed) = (VecDeque::new(), Claimed::Nobody);
        Object { route, home, target, entries, version: 1, actor: None, claimed, edits: 0, past, open: Vec::new(), done: Vec::new() }
    }

    /// The target at `share`, home at the rest, and nobody else.
    pub(crate) fn at(&self, share: u16) -> Weights {
        let share = PerMille::new(share).expect("at most 1000");
        let home = Weights::all_on(&self.home, [&self.home, &self.target]);
        home.with(&self.target, share).expect("the target is one of its backends")
    }
    /// Whom requests meet; where every entry has nothing, they meet nobody.
    pub(crate) fn weights(&self) -> Weights {
        let mut sums: BTreeMap<BackendId, PerMille> = [&self.home, &self.target].map(|id| (id.clone(), PerMille::ZERO)).into();
        for (id, weight) in self.entries.iter().filter(|(id, weight)| *weight > 0 || sums.contains_key(id)).cloned().collect::<Vec<_>>() {
            let sum = sums.entry(id).or_default();
            *sum = sum.saturating_add(weight);
        }
        if self.has_nothing() {
            sums.insert("nobody".parse().expect("a name"), PerMille::ALL);
        }
        Weights::new(sums).expect("entries sum to the whole, or to nothing")
    }
    fn has_nothing(&self) -> bool {
        self.entries.iter().all(|(_, weight)| *weight == 0)
    }
    fn is_planned(&self, id: &BackendId) -> bool {
        *id == self.home || *id == self.target
    }

    /// What a driver reports beside the weights.
    fn hindrances(&self) -> Vec<Hindrance> {
        let weights = self.weights();
        let stranger = |(backend, share): (&BackendId, PerMille)| Hindrance::Stranger {
            backend: backend.clone(),
            name: Shown::new(backend.as_str()),
            share,
        };
        let strangers = weights.iter().filter(|(id, share)| !self.is_planned(id) && share.get() > 0).map(stranger);
        let missing = [&self.home, &self.target].into_iter().filter(|id| self.entries.iter().all(|(known, _)| known != *id));
        let missing = missing.map(|id| Hindrance::NoEntry { backend: id.clone(), name: Shown::new(id.as_str()) });
        strangers.chain(missing).chain(self.has_nothing().then_some(Hindrance::AllZero)).collect()
    }
    pub(crate) fn version(&self) -> Version {
        Version(format!("v{}", self.version))
    }

    /// What a look finds now.
    pub(crate) fn look(&self) -> Accepted {
        let (weights, version, hindrances) = (self.weights(), self.version(), self.hindrances());
        let (route, actor, claimed) = (self.route.clone(), self.actor.clone(), self.claimed.clone());
        Accepted { route, weights, version, actor, changed_at: None, hindrances, claimed }
    }
    /// A look begins whose answer may come much later.
    pub(crate) fn begin_look(&mut self, now: Timestamp) {
        self.past.push_back((now, self.look()));
        if self.past.len() > PAST_MAX {
            self.past.pop_front();
        }
    }
    pub(crate) fn late_look(&mut self) -> Option<(Timestamp, Accepted)> {
        self.past.pop_front()
    }
    pub(crate) fn forget_past(&mut self) {
        self.past.clear();
    }

    pub(crate) fn foreign(&mut self, share: u16) {
        self.entries = vec![(self.home.clone(), 1000 - share), (self.target.clone(), share)];
        self.touched(Some("terraform@ci"));
    }
    /// Somebody writes into the document what no plan foresees.
    pub(crate) fn meddle(&mut self, meddling: Meddling) {
        let moon: BackendId = "moon".parse().expect("a name");
        let largest = (0..self.entries.len()).max_by_key(|place| self.entries[*place].1);
        match (meddling, largest) {
            (Meddling::PutIn(share), Some(largest)) => {
                let taken = share.min(self.entries[largest].1);
                self.entries[largest].1 -= taken;
                self.entries.push((moon, taken));
            }
            (Meddling::TakeOut, _) => {
                let freed = self.entries.iter().filter(|(id, _)| *id == moon).map(|(_, weight)| weight).sum();
                self.entries.retain(|(id, _)| *id != moon);
                self.entries.push((self.home.clone(), freed));
            }
            (Meddling::Twice, Some(largest)) => {
                let (id, weight) = self.entries[largest].clone();
                self.entries[largest].1 = weight / 2;
                self.entries.push((id, weight - weight / 2));
            }
            (Meddling::Idle, _) => self.entries.push((moon, 0)),
            (Meddling::TargetGone, _) if self.share() == 0 => self.entries.retain(|(id, _)| *id != self.target),
            (Meddling::AllZero, _) => self.entries.iter_mut().for_each(|(_, weight)| *weight = 0),
            (Meddling::TargetGone, _) | (Meddling::PutIn(_) | Meddling::Twice, None) => return,
        }
        self.touched(Some("root@console"));
    }
    pub(crate) fn share(&self) -> u16 {
        self.weights().of(&self.target).get()
    }

    /// The API takes a write in.
    pub(crate) fn write(&mut self, asked: Asked) -> Outcome {
        let Asked { effect, to, claim, version } = asked;
        if version != self.version() {
            return Outcome::NotDone(Fault::new(FaultKind::Conflict, "412"));
        }
        if let Some(to) = &to {
            self.set(to);
        }
        let found = self.claimed.clone();
        if let Some(claim) = &claim {
            self.claimed = Claimed::By(Box::new(claim.clone()));
        }
        self.touched(None);
        self.done.push(Done { effect, to, claim, found, edits: self.edits });
        Outcome::Done(Receipt { version: Some(self.version()), operation: None })
    }

    /// It may still happen, or never.
    pub(crate) fn leave_open(&mut self, asked: Asked) {
        self.open.push(asked);
    }
    /// Somebody takes the claim away, or puts another there.
    pub(crate) fn claim(&mut self, claimed: Claimed) {
        self.claimed = claimed;
        self.edits += 1;
        self.touched(Some("root@console"));
    }
    pub(crate) fn claimed(&self) -> &Claimed {
        &self.claimed
    }
    pub(crate) fn land(&mut self, which: usize) {
        if self.open.is_empty() {
            return;
        }
        let asked = self.open.remove(which % self.open.len());
        self.write(asked);
    }
    pub(crate) fn drop_open(&mut self) {
        self.open.clear();
    }

    /// A driver sets the whole split: each of the plan's backends once, and nothing for anybody else.
    fn set(&mut self, to: &Weights) {
        for place in 0..self.entries.len() {
            let id = self.entries[place].0.clone();
            let is_first = self.is_planned(&id) && self.entries[..place].iter().all(|(earlier, _)| *earlier != id);
            self.entries[place].1 = if is_first { to.of(&id).get() } else { 0 };
        }
        for id in [self.home.clone(), self.target.clone()] {
            if self.entries.iter().all(|(known, _)| *known != id) && to.of(&id).get() > 0 {
                let weight = to.of(&id).get();
                self.entries.push((id, weight));
            }
        }
    }

    fn touched(&mut self, actor: Option<&str>) {
        self.version += 1;
        self.actor = actor.map(Shown::new);
    }
}
