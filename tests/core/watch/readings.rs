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
        state::{ItemStatus, Latch, Reading},
    },
    domain::{
        fact::{Fact, ReplicaState},
        fault::FaultKind,
        id::{BackendId, SourceId, TriggerId},
        metric::{Basis, Gap, Measured, Metric, Sample},
        series::Bad,
        table::Table,
        time::{Millis, Timestamp},
    },
    plan::model::{OnBlind, Route, Trigger, TriggerAction},
};

use super::{Check, Seen, require};

const AHEAD_MAX: Millis = Millis::from_secs(5);
const HELD_MAX: Millis = Millis::from_secs(5);
const FRESH: Millis = Millis::from_secs(30);

#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    newest: Table<BackendId, BTreeMap<Metric, (SourceId, Measured)>>,
    sources: Table<SourceId, Source>,
    proofs: Table<TriggerId, Proof>,
    /// What the newest sample of each trigger says: it is reckoned when it comes, and looked at after every entry.
    sides: Table<TriggerId, (Sample, Result<Side, Gap>)>,
    /// Which host we are in; after a restart everything is proven anew.
    promoted: bool,
}

#[derive(Debug, Clone)]
struct Source {
    fault: Option<FaultKind>,
    stale_after: Millis,
}

/// What speaks for a breach.
#[derive(Debug, Clone, Default)]
struct Proof {
    since: Option<Timestamp>,
    samples: BTreeSet<Timestamp>,
    newest_breach: Option<Timestamp>,
    /// How long since then a living source, or an absent host, proved nothing.
    mute: Millis,
    /// How long nothing could be judged while somebody watched.
    blind: Millis,
    /// Windows since the newest breach that follow each other: when each ended, its requests and those that failed.
    windows: Vec<(Timestamp, u64, u64)>,
}

/// What can be said now.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sight {
    Sample(Sample, Side),
    Gap(Option<Gap>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Within,
    Beyond,
}

impl Ledger {
    pub(super) fn look(&mut self, seen: &Seen) -> Check {
        self.rebase(seen);
        self.take_in(seen);
        if seen.entry.event == Event::Restarted {
            self.proofs.values_mut().for_each(|proof| proof.samples.clear());
        }
        for trigger in &seen.plan.triggers {
            let sight = self.sight(seen.after.now, trigger);
            let rearmed = rearmed(seen, trigger);
            let few = self.few(seen, trigger, sight);
            let proof = self.proofs.get_or_insert_with(&trigger.id, Proof::default);
            proof.pass(seen, sight);
            proof.weigh(seen.after.now, trigger, sight);
            let together = proof.gather(seen, trigger, few);
            if rearmed {
                (proof.since, proof.mute) = (None, Millis(0));
                proof.samples.clear();
                proof.windows.clear();
                proof.weigh(seen.after.now, trigger, sight);
            }
            self.agrees(seen, trigger, sight)?;
            self.has_its_consequence(seen, trigger)?;
            cleared_only_by_ok(seen, trigger, sight, rearmed || together)?;
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
            proof.windows.clear();
            proof.since = proof.since.map(|since| since.before(back));
            let ahead = proof.newest_breach.is_some_and(|newest| newest.since(seen.after.now) > AHEAD_MAX);
            if ahead {
                proof.newest_breach = proof.newest_breach.map(|newest| newest.before(back));
                // What was told by the time before may come round again.
                proof.samples.clear();
            }
        }
    }

    fn take_in(&mut self, seen: &Seen) {
        let Event::Observed(observation) = &seen.entry.event else { return };
        let source = Source { fault: observation.result.as_ref().err().map(|fault| fault.kind), stale_after: observation.stale_after };
        self.sources.insert(observation.source.clone(), source);
        for fact in observation.result.iter().flatten() {
            match fact {
                Fact::Measured { backend, values } => {
                    let told = values.iter().map(|(metric, measured)| (*metric, (observation.source.clone(), *measured)));
                    self.newest.get_or_insert_with(backend, BTreeMap::new).extend(told);
                }
                Fact::Replication(seen) => self.promoted |= seen.state == ReplicaState::Primary,
                Fact::Accepted(_)
                | Fact::Served(_)
                | Fact::Probed(_)
                | Fact::Filling { .. }
                | Fact::Workload { .. }
                | Fact::Happened { .. }
                | Fact::Same(_)
                | Fact::Step { .. }
                | Fact::PodsChanged(_) => {}
            }
        }
    }

    fn sight(&mut self, now: Timestamp, trigger: &Trigger) -> Sight {
        let told = self.newest.get(&trigger.backend).and_then(|told| told.get(&trigger.metric));
        let Some((source, measured)) = told else { return Sight::Gap(None) };
        let source = &self.sources[source];
        if let Some(fault) = source.fault {
            return Sight::Gap(Some(fault.into()));
        }
        match measured {
            Err(gap) => Sight::Gap(Some(*gap)),
            Ok(sample) if !sample.value.is_finite() || sample.value < 0.0 => Sight::Gap(Some(Gap::Unreadable)),
            Ok(sample) if sample.at.since(now) > AHEAD_MAX => Sight::Gap(Some(Gap::FromTheFuture)),
            Ok(sample) if now.since(sample.at) > source.stale_after => Sight::Gap(Some(Gap::Stale)),
            Ok(sample) => {
                let told = match self.sides.get(&trigger.id) {
                    Some((known, told)) if known == sample => *told,
                    Some(_) | None => {
                        let told = side(sample, trigger);
                        self.sides.insert(trigger.id.clone(), (*sample, told));
                        told
                    }
                };
                told.map_or_else(|gap| Sight::Gap(Some(gap)), |side| Sight::Sample(*sample, side))
            }
        }
    }

    /// The newest sample, where it is only for want of requests that it says nothing. Where others tell of more requests than are counted the
    /// count is not believed.
    fn few(&self, seen: &Seen, trigger: &Trigger, sight: Sight) -> Option<Sample> {
        let known = &seen.after.triggers[&trigger.id].reading;
        let doubted = matches!(known, Reading::Unknown { gap: Gap::StandsStill | Gap::BelowShare });
        let few = matches!(sight, Sight::Gap(Some(Gap::LowVolume | Gap::Undecided))) && !doubted;
        let (_, measured) = self.newest.get(&trigger.backend)?.get(&trigger.metric).filter(|_| few)?;
        measured.ok()
    }

    /// I3: the core's window is the one that the samples give.
    fn agrees(&self, seen: &Seen, trigger: &Trigger, sight: Sight) -> Check {
        let (proof, known) = (&self.proofs[&trigger.id], &seen.after.triggers[&trigger.id]);
        let agree = proof.since == known.pending_since && proof.samples.len() as u32 == known.breaches;
        require(agree, "I3", || format!("{}: reckoned {proof:?} from {sight:?}, and the core has {known:?}", trigger.id))?;
        match sight {
            Sight::Sample(..) => {
                require(known.blind_since.is_none(), "I3", || format!("{} has a sample and is blind: {known:?}", trigger.id))
            }
            Sight::Gap(Some(Gap::LowVolume | Gap::TooEarly | Gap::Undecided)) => Ok(()),
            Sight::Gap(gap) => {
                require(known.blind_since.is_some(), "I3", || format!("{} has {gap:?} and is not blind: {known:?}", trigger.id))
            }
        }
    }

    /// I2: as soon as the proof is complete, a rollback has this trigger among its causes; and none has before.
    fn has_its_consequence(&self, seen: &Seen, trigger: &Trigger) -> Check {
        let proof = &self.proofs[&trigger.id];
        let now = seen.after.now;
        let spans = proof.mute.0 * 2 <= trigger.lasting.0;
        let complete = spans && proof.samples.len() >= 2 && proof.since.is_some_and(|since| now.since(since) >= trigger.lasting);
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
        // At most half a minute of it was an absence of the host.
        let watched = self.proofs[trigger].blind >= Millis::from_secs(265);
        let allowed = planned.is_some_and(|planned| planned.on_blind == OnBlind::Rollback) && long && watched && !self.promoted;
        require(allowed, "I3", || format!("{trigger} went home for blindness since {since:?}"))
    }
}

impl Proof {
    fn pass(&mut self, seen: &Seen, sight: Sight) {
        let elapsed = seen.after.now.since(seen.before.now);
        let absent = elapsed > HELD_MAX;
        let dead = matches!(sight, Sight::Gap(Some(Gap::Missing | Gap::Unreachable | Gap::TimedOut | Gap::Stale)));
        let mute = absent || (!dead && matches!(sight, Sight::Gap(_)));
        if mute && self.since.is_some() {
            self.mute = Millis(self.mute.0 + elapsed.0);
        }
        match sight {
            Sight::Sample(..) => self.blind = Millis(0),
            Sight::Gap(_) if absent => {}
            Sight::Gap(_) => self.blind = Millis(self.blind.0 + elapsed.0),
        }
    }

    fn weigh(&mut self, now: Timestamp, trigger: &Trigger, sight: Sight) {
        let Sight::Sample(sample, side) = sight else { return };
        let newer = self.newest_breach.is_none_or(|newest| sample.at > newest);
        match side {
            Side::Beyond => {
                let torn = newer && self.mute.0 * 2 > trigger.lasting.0;
                if self.since.is_none() || torn {
                    self.since = Some(sample.at.min(now));
                    self.samples.clear();
                }
                if newer {
                    self.samples.insert(sample.at);
                    self.newest_breach = Some(sample.at);
                    self.mute = Millis(0);
                }
            }
            Side::Within if newer => {
                (self.since, self.mute) = (None, Millis(0));
                self.samples.clear();
            }
            Side::Within => {}
        }
        self.windows.clear();
    }

    /// Whether windows of few requests, all of them since the breach and none counted twice, show together that it is over.
    fn gather(&mut self, seen: &Seen, trigger: &Trigger, few: Option<Sample>) -> bool {
        let span = Millis(30_000.max(4 * seen.plan.limits.scrape_every.0));
        let begun = self.windows.first().map(|(at, ..)| at.before(span));
        if self.since.is_none() || begun.is_some_and(|begun| seen.after.now.since(begun) > Millis::from_mins(5)) {
            self.windows.clear();
        }
        let Some(sample) = few.filter(|sample| self.since.is_some() && self.newest_breach.is_none_or(|newest| sample.at > newest)) else {
            return false;
        };
        let failed = match sample.basis {
            Basis::Counted { failed } => failed,
            Basis::Exact if sample.value <= trigger.limit => 0,
            Basis::Exact | Basis::AtLeast => {
                self.windows.clear();
                return false;
            }
        };
        if self.windows.last().is_some_and(|(last, ..)| sample.at < *last + span) {
            return false;
        }
        self.windows.push((sample.at, sample.requests, failed));
        let requests: u64 = self.windows.iter().map(|(_, requests, _)| requests).sum();
        let failed: u64 = self.windows.iter().map(|(.., failed)| failed).sum();
        if requests < trigger.requests_min {
            return false;
        }
        self.windows.clear();
        let over = failed as f64 <= requests as f64 * trigger.limit;
        if over {
            (self.since, self.mute) = (None, Millis(0));
            self.samples.clear();
        }
        over
    }
}

/// Reckoned plainly: the tail of the binomial distribution, term by term.
fn side(sample: &Sample, trigger: &Trigger) -> Result<Side, Gap> {
    let few = sample.requests < trigger.requests_min;
    match sample.basis {
        Basis::Counted { failed } => {
            let limit = trigger.limit;
            let above = failed as f64 > sample.requests as f64 * limit;
            if above && tail(failed, sample.requests, limit) < 0.05 {
                Ok(Side::Beyond)
            } else if sample.value > limit {
                Err(Gap::Undecided)
            } else if few {
                Err(Gap::LowVolume)
            } else {
                Ok(Side::Within)
            }
        }
        Basis::Exact | Basis::AtLeast if few => Err(Gap::LowVolume),
        Basis::Exact => {
            let beyond = match trigger.metric.bad() {
                Bad::Above => sample.value > trigger.limit,
                Bad::Below => sample.value < trigger.limit,
            };
            Ok(if beyond { Side::Beyond } else { Side::Within })
        }
        Basis::AtLeast if sample.value >= trigger.limit => Ok(Side::Beyond),
        Basis::AtLeast => Err(Gap::Capped),
    }
}

/// The chance of so many failures or more if the true share were at the limit.
fn tail(failed: u64, requests: u64, limit: f64) -> f64 {
    let log_odds = (limit / (1.0 - limit)).ln();
    let mut log_term = requests as f64 * (1.0 - limit).ln();
    let mut tail = 0.0;
    for count in 0..=requests {
        if count >= failed {
            tail += log_term.exp();
        }
        log_term += ((requests - count) as f64 / (count + 1) as f64).ln() + log_odds;
    }
    tail
}

pub(super) fn causes(latch: &Latch) -> impl Iterator<Item = &Cause> {
    std::iter::once(&latch.cause).chain(&latch.joined)
}

fn rearmed(seen: &Seen, trigger: &Trigger) -> bool {
    let accepted = seen.decision.answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Accepted);
    accepted && matches!(&seen.entry.event, Event::Asked { command: Command::Rearm { route, .. }, .. } if *route == trigger.route)
}

/// I3 (a): what was pending is gone only by an Ok that is newer than the breach, of one window or of several, or by a human's word.
fn cleared_only_by_ok(seen: &Seen, trigger: &Trigger, sight: Sight, rearmed: bool) -> Check {
    let cleared = seen.before.pending.contains(&trigger.id) && seen.after.triggers[&trigger.id].pending_since.is_none();
    let ok = matches!(sight, Sight::Sample(_, Side::Within));
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
