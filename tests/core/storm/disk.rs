//! The disk of a night's record: it may not answer for a while, be slow, have little room, have none, and fail, by turns and together. What
//! waits for it is seen and leaves as in the engine: when it is kept, or, once the disk hangs, as far as it may without a record.

use std::collections::VecDeque;

use cutover::{
    core::{
        decision::{Effect, IssuedEffect, Transition},
        event::Event,
        record::{HANGS_AFTER, Keeping, RecordChange, RecordNumber, is_broken, leaves_unrecorded},
    },
    domain::{
        fault::{Fault, FaultKind, Outcome},
        shown::Shown,
        time::{Millis, Timestamp},
        weight::Weights,
    },
    journal::writer::Durability,
    sim::world::random::Random,
};

use super::night::Night;
use crate::watch::{Check, require};

/// What becomes of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskFaults {
    None,
    /// It fails once, at a record that is drawn from the seed, and has no room some time before that.
    Breaks,
    /// It is slow now and then, hangs for longer, and has little room; it loses nothing.
    Wavers,
}

/// The disk as the host knows it.
pub(crate) struct Disk {
    random: Random,
    /// It answers nothing until then.
    silent_until: Option<Timestamp>,
    /// It is known to hang.
    hangs: bool,
    /// What happened and is not kept.
    unkept: VecDeque<Unkept>,
    /// It has little room until then.
    low_until: Option<Timestamp>,
}

struct Unkept {
    since: Timestamp,
    durability: Durability,
    transition: Transition,
    /// Neither seen nor acted upon; empty once it is.
    effects: Vec<IssuedEffect>,
}

impl Disk {
    pub(crate) fn new(random: Random) -> Disk {
        Disk { random, silent_until: None, hangs: false, unkept: VecDeque::new(), low_until: None }
    }
}

impl Night {
    /// A quarter of a second of the disk.
    pub(crate) fn disk_passes(&mut self) -> Check {
        let disk = &mut self.disk;
        if is_broken(&self.state) {
            return Ok(());
        }
        if disk.silent_until.is_none() && disk.random.chance(0.25 / 45.0) {
            let slow = disk.random.chance(0.7);
            let span = if slow { 600 + disk.random.index(1_800) } else { 3_000 + disk.random.index(40_000) };
            disk.silent_until = Some(self.now + Millis(span as u64));
        }
        if disk.low_until.is_none() && disk.random.chance(0.25 / 240.0) {
            disk.low_until = Some(self.now + Millis(5_000 + disk.random.index(60_000) as u64));
        }
        if disk.silent_until.is_some_and(|until| until <= self.now) {
            self.disk_answers()?;
        }
        self.hang_if_due()?;
        self.look_at_room()
    }

    /// It is well from here on.
    pub(crate) fn disk_recovers(&mut self) -> Check {
        self.disk.low_until = None;
        if self.disk.silent_until.is_some() {
            self.disk_answers()?;
        }
        self.look_at_room()
    }

    /// Whether what happens now waits for the disk.
    pub(crate) fn disk_is_silent(&self) -> bool {
        self.disk.silent_until.is_some() && !is_broken(&self.state)
    }

    /// Takes in what can't be written; what it asks for leaves when it is kept, or at once where the disk is known to hang.
    pub(crate) fn waits(&mut self, durability: Durability, transition: Transition) -> Check {
        let effects = transition.decision.effects.clone();
        let (now, hangs) = (self.now, self.disk.hangs);
        let (held, leaving) = if hangs { (Vec::new(), effects) } else { (effects, Vec::new()) };
        self.disk.unkept.push_back(Unkept { since: now, durability, transition, effects: held });
        leaving.into_iter().try_for_each(|effect| self.leave_unrecorded(effect))
    }

    fn hang_if_due(&mut self) -> Check {
        let is_due = |unkept: &Unkept| self.now.since(unkept.since) >= HANGS_AFTER;
        if self.disk.hangs || !self.disk.unkept.front().is_some_and(is_due) {
            return Ok(());
        }
        self.disk.hangs = true;
        self.summary.hangs += 1;
        let waiting: Vec<IssuedEffect> = self.disk.unkept.iter_mut().flat_map(|unkept| std::mem::take(&mut unkept.effects)).collect();
        let (leaving, staying): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|effect| leaves_unrecorded(&self.state, effect));
        leaving.into_iter().try_for_each(|effect| self.leave_unrecorded(effect))?;
        let kept = RecordNumber(self.writer.durable_head().seq);
        self.happen(Event::Record(RecordChange::Hangs { kept, place: Shown::new("here") }))?;
        staying.into_iter().try_for_each(|effect| self.leave_unrecorded(effect))
    }

    /// What waited is kept, in its order; then it is said that the disk answers.
    fn disk_answers(&mut self) -> Check {
        self.disk.silent_until = None;
        let hung = std::mem::take(&mut self.disk.hangs);
        for Unkept { durability, transition, effects, .. } in std::mem::take(&mut self.disk.unkept) {
            let breaks = self.record(durability, &transition);
            require(!breaks, "I15", || format!("record of entry {} is lost by a disk that was only slow", transition.entry.seq))?;
            effects.into_iter().try_for_each(|effect| self.leave(effect))?;
        }
        if hung { self.happen(Event::Record(RecordChange::Answers)) } else { Ok(()) }
    }

    /// What had reached the machine's memory may be on the disk, and the rest is lost.
    pub(crate) fn dies_behind_the_disk(&mut self) {
        let waiting = std::mem::take(&mut self.disk.unkept);
        let reached = if waiting.is_empty() { 0 } else { self.disk.random.index(waiting.len() + 1) };
        for Unkept { transition, .. } in waiting.into_iter().take(reached) {
            let _broken = self.record(Durability::Buffered, &transition);
        }
        (self.disk.silent_until, self.disk.hangs) = (None, false);
    }

    fn look_at_room(&mut self) -> Check {
        if self.disk_is_silent() || is_broken(&self.state) {
            return Ok(());
        }
        let disk = &mut self.disk;
        disk.low_until = disk.low_until.filter(|until| *until > self.now);
        let change = match (&self.state.record.keeping, disk.low_until) {
            (Keeping::Kept, Some(_)) => Some(RecordChange::Low { bytes: 65_536, place: Shown::new("here") }),
            (Keeping::Low { bytes, .. }, Some(_)) if disk.random.chance(0.02) => {
                Some(RecordChange::Low { bytes: bytes / 2, place: Shown::new("here") })
            }
            // The night's own disk is low before it breaks.
            (Keeping::Low { .. }, None) if self.low_at > self.next => Some(RecordChange::Roomy),
            (Keeping::Kept | Keeping::Low { .. } | Keeping::Hanging { .. } | Keeping::Broken { .. }, _) => None,
        };
        change.into_iter().try_for_each(|change| self.happen(Event::Record(change)))
    }

    /// As the engine lets effects leave without a record that is kept: only looks and the way home.
    pub(crate) fn leave_unrecorded(&mut self, effect: IssuedEffect) -> Check {
        if leaves_unrecorded(&self.state, &effect) {
            if let Effect::Write { to, .. } = &effect.what {
                let route = &self.plan.routes[0];
                let home = Weights::all_on(&route.home, route.backend_ids());
                require(*to == home, "I15", || format!("{} leaves for {to} without a record", effect.id))?;
                self.unrecorded.insert(effect.id);
                self.summary.unrecorded += 1;
            }
            return self.send(effect);
        }
        let outcome = Outcome::NotDone(Fault::new(FaultKind::Unrecorded, "the record is not kept"));
        self.happen(Event::Finished { effect: effect.id, outcome, attempts: Vec::new() })
    }
}
