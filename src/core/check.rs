//! The evidence behind each collected line of the checklist, in words that say what was found and where.
//!
//! A figure counts while it is younger than the item's own bound and than the half minute after which a reading is blind. Too few
//! requests, a silent source and a stopped replica are never a good sign. What a backend counts of itself is outranked by what users meet
//! at the front door: the same evidence that stops an advance and goes home.

use crate::{
    core::{
        at_door::{self, Word},
        blind::BLIND_AFTER,
        checklist::Finding,
        evidence, exposure, failing, figures,
        reason::{Evidence, StepEvidence},
        replication::{self, Soundness},
        runbook::{self, Stage},
        settle::{self, Verdict},
        standing,
        state::{Motion, Reading, Watched},
        turn::Turn,
    },
    domain::{
        id::{BackendId, StepId},
        metric::{Basis, Metric, Sample},
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::{Check, Proof, Route, Trigger},
};

/// The 95th percentile of fewer is just the maximum.
const REQUESTS_MIN: u64 = 20;
/// Bounds of stability where the plan's checklist names none: the seed's own.
const ERRORS_MAX: f64 = 0.01;
const P95_MAX_MS: f64 = 1000.0;

pub(super) fn look(turn: &Turn, wanted: &Check, expires: Millis) -> Finding {
    match wanted {
        Check::MonitoringInPlace => monitoring(turn),
        Check::ErrorRatesBelow(limit) => below(turn, Metric::ErrorRate, *limit, expires),
        Check::LatencyBelow(limit) => below(turn, Metric::P95Latency, *limit, expires),
        Check::ReplicationLagBelow(limit) => lag_below(turn, *limit, expires),
        Check::NoDroppedConnections(span) => no_drops(turn, *span),
        Check::AllTrafficOnTarget => all_on_target(turn),
        Check::StableFor(span) => stable(turn, *span),
        Check::StepReached(id) => reached(turn, id),
    }
}

fn monitoring(turn: &Turn) -> Finding {
    let now = turn.now;
    let silent = turn.state.sources.iter().find(|(_, source)| source.fault.is_some() || now.since(source.asked_at) > source.stale_after);
    if let Some((id, source)) = silent {
        let why = source.fault.as_ref().map(|fault| fault.kind);
        return Finding::Against { seen_at: now, evidence: Evidence::SourceSilent { source: id.clone(), why } };
    }
    let blind = turn.state.triggers.iter().find(|(_, known)| known.blind_since.is_some_and(|since| now.since(since) >= BLIND_AFTER));
    if let Some((id, _)) = blind {
        return Finding::Against { seen_at: now, evidence: Evidence::TriggerBlind { trigger: id.clone() } };
    }
    let unread = turn.plan.routes.iter().find(|route| !standing::is_fresh(turn.route(route)));
    if let Some(route) = unread {
        return Finding::Unknown(Evidence::WeightsUnread { route: route.id.clone() });
    }
    let sources = turn.state.sources.values().filter(|source| source.ok_at.is_some()).count() as u32;
    if sources == 0 {
        return Finding::Unknown(Evidence::NoSourceYet);
    }
    let (seeing, unseeing): (Vec<_>, Vec<_>) = turn.plan.triggers.iter().partition(|trigger| sees(turn, trigger));
    let evidence = Evidence::Monitored { sources, triggers: seeing.len() as u32, of: turn.plan.triggers.len() as u32 };
    // Where nobody is sent there is nothing to see yet; where somebody is, a trigger that doesn't see is not in place.
    let exposed = |trigger: &&Trigger| exposure::has(turn.state, &trigger.route, &trigger.backend) > PerMille::ZERO;
    if unseeing.into_iter().any(|trigger| exposed(&trigger)) {
        Finding::Unknown(evidence)
    } else {
        Finding::Holds { seen_at: now, evidence }
    }
}

/// Whether a trigger judges anything at this instant.
fn sees(turn: &Turn, trigger: &Trigger) -> bool {
    turn.state.triggers.get(&trigger.id).is_some_and(|known| matches!(known.reading, Reading::Ok | Reading::Breach))
}

/// What a sample must be to speak for or against a limit.
#[derive(Clone, Copy)]
struct Limit {
    metric: Metric,
    below: f64,
    /// How old it may be at most; nothing where only its source's own bound counts.
    expires: Option<Millis>,
}

impl Limit {
    /// Of so few that one failed request alone breaks the limit, a rate proves nothing.
    fn requests_min(self) -> u64 {
        match self.metric {
            Metric::ErrorRate => REQUESTS_MIN.max((1.0 / self.below.max(f64::EPSILON)).floor() as u64 + 1),
            Metric::RequestRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate | Metric::Declared(_) => {
                REQUESTS_MIN
            }
        }
    }

    /// The newest sample of a backend, if it is young enough and rests on enough requests; else what is wrong with it.
    fn usable(self, turn: &Turn, backend: &BackendId) -> Result<Sample, Evidence> {
        let known = turn.state.backends.get(backend).and_then(|known| known.usable.get(&self.metric));
        let within = self.expires.into_iter().fold(age_max(turn, backend), Millis::min);
        match known.filter(|sample| turn.now.since(sample.at) <= within) {
            None => Err(Evidence::NoSample { backend: backend.clone(), within }),
            Some(sample) if sample.requests < self.requests_min() => {
                Err(Evidence::TooFewRequests { backend: backend.clone(), requests: sample.requests, needed: self.requests_min() })
            }
            // That much or more: below the limit it may lie on either side.
            Some(sample) if sample.basis == Basis::AtLeast && sample.value < self.below => {
                Err(Evidence::NoSample { backend: backend.clone(), within })
            }
            Some(sample) => Ok(*sample),
        }
    }
}

/// Backends that are given traffic, or get any, once each.
fn serving<'a>(turn: &Turn<'a>) -> Vec<&'a BackendId> {
    let of_route = |route: &'a Route| route.backend_ids().map(move |backend| (route, backend));
    let all = turn.plan.routes.iter().flat_map(of_route);
    let mut serving: Vec<_> =
        all.filter(|(route, id)| exposure::has(turn.state, &route.id, id) > PerMille::ZERO).map(|(_, id)| id).collect();
    serving.sort();
    serving.dedup();
    serving
}

/// How old a figure of a backend may be: half a minute, or as long as its source is given.
fn age_max(turn: &Turn, backend: &BackendId) -> Millis {
    evidence::FRESH.max(turn.plan.cadence(backend).stale_after)
}

/// Failures that no answer says whose they are; nobody's rate is in order then.
fn nobodys(turn: &Turn) -> Option<Finding> {
    let met = turn.plan.routes.iter().filter_map(|route| turn.route(route).front_door.nobodys.as_ref());
    let met = met.filter(|met| met.failing.is_some() && turn.now.since(met.at) <= evidence::FRESH);
    met.map(|met| {
        let evidence = Evidence::AtDoor { backend: None, failed: met.failed, answers: met.answers, unlike: None };
        Finding::Against { seen_at: met.at, evidence }
    })
    .next()
}

/// What users of `backend` meet at a front door, where that is no good: it outranks what the backend counts of itself. An error rate is then
/// beyond its limit; of any other figure nobody can say anything, since it counts answers that nobody comes for.
fn met(turn: &Turn, backend: &BackendId, wanted: Limit) -> Option<Finding> {
    let limit = match wanted.metric {
        Metric::ErrorRate => Some(wanted.below),
        Metric::RequestRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate | Metric::Declared(_) => None,
    };
    let sight = turn.sight();
    let routes = turn.plan.routes.iter().filter(|route| route.backend(backend).is_some());
    let words = routes.filter_map(|route| {
        let word = at_door::word(&sight, route, backend, limit.unwrap_or_else(|| failing::limit(&sight, route)))?;
        let seen_at = turn.route(route).front_door.met.get(backend).map_or(turn.now, |met| met.at);
        Some((word, seen_at))
    });
    let found = words.map(|(word, seen_at)| match (word, wanted.metric) {
        (Word::Against { failed, answers, unlike }, Metric::ErrorRate) => {
            let evidence = Evidence::AtDoor { backend: Some(backend.clone()), failed, answers, unlike: unlike.map(Box::new) };
            Finding::Against { seen_at, evidence }
        }
        (
            Word::Against { .. },
            Metric::RequestRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate | Metric::Declared(_),
        ) => Finding::Unknown(Evidence::CountsWrongAnswers { metric: wanted.metric, backend: backend.clone() }),
        (Word::Unknown { since }, _) => Finding::Unknown(Evidence::NotMetAnyMore { backend: backend.clone(), ago: turn.now.since(since) }),
    });
    found.min_by_key(|finding| !matches!(finding, Finding::Against { .. }))
}

fn below(turn: &Turn, metric: Metric, limit: f64, expires: Millis) -> Finding {
    let serving = serving(turn);
    if serving.is_empty() {
        return Finding::Unknown(Evidence::NobodyServes);
    }
    if let Some(finding) = nobodys(turn).filter(|_| metric == Metric::ErrorRate) {
        return finding;
    }
    let wanted = Limit { metric, below: limit, expires: Some(expires) };
    let (mut found, mut oldest, mut missing) = (Vec::new(), turn.now, None);
    for backend in serving {
        match met(turn, backend, wanted) {
            Some(Finding::Unknown(why)) => {
                missing = Some(why);
                continue;
            }
            Some(finding) => return finding,
            None => {}
        }
        match wanted.usable(turn, backend) {
            Ok(sample) if sample.value >= limit => {
                let evidence = Evidence::BeyondLimit { metric, backend: backend.clone(), value: sample.value, limit };
                return Finding::Against { seen_at: sample.at, evidence };
            }
            Ok(sample) => {
                oldest = oldest.min(sample.at);
                found.push((backend.clone(), sample.value));
            }
            Err(why) => missing = Some(why),
        }
    }
    match missing {
        Some(evidence) => Finding::Unknown(evidence),
        None => Finding::Holds { seen_at: oldest, evidence: Evidence::WithinLimit { metric, values: found } },
    }
}

/// Every replica of the plan follows the plan's primary, and none is too far behind. The primary's own state is asked for, too: what a
/// replica follows that is down is nothing. A lag is as old as its figure, not as the look that brought it.
fn lag_below(turn: &Turn, limit: Millis, expires: Millis) -> Finding {
    let Some(database) = &turn.plan.database else { return Finding::Unknown(Evidence::NoDatabase) };
    if database.replicas.is_empty() {
        return Finding::Unknown(Evidence::NoReplica);
    }
    let (mut found, mut oldest, mut unproven) = (Vec::new(), turn.now, None);
    for instance in database.instances() {
        let known = turn.state.replication.get(instance);
        let standing = replication::standing(database, instance, known, turn.now);
        let (lag, soundness) = (standing.lag(), standing.soundness());
        let evidence = Evidence::Instance { instance: instance.clone(), standing };
        match (lag, soundness) {
            (Some(lag), _) if lag.value >= limit.as_secs_f64() => {
                let (seconds, age) = (lag.value, turn.now.since(lag.at));
                let evidence = Evidence::LagBeyond { instance: instance.clone(), seconds, limit, age };
                return Finding::Against { seen_at: lag.at, evidence };
            }
            (Some(lag), _) if turn.now.since(lag.at) >= expires => {
                let age = turn.now.since(lag.at);
                unproven = unproven.or(Some(Evidence::LagOld { instance: instance.clone(), age, holds: expires }));
            }
            (Some(lag), _) => {
                oldest = oldest.min(lag.at);
                found.push((instance.clone(), lag.value));
            }
            (None, Soundness::Unsound) => {
                let seen_at = known.map_or(turn.now, |known| known.seen_at);
                return Finding::Against { seen_at, evidence };
            }
            (None, Soundness::Unproven) => unproven = unproven.or(Some(evidence)),
            (None, Soundness::Sound) => {}
        }
    }
    match unproven {
        Some(evidence) => Finding::Unknown(evidence),
        None => Finding::Holds { seen_at: oldest, evidence: Evidence::LagWithin { seconds: found } },
    }
}

fn no_drops(turn: &Turn, span: Millis) -> Finding {
    let (watch, now) = (&turn.state.drops, turn.now);
    if let Some(last) = watch.last_at.filter(|last| now.since(*last) < span) {
        return Finding::Against { seen_at: last, evidence: Evidence::Dropped { ago: now.since(last) } };
    }
    // All of them, not those that happen to be left: each meets connections that no other one does.
    let of = watch.by.len().max(probers(turn));
    let looking: Vec<&Watched> = watch.by.values().filter(|watched| now.since(watched.seen_at) <= evidence::FRESH).collect();
    let since = looking.iter().map(|watched| watched.since).max();
    let seen_at = looking.iter().map(|watched| watched.seen_at).min();
    match since.zip(seen_at) {
        None => Finding::Unknown(Evidence::NobodyWatches),
        Some(_) if looking.len() < of => Finding::Unknown(Evidence::FewerWatch { watching: looking.len() as u32, of: of as u32 }),
        Some((since, seen_at)) if now.since(since) >= span => {
            let evidence = Evidence::NoDrops { span, probers: looking.len() as u32, uncounted: uncounted(turn) };
            Finding::Holds { seen_at, evidence }
        }
        Some((since, _)) => Finding::NotYet(Evidence::NoDropsSoFar { watched: now.since(since), needed: span }),
    }
}

/// The backends with users of which nobody tells how many connections they drop: of theirs, the probers' word is all there is.
fn uncounted(turn: &Turn) -> Vec<BackendId> {
    let counts =
        |id: &BackendId| turn.state.backends.get(id).is_some_and(|known| matches!(known.values.get(&Metric::DropRate), Some(Ok(_))));
    serving(turn).into_iter().filter(|id| !counts(id)).cloned().collect()
}

/// Whoever sends requests by the plan: through each front door, and to each backend that is probed.
fn probers(turn: &Turn) -> usize {
    let of_route = |route: &Route| {
        usize::from(route.front_door.is_some()) + route.backends.iter().filter(|backend| backend.probe_url.is_some()).count()
    };
    turn.plan.routes.iter().map(of_route).sum()
}

fn all_on_target(turn: &Turn) -> Finding {
    let mut oldest = turn.now;
    for route in &turn.plan.routes {
        let state = turn.route(route);
        let share = exposure::accepted(state, &route.target);
        let Some(seen_at) = state.accepted_at.filter(|seen| turn.now.since(*seen) <= evidence::FRESH) else {
            return Finding::Unknown(Evidence::WeightsUnread { route: route.id.clone() });
        };
        if share < PerMille::ALL {
            return Finding::NotYet(Evidence::NotAllOnTarget { route: route.id.clone(), target: route.target.clone(), share });
        }
        match (&state.motion, settle::verdict(state, turn.now)) {
            // On its way that is nothing to warn of.
            (Motion::Settled | Motion::NeedsHuman { .. }, Verdict::Against) => {
                return Finding::Against { seen_at, evidence: Evidence::RequestsElsewhere { route: route.id.clone() } };
            }
            (Motion::Settled, _) if !exposure::holds_all(state, turn.now, &route.target) => {
                return Finding::NotYet(Evidence::AcceptedNotSeen { route: route.id.clone() });
            }
            (Motion::Settled, Verdict::Fits | Verdict::Proven) => oldest = oldest.min(seen_at),
            (Motion::Settled, Verdict::CannotTell) => {
                return Finding::Unknown(Evidence::RequestsTooFew { route: route.id.clone() });
            }
            (_, _) => return Finding::NotYet(Evidence::AcceptedNotSeen { route: route.id.clone() }),
        }
    }
    Finding::Holds { seen_at: oldest, evidence: Evidence::AllOnTarget }
}

fn stable(turn: &Turn, span: Millis) -> Finding {
    for route in &turn.plan.routes {
        let target = &route.target;
        if !exposure::holds_all(turn.route(route), turn.now, target) {
            return Finding::NotYet(Evidence::StabilityLater { route: route.id.clone(), target: target.clone() });
        }
        let limit = errors_max(turn);
        if let Some(finding) = met(turn, target, Limit { metric: Metric::ErrorRate, below: limit, expires: None }) {
            return finding;
        }
        let Some(since) = turn.state.backends.get(target).and_then(|known| known.stable_since) else {
            return Finding::Unknown(Evidence::NotShownStable { target: target.clone() });
        };
        let lasted = turn.now.since(since);
        if lasted < span {
            return Finding::NotYet(Evidence::StableSoFar { lasted, needed: span });
        }
    }
    Finding::Holds { seen_at: turn.now, evidence: Evidence::StableFor { span } }
}

fn reached(turn: &Turn, id: &StepId) -> Finding {
    let (step, known) = (turn.plan.step(id), turn.state.steps.get(id));
    let seen_at = known.and_then(|known| known.seen.as_ref()).map(|seen| seen.at);
    let of_step = |how| Evidence::Step { step: id.clone(), how };
    let (Some(step), Some(seen_at)) = (step, seen_at) else { return Finding::Unknown(of_step(StepEvidence::Unseen)) };
    match runbook::seen(&turn.sight(), step) {
        Stage::Reached { evidence } => Finding::Holds { seen_at, evidence: of_step(StepEvidence::Reached { known: evidence.to_vec() }) },
        Stage::Waiting { changes, .. } | Stage::Ready { changes, .. } => {
            Finding::NotYet(of_step(StepEvidence::Apart { changes: changes.to_vec() }))
        }
        Stage::Acting { .. } | Stage::Underway { .. } => Finding::NotYet(of_step(StepEvidence::Underway)),
        Stage::Foreign { why } => Finding::Against { seen_at, evidence: of_step(StepEvidence::Foreign { why: why.clone() }) },
        Stage::Skipped(skipped) => Finding::NotYet(of_step(StepEvidence::Skipped { by: skipped.by.clone() })),
        Stage::Unseen { .. } => Finding::Unknown(of_step(StepEvidence::Unseen)),
    }
}

fn checks<'a>(turn: &Turn<'a>) -> impl Iterator<Item = &'a Check> {
    let items = turn.plan.checklist.iter();
    items.filter_map(|item| if let Proof::Collected(check) = &item.proof { Some(check) } else { None })
}

/// The share of failures that the checklist calls normal.
fn errors_max(turn: &Turn) -> f64 {
    checks(turn).find_map(|check| if let Check::ErrorRatesBelow(limit) = check { Some(*limit) } else { None }).unwrap_or(ERRORS_MAX)
}

/// Keeps count of how long each backend that holds everything has been within bounds; whatever can't be shown is a break, and so is a time in
/// which nobody looked. `before` is when somebody last did.
pub(super) fn watch_stability(turn: &mut Turn, before: Option<Timestamp>) {
    let p95 = checks(turn).find_map(|check| if let Check::LatencyBelow(limit) = check { Some(*limit) } else { None });
    let (errors, p95) = (errors_max(turn), p95.unwrap_or(P95_MAX_MS));
    let now = turn.now;
    let watched = before.is_some_and(|before| !figures::is_old(before, now));
    for route in &turn.plan.routes {
        for id in route.backend_ids() {
            let within = |metric, below| {
                let limit = Limit { metric, below, expires: None };
                met(turn, id, limit).is_none() && limit.usable(turn, id).is_ok_and(|sample| sample.value < below)
            };
            let holds_all = exposure::holds_all(turn.route(route), now, id);
            let stable = holds_all && within(Metric::ErrorRate, errors) && within(Metric::P95Latency, p95);
            if let Some(backend) = turn.state.backends.get_mut(id) {
                backend.stable_since = stable.then(|| backend.stable_since.filter(|_| watched).unwrap_or(now));
            }
        }
    }
}
