//! The thing of a step, as a vendor would treat it: a version, work that takes its time, and answers that get lost.
#![allow(dead_code, reason = "nights and runs of chance each use their own part")]

use std::collections::{BTreeSet, VecDeque};

use cutover::domain::{
    fault::{Fault, FaultKind, Outcome, Receipt, Version},
    id::{EffectId, StepId},
    shown::Shown,
    standing::{Act, Change, Failed, Known, Standing, Underway},
    time::Timestamp,
};

/// What becomes of the thing of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Work that is under way ends well.
    Ends,
    Fails,
    /// Somebody else makes it so, or otherwise, at once.
    Others(bool),
    /// Somebody else sets work on it going.
    OthersWork(bool),
}

/// Looks that may still arrive late.
const PAST_MAX: usize = 4;

#[derive(Debug, Clone)]
pub(crate) struct Thing {
    pub step: StepId,
    version: u64,
    is_so: bool,
    /// Work that is under way, and what it makes of the thing.
    work: Option<(String, bool)>,
    failed: Option<Failed>,
    past: VecDeque<(Timestamp, Standing)>,
    /// Acts of ours that nobody answered and that may still be taken up.
    open: Vec<(EffectId, Act, Version)>,
    /// Acts that were taken up.
    pub taken: BTreeSet<EffectId>,
    /// One was taken up twice.
    pub twice: Option<EffectId>,
}

impl Thing {
    pub(crate) fn new(step: &str) -> Thing {
        Thing {
            step: step.parse().expect("a name"),
            version: 1,
            is_so: false,
            work: None,
            failed: None,
            past: VecDeque::new(),
            open: Vec::new(),
            taken: BTreeSet::new(),
            twice: None,
        }
    }

    pub(crate) fn look(&self) -> Standing {
        let version = Version(format!("s{}", self.version));
        match (&self.work, self.is_so) {
            (Some((operation, _)), _) => {
                Standing::Underway(Underway { operation: Shown::new(operation), since: None, progress: None, doing: Some("UPDATE".into()) })
            }
            (None, true) => Standing::Reached { version, evidence: vec![Known { what: "state".into(), value: "so".into() }] },
            (None, false) => {
                let change = Change { what: "state".into(), from: None, to: Some("so".into()) };
                Standing::Apart { version, changes: vec![change], failed: self.failed.clone().map(Box::new) }
            }
        }
    }
    pub(crate) fn begin_look(&mut self, now: Timestamp) {
        self.past.push_back((now, self.look()));
        if self.past.len() > PAST_MAX {
            self.past.pop_front();
        }
    }
    pub(crate) fn late_look(&mut self) -> Option<(Timestamp, Standing)> {
        self.past.pop_front()
    }
    pub(crate) fn forget_past(&mut self) {
        self.past.clear();
    }

    /// It may still be taken up, or never.
    pub(crate) fn leave_open(&mut self, effect: EffectId, act: Act, version: Version) {
        self.open.push((effect, act, version));
    }
    pub(crate) fn land(&mut self, which: usize) {
        if !self.open.is_empty() {
            let (effect, act, version) = self.open.remove(which % self.open.len());
            self.take(effect, act, &version);
        }
    }
    pub(crate) fn drop_open(&mut self) {
        self.open.clear();
    }

    /// An act arrives and is taken up, or refused.
    pub(crate) fn take(&mut self, effect: EffectId, act: Act, version: &Version) -> Outcome {
        if self.work.is_some() || version.0 != format!("s{}", self.version) {
            return Outcome::NotDone(Fault::new(FaultKind::Conflict, "409"));
        }
        if !self.taken.insert(effect) {
            self.twice = Some(effect);
        }
        let operation = format!("operation-{effect}");
        self.work = Some((operation.clone(), act == Act::Run));
        self.version += 1;
        Outcome::Done(Receipt { version: None, operation: Some(Shown::new(&operation)) })
    }

    /// What the vendor and others make of it.
    pub(crate) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Ends => {
                if let Some((_, makes)) = self.work.take() {
                    (self.is_so, self.failed) = (makes, None);
                }
            }
            Happening::Fails => {
                if let Some((operation, _)) = self.work.take() {
                    let why = Fault::new(FaultKind::Rejected, "INTERNAL_ERROR");
                    self.failed = Some(Failed { operation: Shown::new(&operation), why });
                }
            }
            Happening::Others(is_so) if self.work.is_none() => (self.is_so, self.version) = (is_so, self.version + 1),
            Happening::OthersWork(makes) if self.work.is_none() => {
                self.version += 1;
                self.work = Some((format!("elsewhere-{}", self.version), makes));
            }
            Happening::Others(_) | Happening::OthersWork(_) => {}
        }
    }
}
