//! What a session needs of the world, in domain words.
//!
//! Three small traits. An adapter implements one of them over some vendor's wire; the session holds them as trait objects and knows
//! nothing of HTTP. Every call has a deadline of its own inside the adapter, so a future from here always ends.

use std::{future::Future, pin::Pin};

use futures::channel::oneshot;

use crate::domain::{
    claim::Claim,
    fact::{Accepted, Fact},
    fault::{Fault, Outcome, Version, Written},
    id::{EffectId, SourceId},
    shown::Shown,
    standing::{Act, Standing},
    time::Millis,
    weight::Weights,
};

/// Takes what whoever comes after is to find; false where it can't be taken now, and is to be offered again.
pub type Keeper = Box<dyn Fn(String) -> bool + Send + Sync>;

pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Holds the weights of one route.
pub trait Driver: Send + Sync {
    /// # Errors
    /// Whatever kept it from reading; the weights that were known stay what they were.
    fn read(&self) -> Answer<'_, Result<Accepted, Fault>>;

    /// Makes `change` only against `version`. Sends it again while nobody answers: a second copy can do nothing that the first has not done,
    /// for the version has moved on by then. Calling it again with the same `intent` and `version` is as safe.
    ///
    /// Ends when the API has said that the change is accepted and its operation is over, or at the deadline with `Unknown`.
    /// Says so by `taken` when the API has answered it and its operation goes on: nothing is sent again from then on.
    fn write<'a>(&'a self, change: Change<'a>, version: &'a Version, intent: &'a Intent, taken: Taken) -> Answer<'a, Written>;

    /// The command that does the same by hand, for when we can't.
    fn by_hand(&self, to: &Weights) -> String;

    /// Goes on with what the one before it has left of the object, as far as it may be believed; from now on `keeper` is given what the next
    /// one needs to write before its own first look, each time that this is another.
    fn take_up(&self, _left: Option<&str>, _keeper: Keeper) {}
}

/// Holds the thing of one step: looks how it stands, and makes of it what the step wants, or what it was before.
pub trait Reconciler: Send + Sync {
    /// # Errors
    /// Whatever kept it from looking; what was known stays what it was.
    fn look(&self) -> Answer<'_, Result<Standing, Fault>>;

    /// Acts once, only if the thing still has `version`. Ends when the vendor has *accepted* it, and does not wait for its work: looks tell
    /// of that. Whatever is no clear answer is `Unknown`; nothing is sent a second time.
    fn act<'a>(&'a self, act: Act, version: &'a Version, intent: &'a Intent) -> Answer<'a, Outcome>;

    /// The command that does the same by hand; nothing where there is none for it.
    fn by_hand(&self, act: Act) -> Option<String>;
}

/// What a write makes of an object.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// The split, and with it who steers from here on. Without a claim, or where the object has no room for one, what stands there stays.
    Split { to: &'a Weights, claim: Option<&'a Claim> },
    /// Who steers from here on, and nothing else of it.
    Claim(&'a Claim),
}

impl<'a> Change<'a> {
    pub fn claim(self) -> Option<&'a Claim> {
        match self {
            Change::Split { claim, .. } => claim,
            Change::Claim(claim) => Some(claim),
        }
    }
}

/// Where a driver says that the API has taken a write, and what it calls its work on it.
#[derive(Debug)]
pub struct Taken(oneshot::Sender<Shown>);

impl Taken {
    /// One end for the driver, the other for whoever waits for its write.
    pub fn told() -> (Taken, oneshot::Receiver<Shown>) {
        let (taken, told) = oneshot::channel();
        (Taken(taken), told)
    }
    pub fn by(self, operation: Shown) {
        // Who doesn't listen any more needs no word.
        let _nobody_listens = self.0.send(operation);
    }
}

/// Which recorded intent a write belongs to; travels with it as request id and request reason, so the cloud's own audit log is a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    pub session: String,
    pub effect: EffectId,
    /// The effect under whose request id it goes: itself, or the one that it repeats.
    pub first: EffectId,
    /// Hash of the journal's record that holds the intent, in hex; of the newest that is known to be kept, where that one is not.
    pub head: String,
}

impl Intent {
    /// How the cloud's own audit log names it.
    pub fn reason(&self) -> String {
        format!("cutover {}/{}/{}", self.session, self.effect, self.head)
    }
}

/// Looks at one source, again and again.
pub trait Sensor: Send + Sync {
    fn source(&self) -> SourceId;
    /// Between the end of one look and the beginning of the next. Zero for a sensor that waits for news by itself (a watch).
    fn every(&self) -> Millis;
    /// Age from which what it said is stale: its interval plus what the source documents as its delay.
    fn stale_after(&self) -> Millis;
    /// # Errors
    /// Whatever kept it from seeing.
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>>;
    /// What another one of the same source would need to go on where this one is, as text; nothing where each look stands for itself.
    fn memory(&self) -> Option<String> {
        None
    }
    /// Goes on where the one was that remembered this, as far as it may be believed.
    fn recall(&mut self, _memory: &str) {}
    /// What its look is worth if this process stood still meanwhile.
    fn unattended(&self) -> Unattended {
        Unattended::Counts
    }
}

/// What a look is worth during which this process stood still: it was stopped, or the machine slept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unattended {
    /// What was answered was answered, however late it was read.
    Counts,
    /// It counts the answers that are late or never come, and here it was nobody's fault but ours.
    Void,
}

/// Demo only: faults the simulated world.
pub trait FaultInjector: Send + Sync {
    /// # Errors
    /// If there is no such thing to inject, or if it could touch nothing here.
    fn inject(&self, what: &str) -> Result<(), Fault>;
}
