//! One run: words become events, the core decides, the object obeys or does not, and the watchman looks on.

use std::collections::BTreeMap;

use cutover::{
    core::{
        decision::{Effect, Transition},
        event::{Alarm, Entry, Event, Hosted, WorldKind},
        runbook::Doing,
        state::State,
        step::step,
    },
    domain::{
        claim::{Claim, Claimed, Machine, Token},
        fact::{Accepted, Fact, Observation},
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        id::{EffectId, RouteId, Seq},
        standing::Act,
        time::{Millis, Timestamp},
        weight::Weights,
    },
    plan::model::Plan,
};

use super::{
    object::{Asked, Done, Object},
    ops::{Fate, Look, Op, Span},
};
use crate::{
    session::START,
    storm::thing::{Happening, Thing},
    watch::{Before, Check, Violation, Watch, settled, what_if},
};

/// For so long after a write the API may still serve what was before it.
const OLD_READS: Millis = Millis::from_secs(10);

/// Writes that left for an object and have not been answered for.
pub(crate) struct Flight {
    pub effect: EffectId,
    pub deal: Effect,
    /// The host that sent it has died; nobody waits for its end.
    orphaned: bool,
}

pub(crate) struct Run {
    pub state: State,
    pub now: Timestamp,
    pub plan: Plan,
    pub objects: Vec<Object>,
    pub things: Vec<Thing>,
    pub flights: Vec<Flight>,
    pub transitions: Vec<Transition>,
    pub asks: u64,
    pub promoted: bool,
    /// What the newest write of each object has replaced, and when.
    old: BTreeMap<RouteId, (Timestamp, Accepted)>,
    /// The second route is the one that words about "the route" mean.
    pub second: bool,
    watch: Watch,
}

impl Run {
    /// A session opened on `plan`, nothing known yet.
    pub(crate) fn open(plan: Plan, objects: Vec<Object>) -> Result<Run, Violation> {
        Run::hosted(plan, objects, 1)
    }
    /// The same on a host whose session has this token.
    pub(crate) fn hosted(plan: Plan, objects: Vec<Object>, token: u32) -> Result<Run, Violation> {
        let state = State::default();
        let mut run = Run {
            state,
            now: START,
            things: plan.steps().map(|step| Thing::new(step.id.as_str())).collect(),
            plan: plan.clone(),
            objects,
            flights: vec![],
            transitions: vec![],
            asks: 0,
            promoted: false,
            second: false,
            old: BTreeMap::new(),
            watch: Watch::default(),
        };
        let session = "night".parse().expect("a name");
        run.happen(Event::Opened { session, plan: Box::new(plan), world: WorldKind::Live })?;
        run.happen(Event::Hosted(Hosted { machine: Machine::new("ops"), token: Token::new(token), takes_over: None }))?;
        Ok(run)
    }

    /// One entry: stepped, checked, and its effects on their way.
    pub(crate) fn happen(&mut self, event: Event) -> Check {
        let before = Before::of(&self.state);
        let entry = Entry { seq: Seq(self.transitions.len() as u64), at: self.now, event };
        let decision = step(&mut self.state, &entry);
        let checked = self.watch.look(&before, &entry, &decision, &self.state);
        for effect in &decision.effects {
            match &effect.what {
                Effect::Write { .. } | Effect::Claim { .. } | Effect::Act { .. } | Effect::Read { .. } | Effect::Inject { .. } => {
                    self.flights.push(Flight { effect: effect.id, deal: effect.what.clone(), orphaned: false });
                }
                Effect::Wake { .. } => {}
            }
        }
        self.transitions.push(Transition { entry, decision });
        checked
    }

    /// A word happens, and then everything that could be asked for is tried on a copy.
    pub(crate) fn apply_and_ask(&mut self, op: &Op) -> Check {
        self.apply(op)?;
        what_if(&self.state)
    }

    fn apply(&mut self, op: &Op) -> Check {
        match op {
            Op::Pass(span) => {
                self.now = self.now + millis(*span);
                Ok(())
            }
            Op::Tick => self.happen(Event::Rang(Alarm::Tick)),
            Op::Back(seconds) => {
                self.now = self.now.before(Millis::from_secs(*seconds));
                self.old.clear();
                Ok(())
            }
            Op::Ask(who, wish) => self.ask(*who, *wish),
            Op::Beat(who) => self.happen(Event::Beat { client: who.asker().client }),
            Op::Look(who) => self.looked(*who),
            Op::Join(who) => self.join(*who),
            Op::Leave(who) => self.happen(Event::Left { client: who.asker().client }),
            Op::Healthy => self.healthy(),
            Op::Calm(seconds) => self.calm(u64::from(*seconds)),
            Op::Reading(side, class) => self.reading(*side, *class),
            Op::Scrape(side) => self.scrape_fails(*side),
            Op::Ready(side, ready) => self.ready(*side, *ready),
            Op::Probe(side, failed) => self.probe(*side, *failed),
            Op::Served(requests) => self.served(*requests),
            Op::Weights(look) => self.weights(*look),
            Op::Foreign(share) => {
                self.object().foreign(*share);
                Ok(())
            }
            Op::Meddle(meddling) => {
                self.object().meddle(*meddling);
                Ok(())
            }
            Op::End(which, fate) => self.end(usize::from(*which), *fate),
            Op::Land(which) => {
                self.object().land(usize::from(*which));
                Ok(())
            }
            Op::Promoted(promoted) => {
                self.promoted = *promoted;
                self.second = !self.second;
                Ok(())
            }
            Op::Unclaim => {
                self.object().claim(Claimed::Nobody);
                Ok(())
            }
            Op::Forge(epoch) => {
                self.object().claim(Claimed::By(Box::new(forged(*epoch))));
                Ok(())
            }
            Op::LookAt(which, look) => self.look_at(usize::from(*which), *look),
            Op::Happen(which, happening) => {
                self.thing(usize::from(*which), |thing| thing.happen(*happening));
                Ok(())
            }
            Op::TakenUp(which) => {
                self.thing(usize::from(*which), |thing| thing.land(usize::from(*which)));
                Ok(())
            }
            Op::Restart => self.restart(),
            Op::Roster(bits) => self.roster(*bits),
        }
    }

    pub(crate) fn object(&mut self) -> &mut Object {
        let place = usize::from(self.second) % self.objects.len();
        &mut self.objects[place]
    }

    fn object_of(&mut self, route: &RouteId) -> &mut Object {
        self.objects.iter_mut().find(|object| object.route == *route).expect("a route of the plan")
    }

    fn thing(&mut self, which: usize, act: impl FnOnce(&mut Thing)) {
        let of = self.things.len();
        if let Some(thing) = which.checked_rem(of).and_then(|place| self.things.get_mut(place)) {
            act(thing);
        }
    }

    fn look_at(&mut self, which: usize, look: Look) -> Check {
        let (now, of) = (self.now, self.things.len());
        let Some(thing) = which.checked_rem(of).and_then(|place| self.things.get_mut(place)) else { return Ok(()) };
        let (step, source) = (thing.step.clone(), format!("step/{}", thing.step));
        let tells = |standing| Ok(vec![Fact::Step { step, standing }]);
        match look {
            Look::Now | Look::Old | Look::Stranger => {
                let seen = thing.look();
                thing.begin_look(now);
                self.observe(&source, now, tells(seen))
            }
            Look::Late => match thing.late_look() {
                Some((asked_at, seen)) => self.observe(&source, asked_at, tells(seen)),
                None => Ok(()),
            },
            Look::Fails => self.observe(&source, now, Err(unavailable())),
        }
    }

    /// The host dies and comes back; what it sent is still on its way.
    fn restart(&mut self) -> Check {
        self.flights.iter_mut().for_each(|flight| flight.orphaned = true);
        self.flights.retain(|flight| matches!(flight.deal, Effect::Write { .. } | Effect::Claim { .. } | Effect::Act { .. }));
        for object in &mut self.objects {
            object.forget_past();
        }
        self.things.iter_mut().for_each(Thing::forget_past);
        self.happen(Event::Restarted)
    }

    /// One of the effects that are under way ends.
    pub(crate) fn end(&mut self, which: usize, fate: Fate) -> Check {
        if self.flights.is_empty() {
            return Ok(());
        }
        let Flight { effect, deal, orphaned } = self.flights.remove(which % self.flights.len());
        let outcome = match deal {
            Effect::Write { route, to, version, claim, .. } => {
                let asked = Asked { effect, to: Some(to), claim: claim.map(|claim| *claim), version };
                self.written(&route, asked, fate)
            }
            Effect::Claim { route, version, claim, .. } => {
                let asked = Asked { effect, to: None, claim: Some(*claim), version };
                self.written(&route, asked, fate)
            }
            Effect::Read { route } => {
                let asked_at = self.now;
                let object = self.objects.iter().find(|object| object.route == route).expect("a route of the plan");
                let answers = fate != Fate::NotDone && fate != Fate::Open;
                let result = if answers { Ok(vec![Fact::Accepted(object.look())]) } else { Err(unavailable()) };
                let outcome = if answers { Outcome::Done(Receipt::default()) } else { Outcome::NotDone(unavailable()) };
                self.observe(&format!("weights/{route}"), asked_at, result)?;
                outcome
            }
            Effect::Act { step, act, version, .. } => {
                let thing = self.things.iter_mut().find(|thing| thing.step == step).expect("a step of the plan");
                acted(thing, effect, act, version, fate)
            }
            Effect::Inject { .. } => Outcome::Done(Receipt::default()),
            Effect::Wake { .. } => return Ok(()),
        };
        if orphaned { Ok(()) } else { self.happen(Event::Finished { effect, outcome, attempts: Vec::new() }) }
    }

    fn written(&mut self, route: &RouteId, asked: Asked, fate: Fate) -> Outcome {
        let object = self.object_of(route);
        let before = object.look();
        let outcome = written(object, asked, fate);
        if object.version() != before.version {
            self.old.insert(route.clone(), (self.now, before));
        }
        outcome
    }

    fn weights(&mut self, look: Look) -> Check {
        let now = self.now;
        let object = self.object();
        let name = format!("weights/{}", object.route);
        match look {
            Look::Now => {
                let seen = object.look();
                object.begin_look(now);
                self.observe(&name, now, Ok(vec![Fact::Accepted(seen)]))
            }
            Look::Late => match object.late_look() {
                Some((asked_at, seen)) => self.observe(&name, asked_at, Ok(vec![Fact::Accepted(seen)])),
                None => Ok(()),
            },
            Look::Old => {
                let id = object.route.clone();
                let old = self.old.get(&id).filter(|(since, _)| now.since(*since) < OLD_READS).map(|(_, seen)| seen.clone());
                old.map_or(Ok(()), |seen| self.observe(&name, now, Ok(vec![Fact::Accepted(seen)])))
            }
            Look::Fails => self.observe(&name, now, Err(unavailable())),
            Look::Stranger => {
                let seen = super::hand::with_stranger(object.look());
                self.observe(&name, now, Ok(vec![Fact::Accepted(seen)]))
            }
        }
    }

    pub(crate) fn observe(&mut self, source: &str, asked_at: Timestamp, result: Result<Vec<Fact>, Fault>) -> Check {
        let source = source.parse().expect("a name");
        self.happen(Event::Observed(Observation { source, asked_at, stale_after: Millis::from_secs(10), result }))
    }

    /// So many seconds in which nothing goes wrong.
    pub(crate) fn calm(&mut self, seconds: u64) -> Check {
        for second in 0..seconds {
            self.now = self.now + Millis::from_secs(1);
            while !self.flights.is_empty() {
                self.end(0, Fate::Done)?;
            }
            // Sensors look each few seconds.
            if second % 4 == 0 {
                self.things.iter_mut().for_each(|thing| thing.happen(Happening::Ends));
                (0..self.things.len()).try_for_each(|which| self.look_at(which, Look::Now))?;
                self.healthy()?;
                self.beats()?;
            } else {
                self.happen(Event::Rang(Alarm::Tick))?;
            }
        }
        Ok(())
    }

    /// Faults stop; then, within its time, everything has settled or says why not (I19).
    pub(crate) fn comes_to_rest(&mut self) -> Check {
        self.promoted = false;
        self.objects.iter_mut().for_each(Object::drop_open);
        for thing in &mut self.things {
            thing.drop_open();
            thing.happen(Happening::Ends);
        }
        let longest = self.plan.routes.iter().map(|route| route.settle.0 / 1000).max().unwrap_or(0);
        self.calm(60 + longest + 65)?;
        let truth: BTreeMap<String, Weights> = self.objects.iter().map(|object| (object.route.to_string(), object.weights())).collect();
        settled(&self.state, |route| truth[route].clone())
    }

    /// I4, I22: what was recorded, read back from its JSON, gives the same decisions and the same state; and a snapshot is the state.
    pub(crate) fn replays(&self) -> Check {
        let mut state = State::default();
        for transition in &self.transitions {
            let json = serde_json::to_string(transition).map_err(|error| broken(&error.to_string()))?;
            let read: Transition = serde_json::from_str(&json).map_err(|error| broken(&format!("{error} in {json}")))?;
            let decision = step(&mut state, &read.entry);
            if decision != transition.decision {
                return Err(broken(&format!("entry {} decides {decision:?} and decided {:?}", read.entry.seq, transition.decision)));
            }
        }
        if state != self.state {
            return Err(broken("the replayed state is another"));
        }
        let json = serde_json::to_string(&state).map_err(|error| broken(&error.to_string()))?;
        let copy: State = serde_json::from_str(&json).map_err(|error| broken(&error.to_string()))?;
        if copy == state { Ok(()) } else { Err(broken("the state does not survive its own snapshot")) }
    }

    /// An act is taken up once, and only one that the journal has; and none is followed for ever.
    pub(crate) fn acts_are_taken_once(&self) -> Check {
        let acts = self.transitions.iter().flat_map(|transition| &transition.decision.effects);
        let meant: std::collections::BTreeSet<EffectId> =
            acts.filter(|effect| matches!(effect.what, Effect::Act { .. })).map(|effect| effect.id).collect();
        for thing in &self.things {
            if thing.twice.is_some() || !thing.taken.is_subset(&meant) {
                return Err(Violation { invariant: "I1", what: format!("{thing:?}") });
            }
        }
        let followed = self.state.steps.iter().find(|(_, known)| known.doing != Doing::Nothing);
        followed.map_or(Ok(()), |(step, known)| Err(Violation { invariant: "I19", what: format!("{step} after the calm: {known:?}") }))
    }

    /// I1, I13: every change of the object by us has its intent, once, and made of it what the intent says.
    pub(crate) fn mutations_have_intents(&self) -> Check {
        let intents: BTreeMap<EffectId, Option<&Weights>> =
            self.transitions.iter().flat_map(|transition| &transition.decision.effects).filter_map(intent).collect();
        for object in &self.objects {
            let mut seen = std::collections::BTreeSet::new();
            for Done { effect, to, .. } in &object.done {
                let meant = intents.get(effect).is_some_and(|intent| *intent == to.as_ref()) && seen.insert(*effect);
                if !meant {
                    return Err(Violation { invariant: "I1", what: format!("{effect} made {to:?} of {}", object.route) });
                }
            }
        }
        Ok(())
    }
}

fn intent(effect: &cutover::core::decision::IssuedEffect) -> Option<(EffectId, Option<&Weights>)> {
    match &effect.what {
        Effect::Write { to, .. } => Some((effect.id, Some(to))),
        Effect::Claim { .. } => Some((effect.id, None)),
        Effect::Act { .. } | Effect::Read { .. } | Effect::Wake { .. } | Effect::Inject { .. } => None,
    }
}

fn written(object: &mut Object, asked: Asked, fate: Fate) -> Outcome {
    let timed_out = || Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s"));
    match fate {
        Fate::Done => object.write(asked),
        Fate::NotDone => Outcome::NotDone(unavailable()),
        Fate::LostReply => {
            object.write(asked);
            Outcome::Unknown(Fault::new(FaultKind::Broken, "reset"))
        }
        Fate::Open => {
            object.leave_open(asked);
            timed_out()
        }
        Fate::LostRequest => timed_out(),
    }
}

fn acted(thing: &mut Thing, effect: EffectId, act: Act, version: Version, fate: Fate) -> Outcome {
    let timed_out = || Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s"));
    match fate {
        Fate::Done => thing.take(effect, act, &version),
        Fate::NotDone => Outcome::NotDone(unavailable()),
        Fate::LostReply => {
            thing.take(effect, act, &version);
            Outcome::Unknown(Fault::new(FaultKind::Broken, "reset"))
        }
        Fate::Open => {
            thing.leave_open(effect, act, version);
            timed_out()
        }
        Fate::LostRequest => timed_out(),
    }
}

/// The claim of somebody who only says that he is one.
pub(crate) fn forged(epoch: u8) -> Claim {
    let text = format!("[cutover claim/1 other 0badcafe epoch {epoch} since 1800000000 on elsewhere by - steers]");
    text.parse().expect("a claim")
}

pub(crate) fn unavailable() -> Fault {
    Fault::new(FaultKind::Unavailable, "503")
}

fn broken(what: &str) -> Violation {
    Violation { invariant: "I4", what: what.to_owned() }
}

fn millis(span: Span) -> Millis {
    match span {
        Span::Moment => Millis(3),
        Span::Second => Millis::from_secs(1),
        Span::Seconds(seconds) => Millis::from_secs(seconds.into()),
        Span::Minutes(minutes) => Millis::from_mins(minutes.into()),
    }
}
