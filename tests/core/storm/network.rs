//! The way between the host and the API: requests that arrive late, answers that are lost, and what the API makes of them.

use std::collections::BTreeMap;

use cutover::{
    core::{
        decision::{Effect, IssuedEffect},
        event::{Alarm, Event},
    },
    domain::{
        claim::{Claim, Claimed},
        fact::{Accepted, Fact, Observation},
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        id::EffectId,
        shown::Shown,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    sim::{
        faults::{Api, Trouble},
        world::{
            actor::{Actor, PRODUCT},
            load_balancer::{self, Write},
            url_map,
        },
    },
};

use super::night::{Coming, Night};
use crate::watch::{Check, require};

pub(crate) const WRITE_DEADLINE: Millis = Millis::from_secs(30);
/// After this long a write that is not answered is sent again.
const HEDGE: Millis = Millis::from_secs(2);
const READ_DEADLINE: Millis = Millis::from_secs(10);
/// A change is accepted and its operation over after about this long.
const OPERATION: Millis = Millis(2_600);
pub(crate) const WEIGHTS_STALE_AFTER: Millis = Millis::from_secs(25);

/// A write on its way to the API, with what will become of its answer.
pub(crate) struct Request {
    host: u64,
    effect: EffectId,
    /// Under whose id it goes.
    id: EffectId,
    change: Change,
    version: Version,
    answer: Answer,
}

/// What it makes of the map: the split with who steers, or that alone.
#[derive(Clone)]
struct Change {
    to: Option<Weights>,
    claim: Option<Claim>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    After(Millis),
    Lost,
}

pub(crate) fn weights(run: u32, gke: u32) -> Weights {
    let share = |share: u32| PerMille::new(share as u16).expect("at most 1000");
    let name = |name: &str| name.parse().expect("a name");
    Weights::new(BTreeMap::from([(name("run"), share(run)), (name("gke"), share(gke))])).expect("the API holds what sums to 1000")
}

impl Night {
    pub(crate) fn send(&mut self, effect: IssuedEffect) -> Check {
        let (id, host) = (effect.id, self.host);
        match effect.what {
            Effect::Write { to, version, again, claim, .. } => {
                self.summary.writes += 1;
                self.summary.rollbacks += u64::from(to == weights(1000, 0));
                let change = Change { to: Some(to), claim: claim.map(|claim| *claim) };
                self.send_write((id, again.unwrap_or(id)), change, version);
            }
            Effect::Claim { version, claim, .. } => self.send_write((id, id), Change { to: None, claim: Some(*claim) }, version),
            Effect::Read { .. } => self.send_read(id),
            Effect::Wake { at, alarm } => {
                let alarm: Alarm = alarm;
                self.later(at.since(self.now), Coming::Event { host, event: Event::Rang(alarm) });
            }
            Effect::Act { step, act, version, .. } => return self.send_act(id, &step, act, version),
            Effect::Inject { .. } => self.finish(Millis(1), id, Outcome::Done(Receipt::default())),
        }
        Ok(())
    }

    fn send_write(&mut self, (effect, id): (EffectId, EffectId), change: Change, version: Version) {
        let host = self.host;
        let on_the_way = Millis(20 + self.random.index(180) as u64);
        let timed_out = || Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s"));
        let request = |answer| Coming::Write(Request { host, effect, id, change: change.clone(), version: version.clone(), answer });
        match self.world.conditions.trouble(self.now.0, Api::Compute) {
            None | Some(Trouble::ReadsThrottled | Trouble::ReadsHang | Trouble::OldReads { .. }) => {
                self.later(on_the_way, request(Answer::After(OPERATION)))
            }
            // The first copy is swallowed, the second goes on a fresh connection.
            Some(Trouble::DeadConnections) => self.later(Millis(HEDGE.0 + on_the_way.0), request(Answer::After(OPERATION))),
            Some(Trouble::Unavailable) => self.finish(on_the_way, effect, Outcome::NotDone(Fault::new(FaultKind::Unavailable, "503"))),
            Some(Trouble::ReadOnly) => self.finish(on_the_way, effect, Outcome::NotDone(Fault::new(FaultKind::Forbidden, "403"))),
            Some(Trouble::LostReplies) => {
                self.later(on_the_way, request(Answer::Lost));
                self.finish(Millis::from_secs(4), effect, Outcome::Unknown(Fault::new(FaultKind::Broken, "reset")));
            }
            Some(Trouble::Slow { ms }) => {
                let slow = Millis(ms as u64);
                let ends = Millis(slow.0 + OPERATION.0);
                let answer = if ends < WRITE_DEADLINE { Answer::After(OPERATION) } else { Answer::Lost };
                self.later(slow, request(answer));
                if answer == Answer::Lost {
                    self.finish(WRITE_DEADLINE, effect, timed_out());
                }
            }
            Some(Trouble::HalfOpen) => {
                // One in three arrives after all, some of them after everybody has given up.
                if self.random.chance(0.33) {
                    let late = Millis(1_000 + self.random.index(44_000) as u64);
                    self.later(late, request(Answer::Lost));
                }
                self.finish(WRITE_DEADLINE, effect, timed_out());
            }
        }
    }

    pub(crate) fn finish(&mut self, after: Millis, effect: EffectId, outcome: Outcome) {
        let host = self.host;
        self.later(after, Coming::Event { host, event: Event::Finished { effect, outcome, attempts: Vec::new() } });
    }

    /// The API takes a write in: compare, and set or refuse.
    pub(crate) fn write_arrives(&mut self, request: Request) -> Check {
        let Request { host, effect, id, change: Change { to, claim }, version, answer } = request;
        self.has_intent(effect)?;
        let share = |to: &Weights, name: &str| u32::from(to.of(&name.parse().expect("a name")).get());
        let map = self.world.load_balancer.url_map();
        let mut body = to.as_ref().map_or_else(|| serde_json::json!({}), |to| url_map::reweighted(map, share(to, "run"), share(to, "gke")));
        if let Some(claim) = &claim {
            body["description"] = format!("{} {claim}", peoples(map)).into();
        }
        body["fingerprint"] = version.0.as_str().into();
        let reason = Some(effect.to_string());
        let actor = Actor { principal: PRODUCT.to_owned(), agent: "cutover".to_owned(), reason };
        let outcome = match self.world.load_balancer.write(self.now.0, Write::Patch, &body, Some(&id.to_string()), &actor) {
            Ok(load_balancer::Accepted::Fresh(operation)) => {
                self.world.note_url_map("v1.compute.urlMaps.patch", &actor, operation.id);
                require(self.mutations.insert(id), "I4", || format!("{id} was done twice"))?;
                let version = Version(self.world.load_balancer.fingerprint());
                if let (Answer::After(_), true) = (answer, host == self.host) {
                    self.happen(Event::Taken { effect, operation: Shown::new(&operation.id.to_string()) })?;
                }
                // The driver reads the map when the operation is over.
                let lag = self.now.0 - self.world.conditions.read_as_of(self.now.0, Api::Compute);
                if lag > OPERATION.0 as i64 {
                    Outcome::Unknown(Fault::new(FaultKind::Conflict, "the map does not read as wanted"))
                } else {
                    Outcome::Done(Receipt { version: Some(version), operation: Some(Shown::new(&operation.id.to_string())) })
                }
            }
            // The operation of the first copy; what has become of the object since, the driver reads.
            Ok(load_balancer::Accepted::Repeated(_)) => {
                require(id != effect, "I4", || format!("{effect} was sent twice"))?;
                let stands = self.accepted();
                let as_claimed = claim.is_none_or(|claim| stands.claimed == Claimed::By(Box::new(claim)));
                let as_split = to.is_none_or(|to| stands.weights == to);
                let readable = self.weights_seen(self.now).result.is_ok() && as_split && as_claimed;
                let doubt = || Outcome::Unknown(Fault::new(FaultKind::Unavailable, "it can't be read back"));
                if readable { Outcome::Done(Receipt { version: Some(stands.version), operation: None }) } else { doubt() }
            }
            Err(refusal) => Outcome::NotDone(Fault::new(FaultKind::Conflict, refusal.to_string())),
        };
        if let (Answer::After(after), true) = (answer, host == self.host) {
            self.finish(after, effect, outcome);
        }
        Ok(())
    }

    fn send_read(&mut self, effect: EffectId) {
        let (host, asked_at) = (self.host, self.now);
        let after = match self.world.conditions.trouble(self.now.0, Api::Compute) {
            None | Some(Trouble::Unavailable | Trouble::ReadOnly | Trouble::ReadsThrottled | Trouble::OldReads { .. }) => {
                Millis(30 + self.random.index(200) as u64)
            }
            Some(Trouble::Slow { ms }) => Millis(ms as u64).min(READ_DEADLINE),
            Some(Trouble::LostReplies | Trouble::HalfOpen | Trouble::ReadsHang | Trouble::DeadConnections) => READ_DEADLINE,
        };
        self.later(after, Coming::Answer { host, effect, asked_at });
    }

    pub(crate) fn look_is_answered(&mut self, effect: EffectId, asked_at: Timestamp) -> Check {
        let seen = self.weights_seen(asked_at);
        let outcome = match &seen.result {
            Ok(_) => Outcome::Done(Receipt::default()),
            Err(fault) => Outcome::NotDone(fault.clone()),
        };
        self.happen(Event::Observed(seen))?;
        self.happen(Event::Finished { effect, outcome, attempts: Vec::new() })
    }

    /// What a look at the weights, which began then and ends now, comes back with.
    pub(crate) fn weights_seen(&self, asked_at: Timestamp) -> Observation {
        let trouble = self.world.conditions.trouble(asked_at.0, Api::Compute);
        let fault = |kind| Err(Fault::new(kind, "the API is not well"));
        let result = match trouble {
            Some(Trouble::Unavailable | Trouble::ReadsThrottled) => fault(FaultKind::Unavailable),
            Some(Trouble::LostReplies) => fault(FaultKind::Broken),
            Some(Trouble::HalfOpen | Trouble::ReadsHang | Trouble::DeadConnections) => fault(FaultKind::TimedOut),
            Some(Trouble::Slow { ms }) if ms as u64 >= READ_DEADLINE.0 => fault(FaultKind::TimedOut),
            Some(Trouble::Slow { .. } | Trouble::ReadOnly | Trouble::OldReads { .. }) | None => Ok(vec![Fact::Accepted(self.accepted())]),
        };
        let source = "weights/frontend".parse().expect("a name");
        Observation { source, asked_at, stale_after: WEIGHTS_STALE_AFTER, result }
    }

    fn accepted(&self) -> Accepted {
        let author = self.world.audit.visible(self.now.0).next_back().map(|entry| Shown::new(&entry.actor.principal));
        let map = self.world.load_balancer.url_map_as_of(self.world.conditions.read_as_of(self.now.0, Api::Compute));
        Accepted {
            route: "frontend".parse().expect("a name"),
            weights: split(map),
            version: Version(map["fingerprint"].as_str().unwrap_or_default().to_owned()),
            actor: author,
            changed_at: None,
            hindrances: Vec::new(),
            claimed: claimed(map),
        }
    }
}

pub(crate) fn split(map: &serde_json::Value) -> Weights {
    let shares = url_map::weights(map, load_balancer::HOST);
    let of = |name: &str| shares.iter().find(|(known, _)| known == name).map_or(0, |(_, share)| *share);
    weights(of("frontend-run"), of("frontend-gke"))
}

/// What people wrote of the map.
fn peoples(map: &serde_json::Value) -> &str {
    let text = map["description"].as_str().unwrap_or_default();
    text.split_once(" [cutover").map_or(text, |(peoples, _)| peoples)
}

fn claimed(map: &serde_json::Value) -> Claimed {
    let text = map["description"].as_str().unwrap_or_default();
    let claim = text.find("[cutover").and_then(|at| text[at..].parse().ok());
    claim.map_or(Claimed::Nobody, |claim: Claim| Claimed::By(Box::new(claim)))
}
