//! The object that holds a route's weights, as the API that owns it would treat it: compare-and-set, and writes that end when they like.

use std::collections::VecDeque;

use cutover::domain::{
    fact::Accepted,
    fault::{Fault, FaultKind, Outcome, Receipt, Version},
    id::{BackendId, EffectId, RouteId},
    shown::Shown,
    time::Timestamp,
    weight::{PerMille, Weights},
};

/// Appearance that may still arrive late.
const PAST_MAX: usize = 6;

#[derive(Debug, Clone)]
pub struct Object {
    pub route: RouteId,
    pub home: BackendId,
    pub target: BackendId,
    pub weights: Weights,
    version: u64,
    actor: Option<Shown>,
    /// What looks found that began earlier, and when they began.
    past: VecDeque<(Timestamp, Accepted)>,
    /// Writes of ours that were never answered for and may still happen.
    open: Vec<Open>,
    /// Writes that took effect: whose they were and what they made of it.
    pub done: Vec<(EffectId, Weights)>,
}

#[derive(Debug, Clone)]
struct Open {
    effect: EffectId,
    to: Weights,
    version: Version,
}

impl Object {
    pub fn new(route: &str, home: &str, target: &str) -> Object {
        let name = |text: &str| text.parse().expect("a name");
        let (home, target): (BackendId, BackendId) = (name(home), name(target));
        let weights = Weights::all_on(&home, [&home, &target]);
        let route = route.parse().expect("a name");
        Object { route, home, target, weights, version: 1, actor: None, past: VecDeque::new(), open: Vec::new(), done: Vec::new() }
    }

    pub fn at(&self, share: u16) -> Weights {
        let share = PerMille::new(share).expect("at most 1000");
        self.weights.with(&self.target, share).expect("the target is one of its backends")
    }
    pub fn share(&self) -> u16 {
        self.weights.of(&self.target).get()
    }
    pub fn version(&self) -> Version {
        Version(format!("v{}", self.version))
    }

    /// What a look finds now.
    pub fn look(&self) -> Accepted {
        let (weights, version) = (self.weights.clone(), self.version());
        Accepted { route: self.route.clone(), weights, version, actor: self.actor.clone(), changed_at: None, hindrances: Vec::new() }
    }
    /// A look begins whose answer may come much later.
    pub fn begin_look(&mut self, now: Timestamp) {
        self.past.push_back((now, self.look()));
        if self.past.len() > PAST_MAX {
            self.past.pop_front();
        }
    }
    pub fn late_look(&mut self) -> Option<(Timestamp, Accepted)> {
        self.past.pop_front()
    }
    pub fn forget_past(&mut self) {
        self.past.clear();
    }

    pub fn foreign(&mut self, share: u16) {
        self.change(self.at(share), Some("terraform@ci"));
    }

    /// The API takes a write in.
    pub fn write(&mut self, effect: EffectId, to: &Weights, version: &Version) -> Outcome {
        if *version != self.version() {
            return Outcome::NotDone(Fault::new(FaultKind::Conflict, "412"));
        }
        self.change(to.clone(), None);
        self.done.push((effect, to.clone()));
        Outcome::Done(Receipt { version: Some(self.version()), operation: None })
    }

    /// It may still happen, or never.
    pub fn leave_open(&mut self, effect: EffectId, to: &Weights, version: &Version) {
        self.open.push(Open { effect, to: to.clone(), version: version.clone() });
    }
    pub fn land(&mut self, which: usize) {
        if self.open.is_empty() {
            return;
        }
        let Open { effect, to, version } = self.open.remove(which % self.open.len());
        self.write(effect, &to, &version);
    }
    pub fn drop_open(&mut self) {
        self.open.clear();
    }

    fn change(&mut self, to: Weights, actor: Option<&str>) {
        self.weights = to;
        self.version += 1;
        self.actor = actor.map(Shown::new);
    }
}
