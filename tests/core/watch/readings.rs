//! Readings and triggers: a second reckoning of every window, from the entries alone (I2, I3).
//!
//! The core keeps a window in three fields; here the samples themselves are kept and counted. Both must agree after every entry, and
//! what the samples prove must have had its consequence in the very entry in which it became true.

use std::collections::{BTreeMap, BTreeSet};

use cutover::core::reason::Evidence;
use cutover::{
    core::{
        command::Command,
        decision::{Cause, Verdict},
        event::Event,
        state::{ItemStatus, Latch},
    },
    domain::{
        fact::{Fact, ReplicaState},
        id::{BackendId, SourceId, TriggerId},
        metric::{Gap, Measured, Metric, Sample},
        time::{Millis, Timestamp},
    },
    plan::model::{OnBlind, Route, Trigger, TriggerAction},
};

use super::{Check, Seen, require};

const AHEAD_MAX: Millis = Millis::from_secs(5);
const HELD_MAX: Millis = Millis::from_secs(5);
const FRESH: Millis = Millis::from_secs(30);

#[derive(Debug, Default)]
pub struct Book {
    newest: BTreeMap<(BackendId, Metric), (SourceId, Measured)>,
    sources: BTreeMap<SourceId, Source>,
    proofs: BTreeMap<TriggerId, Proof>,
    /// Which host we are in; after a restart everything is proven anew.
    promoted: bool,
}

#[derive(Debug)]
struct Source {
    answers: bool,
    stale_after: Millis,
}

/// What speaks for a breach.
#[derive(Debug, Default)]
struct Proof {
    since: Option<Timestamp>,
    samples: BTreeSet<Timestamp>,
    newest_breach: Option<Timestamp>,
}

/// What can be said now.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sight {
    Sample(Sample),
    Gap(Option<Gap>),
}

impl Book {
    pub fn look(&mut self, seen: &Seen) -> Check {
        self.rebase(seen);
        self.take_in(seen);
        if seen.entry.event == Event::Restarted {
            self.proofs.values_mut().for_each(|proof| proof.samples.clear());
        }
        for trigger in &seen.plan.triggers {
            let sight = self.sight(seen.after.now, trigger);
            let rearmed = rearmed(seen, trigger);
            let proof = self.proofs.entry(trigger.id.clone()).or_default();
            proof.weigh(seen.after.now, trigger, sight);
            if rearmed {
                proof.since = None;
                proof.samples.clear();
                proof.weigh(seen.after.now, trigger, sight);
            }
            self.agrees(seen, trigger, sight)?;
            self.has_its_consequence(seen, trigger)?;
            cleared_only_by_ok(seen, trigger, sight, rearmed)?;
        }
        for route in &seen.plan.routes {
            self.blindness_acts_as_planned(seen, route)?;
        }
        ticked_only_by_evidence(seen)
    }

    /// A large step back of the clock takes running spans with it.
    fn rebase(&mut self, seen: &Seen) {
        let back = seen.before.now.since(seen.entry.at);
        if back <= HELD_MAX {
            return;
        }
        for proof in self.proofs.values_mut() {
            proof.since = proof.since.map(|since| since.before(back));
            let ahead = proof.newest_breach.is_some_and(|newest| newest.since(seen.after.now) > AHEAD_MAX);
            if ahead {
                proof.newest_breach = proof.newest_breach.map(|newest| newest.before(back));
            }
        }
    }

    fn take_in(&mut self, seen: &Seen) {
        let Event::Observed(observation) = &seen.entry.event else { return };
        let source = Source { answers: observation.result.is_ok(), stale_after: observation.stale_after };
        self.sources.insert(observation.source.clone(), source);
        for fact in observation.result.iter().flatten() {
            match fact {
                Fact::Measured { backend, values } => {
                    for (metric, measured) in values {
                        self.newest.insert((backend.clone(), *metric), (observation.source.clone(), *measured));
                    }
                }
                Fact::Replication(seen) => self.promoted |= seen.state == ReplicaState::Primary,
                Fact::Accepted(_) | Fact::Served(_) | Fact::Probed(_) | Fact::Workload { .. } | Fact::Happened { .. } => {}
            }
        }
    }

    fn sight(&self, now: Timestamp, trigger: &Trigger) -> Sight {
        let Some((source, measured)) = self.newest.get(&(trigger.backend.clone(), trigger.metric)) else { return Sight::Gap(None) };
        let source = &self.sources[source];
        if !source.answers {
            return Sight::Gap(Some(Gap::Unreachable));
        }
        match measured {
            Err(gap) => Sight::Gap(Some(*gap)),
            Ok(sample) if !sample.value.is_finite() || sample.value < 0.0 => Sight::Gap(Some(Gap::Unreadable)),
            Ok(sample) if sample.at.since(now) > AHEAD_MAX => Sight::Gap(Some(Gap::FromTheFuture)),
            Ok(sample) if now.since(sample.at) > source.stale_after => Sight::Gap(Some(Gap::Stale)),
            Ok(sample) if sample.requests < trigger.requests_min => Sight::Gap(Some(Gap::LowVolume)),
            Ok(sample) => Sight::Sample(*sample),
        }
    }

    /// I3: the core's window is the one that the samples give.
    fn agrees(&self, seen: &Seen, trigger: &Trigger, sight: Sight) -> Check {
        let (proof, known) = (&self.proofs[&trigger.id], &seen.after.triggers[&trigger.id]);
        let agree = proof.since == known.pending_since && proof.samples.len() as u32 == known.breaches;
        require(agree, "I3", || format!("{}: reckoned {proof:?} from {sight:?}, and the core has {known:?}", trigger.id))?;
        match sight {
            Sight::Sample(_) => {
                require(known.blind_since.is_none(), "I3", || format!("{} has a sample and is blind: {known:?}", trigger.id))
            }
            Sight::Gap(Some(Gap::LowVolume | Gap::TooEarly)) => Ok(()),
            Sight::Gap(gap) => {
                require(known.blind_since.is_some(), "I3", || format!("{} has {gap:?} and is not blind: {known:?}", trigger.id))
            }
        }
    }

    /// I2: as soon as the proof is complete, a rollback has this trigger among its causes; and none has before.
    fn has_its_consequence(&self, seen: &Seen, trigger: &Trigger) -> Check {
        let proof = &self.proofs[&trigger.id];
        let now = seen.after.now;
        let complete = proof.samples.len() >= 2 && proof.since.is_some_and(|since| now.since(since) >= trigger.lasting);
        let Some(route) = seen.plan.routes.iter().find(|route| route.id == trigger.route) else { return Ok(()) };
        let state = &seen.after.routes[&route.id];
        let names = |latch: &Latch| {
            causes(latch).any(|cause| matches!(cause, Cause::Triggers(fired) if fired.iter().any(|fired| fired.trigger == trigger.id)))
        };
        let named_before = seen.before.routes.get(&route.id).and_then(|before| before.latch.as_ref()).is_some_and(names);
        let named = state.latch.as_ref().is_some_and(names);
        require(!named || named_before || complete, "I2", || format!("{} fired on {proof:?}", trigger.id))?;
        let exposed = state.accepted.as_ref().is_none_or(|accepted| accepted.weights.of(&trigger.backend).get() > 0);
        let curable = trigger.action == TriggerAction::Rollback && trigger.backend != route.home && !self.promoted;
        if !complete || !exposed || !curable || proven_dead(seen, &route.home) {
            return Ok(());
        }
        let full = state.latch.as_ref().is_some_and(|latch| latch.joined.len() >= 16);
        require(named || full, "I2", || format!("{} is proven by {proof:?} and nothing was rolled back: {:?}", trigger.id, state.latch))
    }

    fn blindness_acts_as_planned(&self, seen: &Seen, route: &Route) -> Check {
        let before = seen.before.routes.get(&route.id).and_then(|before| before.latch.as_ref());
        let Some(latch) = seen.after.routes[&route.id].latch.as_ref().filter(|_| before.is_none()) else { return Ok(()) };
        let Cause::Blind { trigger, .. } = &latch.cause else { return Ok(()) };
        let planned = seen.plan.triggers.iter().find(|known| known.id == *trigger);
        let since = seen.after.triggers[trigger].blind_since;
        let long = since.is_some_and(|since| seen.after.now.since(since) >= Millis::from_mins(5));
        let allowed = planned.is_some_and(|planned| planned.on_blind == OnBlind::Rollback) && long && !self.promoted;
        require(allowed, "I3", || format!("{trigger} went home for blindness since {since:?}"))
    }
}

impl Proof {
    fn weigh(&mut self, now: Timestamp, trigger: &Trigger, sight: Sight) {
        let Sight::Sample(sample) = sight else { return };
        let newer = self.newest_breach.is_none_or(|newest| sample.at > newest);
        if sample.value > trigger.above {
            if self.since.is_none() {
                self.since = Some(sample.at.min(now));
                self.samples.clear();
            }
            if newer {
                self.samples.insert(sample.at);
                self.newest_breach = Some(sample.at);
            }
        } else if newer {
            self.since = None;
            self.samples.clear();
        }
    }
}

pub fn causes(latch: &Latch) -> impl Iterator<Item = &Cause> {
    std::iter::once(&latch.cause).chain(&latch.joined)
}

fn rearmed(seen: &Seen, trigger: &Trigger) -> bool {
    let accepted = seen.decision.answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Accepted);
    accepted && matches!(&seen.entry.event, Event::Asked { command: Command::Rearm { route, .. }, .. } if *route == trigger.route)
}

/// I3 (a): what was pending is gone only by an Ok that is newer than the breach, or by a human's word.
fn cleared_only_by_ok(seen: &Seen, trigger: &Trigger, sight: Sight, rearmed: bool) -> Check {
    let pending = |known: &cutover::core::state::TriggerState| known.pending_since.is_some();
    let cleared = seen.before.triggers.get(&trigger.id).is_some_and(pending) && !pending(&seen.after.triggers[&trigger.id]);
    let ok = matches!(sight, Sight::Sample(sample) if sample.value <= trigger.above);
    require(!cleared || ok || rearmed, "I3", || format!("{} was cleared by {sight:?}", trigger.id))
}

/// I3 (c): nothing that rests on no data is done.
fn ticked_only_by_evidence(seen: &Seen) -> Check {
    for (id, item) in &seen.after.checklist {
        let shown = item.seen_at.is_some() && item.evidence != Evidence::None;
        require(item.status != ItemStatus::Done || shown, "I3", || format!("{id} is done on nothing: {item:?}"))?;
    }
    Ok(())
}

fn proven_dead(seen: &Seen, backend: &BackendId) -> bool {
    let known = &seen.after.backends[backend];
    let young = |at: Timestamp| seen.after.now.since(at) <= FRESH;
    let nobody = known.workload_at.is_some_and(young) && known.workload.as_ref().is_some_and(|workload| workload.scale.ready() == Some(0));
    let silent = known.probe.as_ref().is_some_and(|probe| young(probe.at) && probe.sent > 0 && probe.failed + probe.dropped >= probe.sent);
    nobody || silent
}
