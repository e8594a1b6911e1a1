//! The hands of a run: what people ask, and what sensors say.

use std::collections::BTreeMap;

use cutover::domain::digest::Digest;
use cutover::{
    core::{
        command::{Command, ControlsCommand, Look},
        event::{Asker, Event, Listed, Roster, TerminalSize},
        runbook::Act,
    },
    domain::{
        answer::Answers,
        database::{Engine, Movement, Serving},
        fact::{Accepted, Fact, Probed, ReplicaState, Replication, Served, Writable},
        fault::Version,
        id::{AskId, BackendId, RouteId, StepId},
        metric::{Gap, Measured, Metric, Sample},
        platform::Workload,
        role::Role,
        shown::Shown,
        table::Table,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
};

use super::{
    ops::{Class, Request, Requests, Side, Who},
    run::{Run, forged, unavailable},
};
use crate::{session::person, watch::Check};

const EVERYBODY: [Who; 5] = [Who::Ana, Who::AnaElsewhere, Who::Ben, Who::Cat, Who::Dan];

impl Who {
    pub(crate) fn asker(self) -> Asker {
        match self {
            Who::Ana => person(1, "ana", Role::Pilot),
            Who::Ben => person(2, "ben", Role::Operator),
            Who::Cat => person(3, "cat", Role::Approver),
            Who::Dan => person(4, "dan", Role::Watcher),
            Who::AnaElsewhere => person(5, "ana", Role::Pilot),
        }
    }
}

impl Run {
    pub(crate) fn ask(&mut self, who: Who, wish: Request) -> Check {
        self.asks += 1;
        let command = self.command(wish);
        self.happen(Event::Asked { by: who.asker(), ask: AskId(self.asks), key: None, command, credentials: None })
    }

    fn command(&mut self, wish: Request) -> Command {
        let object = self.object().clone();
        let route = object.route.clone();
        let known = &self.state.routes[&route];
        let stands = known.wanted.clone().unwrap_or_else(|| object.weights());
        let digest = || self.state.approvals.keys().next().copied().unwrap_or(Digest::of(b"nothing"));
        let text = |text: &str| Shown::new(text);
        match wish {
            Request::Shift(share) => Command::Shift { from: stands, to: object.at(share), route },
            Request::Next => {
                let share = stands.of(&object.target).get();
                Command::Shift { from: stands, to: object.at((share + 120).min(1000)), route }
            }
            Request::Stale(share) => Command::Shift { from: object.at((share + 7) % 1000), to: object.at(share), route },
            Request::Stranger => {
                let to = Weights::all_on(&"moon".parse().expect("a name"), [&object.home]);
                Command::Shift { from: stands, to, route }
            }
            Request::RollbackAll => Command::Rollback { route: None, reason: None },
            Request::Rollback => Command::Rollback { route: Some(route), reason: Some(text("it smells")) },
            Request::Hold => Command::Hold { route },
            Request::Resume => Command::Resume { route },
            Request::Rearm => Command::Rearm { route, reason: text("the cause is gone") },
            Request::RearmSilently => Command::Rearm { route, reason: text(" ") },
            Request::Adopt => Command::AdoptDrift { found: known.accepted.as_ref().map_or(stands, |known| known.weights.clone()), route },
            Request::AdoptOther => Command::AdoptDrift { found: object.at(333), route },
            Request::TakeOver => {
                let from = known.steering.another().cloned().map(Box::new);
                Command::TakeOver { route, from, reason: text("the other host is gone") }
            }
            Request::TakeOverOther => Command::TakeOver { route, from: Some(Box::new(forged(99))), reason: text("so") },
            Request::Take => Command::Controls(ControlsCommand::Take),
            Request::GiveUp => Command::Controls(ControlsCommand::GiveUp),
            Request::AskFor => Command::Controls(ControlsCommand::AskFor),
            Request::HandTo(who) => Command::Controls(ControlsCommand::HandTo(who.asker().who)),
            Request::Approve => Command::Approve { digest: digest() },
            Request::ApproveNothing => Command::Approve { digest: Digest::of(b"nothing") },
            Request::Deny => Command::Deny { digest: digest(), reason: None },
            Request::Withdraw => Command::Withdraw { digest: digest() },
            Request::Sign => Command::Sign { item: "backup-taken".parse().expect("a name"), note: text("seen") },
            Request::Unsign => Command::Unsign { item: "backup-taken".parse().expect("a name") },
            Request::Say => Command::Say { text: text("hello") },
            Request::LookHere => Command::LookHere { pane: text("triggers") },
            Request::Inject => Command::Inject { inject: text("gke-errors") },
            Request::Run(which) => self.act(which, Act::Run),
            Request::Undo(which) => self.act(which, Act::Undo),
            Request::RunOther(which) => {
                Command::Act { step: self.step_of(which), act: Act::Run, version: Version("s99".to_owned()), named: None }
            }
            Request::Skip(which) => Command::Skip { step: self.step_of(which), reason: text("done by hand") },
        }
    }

    fn step_of(&self, which: u8) -> StepId {
        let steps: Vec<&StepId> = self.plan.steps().map(|step| &step.id).collect();
        let place = usize::from(which).checked_rem(steps.len());
        place.map_or_else(|| "none".parse().expect("a name"), |place| steps[place].clone())
    }
    /// As it was last seen.
    fn act(&self, which: u8, act: Act) -> Command {
        let step = self.step_of(which);
        let seen = self.state.steps.get(&step).and_then(|known| known.seen.as_ref());
        let version = seen.and_then(|seen| seen.standing.version()).cloned().unwrap_or(Version(String::new()));
        Command::Act { step, act, version, named: None }
    }

    pub(crate) fn looked(&mut self, who: Who) -> Check {
        let object = self.object();
        let look = Look::Draft { route: object.route.clone(), to: Some(object.at(120)) };
        self.happen(Event::Looked { by: who.asker(), key: None, look })
    }
    pub(crate) fn join(&mut self, who: Who) -> Check {
        let Asker { client, who, role } = who.asker();
        self.happen(Event::Joined { client, who, role, terminal: Some(TerminalSize { columns: 80, rows: 24 }), credentials: None })
    }
    /// Cat is listed or not, is a watcher there or not, and Ben comes with another key or from another account.
    pub(crate) fn roster(&mut self, bits: u8) -> Check {
        let is = |bit: u8| bits & (1 << bit) != 0;
        let listed = |who: Who| {
            let Asker { who, role, .. } = who.asker();
            Listed { who, role, uid: 1000, login: None, key: None }
        };
        let mut people = vec![listed(Who::Ana), listed(Who::Ben)];
        people[1].uid = if is(2) { 1001 } else { 1000 };
        people[1].key = is(3).then(|| format!("SHA256:{}", "b".repeat(43)).parse().expect("a fingerprint"));
        if is(0) {
            people.push(listed(Who::Cat));
            people[2].role = if is(1) { Role::Watcher } else { Role::Approver };
        }
        self.happen(Event::Roster(Roster { digest: Some(Digest::of(&[bits])), people }))
    }
    pub(crate) fn everybody_joins(&mut self) -> Check {
        EVERYBODY.into_iter().try_for_each(|who| self.join(who))
    }
    pub(crate) fn beats(&mut self) -> Check {
        EVERYBODY.into_iter().try_for_each(|who| self.happen(Event::Beat { client: who.asker().client }))
    }

    /// All sources, of all routes, say that all is well; and the weights are read.
    pub(crate) fn healthy(&mut self) -> Check {
        for object in self.objects.clone() {
            for backend in [&object.home, &object.target] {
                self.workload(backend, 6)?;
                self.probed(backend, 0)?;
                let fine = |value| Ok(Sample::exact(value, 500, self.now));
                let values = BTreeMap::from([(Metric::ErrorRate, fine(0.002)), (Metric::P95Latency, fine(150.0))]);
                self.observe(&format!("scrape/{backend}"), self.now, Ok(vec![measured(backend, values)]))?;
            }
            self.requests(&object.route, counts(&object.weights()))?;
            self.observe(&format!("weights/{}", object.route), self.now, Ok(vec![Fact::Accepted(object.look())]))?;
        }
        self.replica()
    }

    fn replica(&mut self) -> Check {
        let state = if self.promoted { ReplicaState::Primary } else { ReplicaState::Replicating };
        let lag = Ok(Sample::exact(0.2, 1, self.now));
        let instance = "replica".parse().expect("a name");
        let seen = Replication {
            instance,
            primary: None,
            state,
            serving: Serving::Running,
            engine: Some(Engine::Postgres),
            lag,
            behind_bytes: None,
            movement: Movement::Moves,
            writable: Writable::ReadOnly,
            operation: None,
        };
        self.observe("sql/replica", self.now, Ok(vec![Fact::Replication(seen)]))
    }

    fn backend(&mut self, side: Side) -> BackendId {
        let object = self.object();
        match side {
            Side::Home => object.home.clone(),
            Side::Target => object.target.clone(),
        }
    }

    pub(crate) fn reading(&mut self, side: Side, class: Class) -> Check {
        let backend = self.backend(side);
        let now = self.now;
        let values = BTreeMap::from([(Metric::ErrorRate, sample(class, now, 0.05)), (Metric::P95Latency, sample(class, now, 1000.0))]);
        self.observe(&format!("scrape/{backend}"), now, Ok(vec![measured(&backend, values)]))
    }
    pub(crate) fn scrape_fails(&mut self, side: Side) -> Check {
        let backend = self.backend(side);
        self.observe(&format!("scrape/{backend}"), self.now, Err(unavailable()))
    }
    pub(crate) fn ready(&mut self, side: Side, ready: u32) -> Check {
        let backend = self.backend(side);
        self.workload(&backend, ready)
    }
    pub(crate) fn probe(&mut self, side: Side, failed: u64) -> Check {
        let backend = self.backend(side);
        self.probed(&backend, failed)
    }

    fn workload(&mut self, backend: &BackendId, ready: u32) -> Check {
        let workload = Workload::counted(ready, 6, "1.42.0");
        self.observe(&format!("workload/{backend}"), self.now, Ok(vec![Fact::Workload { backend: backend.clone(), workload }]))
    }
    fn probed(&mut self, backend: &BackendId, failed: u64) -> Check {
        let probed = Probed {
            backend: backend.clone(),
            sent: 5,
            failed: failed.min(5),
            dropped: 0,
            answers: Answers::default(),
            slowest_ms: Some(80.0),
        };
        self.observe(&format!("probe/{backend}"), self.now, Ok(vec![Fact::Probed(probed)]))
    }

    pub(crate) fn served(&mut self, requests: Requests) -> Check {
        let object = self.object().clone();
        let by_backend = match requests {
            Requests::Follow => counts(&object.weights()),
            Requests::Elsewhere => counts(&object.at(1000 - object.share())),
            Requests::Few => Table::from([(object.target.clone(), 1)]),
        };
        self.requests(&object.route, by_backend)
    }
    fn requests(&mut self, route: &RouteId, by_backend: Table<BackendId, u64>) -> Check {
        let name = format!("probe/{route}");
        let served = Served {
            route: route.clone(),
            span: Millis::from_secs(1),
            by_backend,
            failed: 0,
            dropped: 0,
            unmarked: 0,
            answers: Table::default(),
            unmarked_answers: Answers::default(),
        };
        self.observe(&name, self.now, Ok(vec![Fact::Served(served)]))
    }
}

/// A thousand requests, split so.
fn counts(weights: &Weights) -> Table<BackendId, u64> {
    weights.iter().map(|(id, share)| (id.clone(), u64::from(share.get()))).collect()
}

fn measured(backend: &BackendId, values: BTreeMap<Metric, Measured>) -> Fact {
    Fact::Measured { backend: backend.clone(), values }
}

fn sample(class: Class, now: Timestamp, limit: f64) -> Measured {
    let with = |value, requests, at| Ok(Sample::exact(value, requests, at));
    match class {
        Class::Fine => with(limit / 10.0, 500, now),
        Class::Bad => with(limit * 3.0, 500, now),
        Class::Border => with(limit, 500, now),
        Class::Few => with(limit * 3.0, 3, now),
        Class::Empty => Err(Gap::Missing),
        Class::NotANumber => Err(Gap::NotANumber),
        Class::Infinite => Err(Gap::Infinite),
        Class::Negative => with(-1.0, 500, now),
        Class::Old => with(limit / 10.0, 500, now.before(Millis::from_secs(60))),
        Class::Ahead => with(limit / 10.0, 500, now + Millis::from_secs(9)),
        Class::Missing => Err(Gap::Partial),
        Class::Restarted => Err(Gap::Restarted),
        Class::TooEarly => Err(Gap::TooEarly),
    }
}

/// The same look, with a third backend that has taken some of the traffic.
pub(crate) fn with_stranger(seen: Accepted) -> Accepted {
    let mut shares: BTreeMap<BackendId, PerMille> = seen.weights.clone().into();
    let most = shares.iter().max_by_key(|(_, share)| **share).map(|(id, _)| id.clone());
    let taken = most.and_then(|id| shares.get_mut(&id)).map_or(0, |share| {
        let taken = share.get().min(100);
        *share = share.saturating_sub(taken);
        taken
    });
    let moon = shares.entry("moon".parse().expect("a name")).or_default();
    *moon = moon.saturating_add(taken);
    Accepted { weights: Weights::new(shares).expect("a tenth went to the moon"), ..seen }
}
