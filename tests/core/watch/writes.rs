//! Writes: on what they rest, who wanted them, and what forbids them (I1, I4, I8, I9, I11).

use std::collections::BTreeMap;

use cutover::core::state::{Return, ReturnStage, ShiftTerms};
use cutover::{
    core::{
        command::Command,
        decision::{Cause, Effect, IssuedEffect, Verdict},
        event::{Asker, Event},
        record::{Keeping, is_broken},
        state::{Approval, Motion, PendingShift},
    },
    domain::{
        fact::{Accepted, Fact, Known, PodsChanged},
        fault::{FaultKind, Outcome, Receipt, Version},
        id::{EffectId, ItemId, RouteId, Seq},
        time::{Millis, Timestamp},
        weight::Weights,
    },
    plan::model::Route,
};

use super::{Check, Seen, Stood, require, writing};

/// Evidence that an advance rests on may be this old.
const FRESH: Millis = Millis::from_secs(30);
/// What a write has replaced may be read for so long.
const OLD_READS: Millis = Millis::from_secs(10);

/// What was learnt of each route since its newest outcome.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    routes: BTreeMap<RouteId, Learnt>,
    /// When home was last said to have so many ready, by backend.
    ready: BTreeMap<cutover::domain::id::BackendId, (Timestamp, u32)>,
    /// When each line of the checklist was signed by the people's own entries.
    signed: BTreeMap<ItemId, Timestamp>,
    /// What writes that were done have made of each route's object, until something else may have been made of it.
    made: BTreeMap<RouteId, Version>,
    /// What they have replaced, and when.
    replaced: Vec<(RouteId, Version, Timestamp)>,
    /// Writes that left, ever.
    intents: BTreeMap<EffectId, Effect>,
    /// The newest that is known of each route's object, by a look or by the word of a write, however long ago.
    known: BTreeMap<RouteId, (Version, Weights)>,
    /// What a write of it was last refused against, since the object had another version.
    refused: BTreeMap<RouteId, Version>,
}

#[derive(Debug, Clone, Default)]
struct Learnt {
    outcome: Option<Seq>,
    looks: Vec<(Seq, Version, Weights)>,
}

struct Write<'a> {
    id: EffectId,
    from: &'a Weights,
    to: &'a Weights,
    version: &'a Version,
    cause: &'a Cause,
    again: Option<EffectId>,
}

impl Ledger {
    pub(super) fn look(&mut self, seen: &Seen) -> Check {
        self.learn(seen);
        self.takes_up_no_old_read(seen)?;
        for route in &seen.plan.routes {
            let mut home = 0;
            for write in writes(seen, route) {
                match write.again {
                    None => self.rests_on_a_look(seen, route, &write)?,
                    Some(first) => self.repeats(seen, route, &write, first)?,
                }
                if goes_home(seen, route, &write) {
                    home += 1;
                    home_is_allowed(seen, route, &write)?;
                } else {
                    self.shift_is_allowed(seen, route, &write)?;
                }
            }
            require(home <= 1, "I2", || format!("{home} writes home of {} in entry {}", route.id, seen.entry.seq))?;
        }
        // From here on every outcome makes what was seen before it old.
        let still = writing(seen.after);
        let ended = seen.before.writing.iter().filter(|(id, _)| !still.contains_key(id));
        for (_, route) in ended {
            self.forget(route, seen.entry.seq);
        }
        if seen.entry.event == Event::Restarted {
            seen.plan.routes.iter().for_each(|route| self.forget(&route.id, seen.entry.seq));
        }
        let writes = |effect: &&IssuedEffect| matches!(effect.what, Effect::Write { .. } | Effect::Claim { .. });
        self.intents.extend(seen.decision.effects.iter().filter(writes).map(|effect| (effect.id, effect.what.clone())));
        Ok(())
    }

    fn forget(&mut self, route: &RouteId, outcome: Seq) {
        self.routes.insert(route.clone(), Learnt { outcome: Some(outcome), looks: Vec::new() });
    }

    fn found(&mut self, route: &RouteId, seq: Seq, version: &Version, weights: &Weights) {
        self.routes.entry(route.clone()).or_default().looks.push((seq, version.clone(), weights.clone()));
        self.known.insert(route.clone(), (version.clone(), weights.clone()));
    }

    fn learn(&mut self, seen: &Seen) {
        self.learn_signatures(seen);
        self.learn_end(seen);
        if let Event::Observed(observation) = &seen.entry.event {
            for fact in observation.result.iter().flatten() {
                match fact {
                    // It tells how it was before a write of ours.
                    Fact::Accepted(Accepted { route, version, .. }) if self.is_old(seen, route, version) => {}
                    Fact::Accepted(Accepted { route, weights, version, .. }) => {
                        self.found(route, seen.entry.seq, version, weights);
                    }
                    // As before: what the session holds of it is what was seen.
                    Fact::Same(Known::Accepted(route)) => {
                        if let Some(Accepted { weights, version, .. }) = &seen.after.routes[route].accepted {
                            self.found(route, seen.entry.seq, version, weights);
                        }
                    }
                    Fact::Same(Known::Workload(backend)) => {
                        if let Some(workload) = &seen.after.backends[backend].workload {
                            self.ready.insert(backend.clone(), (seen.after.now, workload.scale.ready().unwrap_or(0)));
                        }
                    }
                    Fact::Workload { backend, workload } | Fact::PodsChanged(PodsChanged { backend, workload, .. }) => {
                        self.ready.insert(backend.clone(), (seen.after.now, workload.scale.ready().unwrap_or(0)));
                    }
                    Fact::Served(_)
                    | Fact::Probed(_)
                    | Fact::Measured { .. }
                    | Fact::Filling { .. }
                    | Fact::Happened { .. }
                    | Fact::Replication(_)
                    | Fact::Step { .. }
                    | Fact::Same(Known::Replication(_) | Known::Step(_)) => {}
                }
            }
        }
        if seen.after.now < seen.before.now {
            let back = seen.before.now.since(seen.after.now);
            self.ready.values_mut().for_each(|(at, _)| *at = at.before(back));
            self.signed.values_mut().for_each(|at| *at = at.before(back));
            self.replaced.iter_mut().for_each(|(_, _, at)| *at = at.before(back));
        }
    }

    /// What a write that ends has made, by its own word.
    fn learn_end(&mut self, seen: &Seen) {
        if seen.entry.event == Event::Restarted {
            self.made.clear();
        }
        let Event::Finished { effect, outcome, .. } = &seen.entry.event else { return };
        let Some(intent @ (Effect::Write { route, version, .. } | Effect::Claim { route, version, .. })) = self.intents.get(effect) else {
            return;
        };
        if !seen.before.in_flight.contains(effect) {
            return;
        }
        match (outcome, intent) {
            (Outcome::Done(Receipt { version: Some(made), .. }), Effect::Write { to, .. }) => {
                self.known.insert(route.clone(), (made.clone(), to.clone()));
            }
            (Outcome::NotDone(fault), Effect::Write { .. }) if fault.kind == FaultKind::Conflict => {
                self.refused.insert(route.clone(), version.clone());
            }
            _ => {}
        }
        match outcome {
            // It was read back as it had been before another write.
            Outcome::Done(Receipt { version: Some(made), .. }) if self.is_old(seen, route, made) => _ = self.made.remove(route),
            Outcome::Done(Receipt { version: Some(made), .. }) => {
                if made != version {
                    self.replaced.push((route.clone(), version.clone(), seen.after.now));
                }
                self.made.insert(route.clone(), made.clone());
            }
            Outcome::NotDone(_) if self.made.get(route) != Some(version) => {}
            Outcome::NotDone(_) | Outcome::Unknown(_) | Outcome::Done(_) => _ = self.made.remove(route),
        }
    }

    fn is_old(&self, seen: &Seen, route: &RouteId, version: &Version) -> bool {
        let is_it =
            |(of, known, at): &(RouteId, Version, Timestamp)| of == route && known == version && seen.after.now.since(*at) < OLD_READS;
        self.replaced.iter().any(is_it)
    }

    /// A look at what a write of ours has replaced is nobody's change and no arrival; nothing of it is taken up.
    fn takes_up_no_old_read(&self, seen: &Seen) -> Check {
        let Event::Observed(observation) = &seen.entry.event else { return Ok(()) };
        for fact in observation.result.iter().flatten() {
            if let Fact::Accepted(Accepted { route, version, .. }) = fact
                && self.is_old(seen, route, version)
            {
                let after = &seen.after.routes[route];
                let taken =
                    after.accepted_seq == Some(seen.entry.seq) || after.accepted.as_ref().is_some_and(|known| known.version == *version);
                require(!taken, "old reads", || format!("{route} is taken to have {version:?} again, which a write of ours has replaced"))?;
                let before = &seen.before.routes[route];
                require(after.drift == before.drift, "old reads", || format!("{route} drifts: {:?}", after.drift))?;
                let stays = before.motion.is_returning() == after.motion.is_returning() || after.latch != before.latch;
                require(stays, "old reads", || format!("{route} goes from {:?} to {:?}", before.motion, after.motion))?;
            }
        }
        Ok(())
    }

    fn learn_signatures(&mut self, seen: &Seen) {
        let accepted = seen.decision.answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Accepted);
        match &seen.entry.event {
            Event::Asked { command: Command::Sign { item, .. }, .. } if accepted => _ = self.signed.insert(item.clone(), seen.after.now),
            Event::Asked { command: Command::Unsign { item }, .. } if accepted => _ = self.signed.remove(item),
            _ => {}
        }
    }

    /// What the plan wants done beyond a rung is signed, and no longer ago than the signature is good for.
    fn gates_are_open(&self, seen: &Seen, route: &Route, write: &Write) -> Check {
        let away = 1000 - write.to.of(&route.home).get();
        let needed = route.gates.iter().filter(|gate| gate.above.get() < away).flat_map(|gate| &gate.needs);
        for item in needed.filter_map(|id| seen.plan.checklist.iter().find(|item| item.id == *id)) {
            let good = self.signed.get(&item.id).is_some_and(|at| seen.after.now.since(*at) < item.expires);
            require(good, "gate", || format!("{} goes to {} and needs {}, signed {:?}", write.id, write.to, item.id, self.signed))?;
        }
        Ok(())
    }

    /// I8: the version comes from a look that was taken in after the newest outcome, or, of a way home for which none came, it is the newest that was
    /// ever known and no write has been refused by it; I1: what is written is a split of this route.
    fn rests_on_a_look(&self, seen: &Seen, route: &Route, write: &Write) -> Check {
        let learnt = self.routes.get(&route.id);
        let outcome = learnt.and_then(|learnt| learnt.outcome);
        let looks = learnt.map_or(&[][..], |learnt| &learnt.looks);
        let found = looks.iter().any(|(seq, version, weights)| {
            outcome.is_none_or(|outcome| *seq > outcome) && version == write.version && same(route, weights, write.from)
        });
        // A way home needs no look at what a write of ours has just made.
        let made = goes_home(seen, route, write) && self.made.get(&route.id) == Some(write.version);
        let (known, refused) = (self.known.get(&route.id), self.refused.get(&route.id));
        let newest = known.is_some_and(|(version, weights)| version == write.version && same(route, weights, write.from));
        let in_vain = goes_home(seen, route, write) && looks.is_empty() && newest && refused != Some(write.version);
        require(found || made || in_vain, "I8", || {
            format!("{} writes {} against {:?}, seen since {outcome:?}: {looks:?}", write.id, write.to, write.version)
        })?;
        let known = seen.after.routes[&route.id].accepted.as_ref();
        require(known.is_some_and(|known| known.version == *write.version), "I8", || format!("{} is not the newest version", write.id))?;
        let sum: u32 = write.to.iter().map(|(_, share)| u32::from(share.get())).sum();
        let named = write.to.iter().map(|(id, _)| id).eq(sorted_backends(route).iter());
        require(sum == 1000 && named, "I1", || format!("{} writes {}", write.id, write.to))?;
        let home = seen.after.routes[&route.id].motion.is_returning();
        require(home || !is_broken(seen.after), "I15", || format!("{} writes {} and nothing tells of it", write.id, write.to))
    }

    /// I8: what is repeated is a way home that left, letter for letter, whose outcome is known by now and names no other version.
    fn repeats(&self, seen: &Seen, route: &Route, write: &Write, first: EffectId) -> Check {
        let same = self.intents.get(&first).is_some_and(|intent| match intent {
            Effect::Write { route: of, from, to, version, again, .. } => {
                *of == route.id && from == write.from && to == write.to && version == write.version && again.is_none()
            }
            Effect::Claim { .. } | Effect::Act { .. } | Effect::Read { .. } | Effect::Wake { .. } | Effect::Inject { .. } => false,
        });
        require(same, "I8", || format!("{} repeats {first}, which is another write", write.id))?;
        require(goes_home(seen, route, write), "I8", || format!("{} repeats {first} and is no way home", write.id))?;
        let looked = self.routes.get(&route.id).is_some_and(|learnt| !learnt.looks.is_empty());
        require(!looked, "I8", || format!("{} repeats {first} though a look has come since", write.id))
    }

    /// A move that somebody asked for, and that nothing forbids.
    fn shift_is_allowed(&self, seen: &Seen, route: &Route, write: &Write) -> Check {
        let wanted = wanted(seen, route, write.to);
        let Some(wanted) = wanted else {
            return require(false, "I4", || format!("{} moves {} to {}, and nobody asked for it", write.id, route.id, write.to));
        };
        let holder = seen.after.controls.holder.as_ref();
        let in_control = holder.is_some_and(|holder| holder.client == wanted.by.client) && wanted.epoch == seen.after.controls.epoch;
        require(in_control, "I6", || format!("{} for {:?} under {:?}", write.id, wanted, seen.after.controls))?;
        require(matches!(write.cause, Cause::Operator { who, .. } if *who == wanted.by.who), "I13", || format!("{:?}", write.cause))?;
        let before = &seen.before.routes[&route.id];
        let stands = stands(before, write.from);
        if away(route, stands, write.to) == 0 {
            return Ok(());
        }
        self.advance_is_allowed(seen, route, write)?;
        let large = away(route, stands, write.to) > route.step_max.get();
        require(!large || wanted.approved, "I9", || format!("{} goes from {stands} to {} without a second person", write.id, write.to))
    }

    fn advance_is_allowed(&self, seen: &Seen, route: &Route, write: &Write) -> Check {
        let after = &seen.after.routes[&route.id];
        let before = &seen.before.routes[&route.id];
        let named = |what: &str| format!("{} advances {} to {}: {what}", write.id, route.id, write.to);
        require(after.latch.is_none() && before.latch.is_none(), "I10", || named("latched"))?;
        require(after.hold.is_none(), "I10", || named("held"))?;
        require(seen.after.record.keeping == Keeping::Kept, "I15", || named("with too little room for the record"))?;
        // An adoption is an entry of its own, so a drift can't have gone in the same one.
        require(before.drift.is_none(), "I10", || named("drifted"))?;
        require(after.readiness.against.is_empty(), "I11", || named(&format!("{:?}", after.readiness.against)))?;
        let strangers = after.accepted.iter().flat_map(|known| known.weights.iter()).find(|(id, _)| route.backend(id).is_none());
        require(strangers.is_none(), "I25", || named(&format!("beside {strangers:?}")))?;
        self.gates_are_open(seen, route, write)?;
        let ready = self.ready.get(&route.home);
        let fresh = ready.is_some_and(|(at, ready)| seen.after.now.since(*at) <= FRESH && *ready > 0);
        require(fresh, "I11", || named(&format!("home is not shown to be ready: {ready:?}")))?;
        let blind = Millis::from_secs(30);
        for trigger in seen.plan.triggers.iter().filter(|trigger| trigger.route == route.id) {
            let known = &seen.after.triggers[&trigger.id];
            require(known.pending_since.is_none(), "I3", || named(&format!("{} is breached", trigger.id)))?;
            let sees = known.blind_since.is_none_or(|since| seen.after.now.since(since) < blind);
            require(sees, "I3", || named(&format!("{} is blind", trigger.id)))?;
        }
        Ok(())
    }
}

fn writes<'a>(seen: &Seen<'a>, of: &Route) -> Vec<Write<'a>> {
    let write = |effect: &'a cutover::core::decision::IssuedEffect| match &effect.what {
        Effect::Write { route, from, to, version, cause, again, claim: _ } if *route == of.id => {
            Some(Write { id: effect.id, from, to, version, cause, again: *again })
        }
        Effect::Write { .. }
        | Effect::Claim { .. }
        | Effect::Act { .. }
        | Effect::Read { .. }
        | Effect::Wake { .. }
        | Effect::Inject { .. } => None,
    };
    seen.decision.effects.iter().filter_map(write).collect()
}

/// Whether a write is a rollback's and not a person's own move to where home happens to be.
fn goes_home(seen: &Seen, route: &Route, write: &Write) -> bool {
    // A move that a rollback overtook within its own entry is a person's.
    way_home(&seen.after.routes[&route.id].motion) == Some(write.id)
}

/// I2, I10: a way home leads home, under a latch, and never beside another one.
fn home_is_allowed(seen: &Seen, route: &Route, write: &Write) -> Check {
    let after = &seen.after.routes[&route.id];
    let home = Weights::all_on(&route.home, route.backend_ids());
    require(*write.to == home, "I10", || format!("{} rolls back to {}", write.id, write.to))?;
    require(after.latch.is_some() && after.motion.is_returning(), "I10", || format!("{} without a latch: {after:?}", write.id))?;
    let still = writing(seen.after);
    let other = way_home(&seen.before.routes[&route.id].motion).is_some_and(|effect| still.contains_key(&effect));
    require(!other, "I2", || format!("{} beside another way home", write.id))
}

/// The write of a rollback that is under way.
pub(super) fn way_home(motion: &Motion) -> Option<EffectId> {
    match motion {
        Motion::Returning(Return { stage: ReturnStage::Write { effect, .. }, .. }) => Some(*effect),
        _ => None,
    }
}

#[derive(Debug)]
struct Wanted {
    by: Asker,
    epoch: u64,
    approved: bool,
}

/// Who asked for this move: now, earlier and queued, or earlier and approved now.
fn wanted(seen: &Seen, route: &Route, to: &Weights) -> Option<Wanted> {
    let epoch = seen.after.controls.epoch;
    let accepted = seen.decision.answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Accepted);
    if let (Event::Asked { by, command, .. }, true) = (&seen.entry.event, accepted) {
        match command {
            Command::Shift { route: of, to: asked, .. } if *of == route.id && same(route, asked, to) => {
                return Some(Wanted { by: by.clone(), epoch, approved: false });
            }
            Command::Approve { digest } => {
                let Approval { by, terms, .. } = seen.before.approvals.get(digest)?;
                let ShiftTerms { route: of, to: asked, epoch, .. } = terms.shift()?;
                let meant = *of == route.id && same(route, asked, to);
                return meant.then(|| Wanted { by: by.clone(), epoch: *epoch, approved: true });
            }
            _ => {}
        }
    }
    let PendingShift { by, to: asked, epoch, .. } = seen.before.routes[&route.id].queued.as_ref()?;
    same(route, asked, to).then(|| Wanted { by: by.clone(), epoch: *epoch, approved: false })
}

/// Where the asker saw the route stand.
fn stands<'a>(before: &'a Stood, from: &'a Weights) -> &'a Weights {
    match (&before.drift, &before.wanted) {
        (None, Some(wanted)) => wanted,
        (_, _) => from,
    }
}

/// The most that any backend but home gains.
fn away(route: &Route, from: &Weights, to: &Weights) -> u16 {
    let others = route.backend_ids().filter(|id| **id != route.home);
    others.map(|id| to.of(id).get().saturating_sub(from.of(id).get())).max().unwrap_or(0)
}

fn same(route: &Route, a: &Weights, b: &Weights) -> bool {
    let strangers = a.iter().chain(b.iter()).filter(|(id, _)| route.backend(id).is_none());
    route.backend_ids().all(|id| a.of(id) == b.of(id)) && strangers.into_iter().all(|(id, _)| a.of(id) == b.of(id))
}

fn sorted_backends(route: &Route) -> Vec<cutover::domain::id::BackendId> {
    let mut all: Vec<_> = route.backend_ids().cloned().collect();
    all.sort();
    all
}
