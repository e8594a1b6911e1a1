//! A cockpit in a bottle for tests of the core: a plan, a session that is stepped by hand, and readable ways to say what happens.
//!
//! There is no world here that answers by itself; a test says what was seen and what came of each write.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;

use cutover::core::news::News;
use cutover::domain::digest::Digest;
use cutover::{
    core::{
        command::{Command, ControlsCommand},
        decision::{Decision, Effect, IssuedEffect, Refusal, Verdict},
        event::{Alarm, Asker, Entry, Event, WorldKind},
        home::{Home, home},
        state::{Motion, RouteState, State},
        step::step,
    },
    domain::{
        answer::Answers,
        claim::Claimed,
        fact::{Accepted, Fact, Observation, Probed, Served},
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        hindrance::Hindrance,
        id::{AskId, BackendId, ClientId, EffectId, RouteId, Seq, SourceId},
        metric::{Gap, Measured, Metric, Sample},
        platform::{Platform, Workload},
        role::Role,
        shown::Shown,
        table::Table,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    plan::model::{Backend, Driver, Limits, OnBlind, Plan, Route, Trigger, TriggerAction, UnlikeHome, WorkloadRef},
};

pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);
pub(crate) const STALE: Millis = Millis::from_secs(10);
pub(crate) const SECOND: Millis = Millis::from_secs(1);

pub(crate) fn route() -> RouteId {
    "frontend".parse().expect("a name")
}
pub(crate) fn run() -> BackendId {
    "run".parse().expect("a name")
}
pub(crate) fn gke() -> BackendId {
    "gke".parse().expect("a name")
}
pub(crate) fn source(name: &str) -> SourceId {
    name.parse().expect("a name")
}
/// So much on GKE, the rest on Cloud Run, in per mille.
pub(crate) fn split(gke_share: u16) -> Weights {
    let share = |share| PerMille::new(share).expect("at most 1000");
    Weights::new(BTreeMap::from([(gke(), share(gke_share)), (run(), share(1000 - gke_share))])).expect("sums to 1000")
}
pub(crate) fn person(client: u64, name: &str, role: Role) -> Asker {
    Asker { client: ClientId(client), who: name.parse().expect("a name"), role }
}
pub(crate) fn ana() -> Asker {
    person(1, "ana", Role::Pilot)
}
pub(crate) fn ben() -> Asker {
    person(2, "ben", Role::Operator)
}

fn backend(id: BackendId, platform: Platform, workload: WorkloadRef) -> Backend {
    let title = Shown::new(id.as_str());
    Backend {
        title: title.clone(),
        platform,
        target: title,
        project: None,
        ref_kind: None,
        workload,
        metrics_url: None,
        readings: None,
        probe_url: None,
        probe_expect: None,
        pods: None,
        series: Vec::new(),
        id,
    }
}

pub(crate) fn trigger(name: &str, metric: Metric, above: f64, lasting: Millis) -> Trigger {
    Trigger {
        id: name.parse().expect("a name"),
        title: Shown::new(name),
        route: route(),
        backend: gke(),
        metric,
        limit: above,
        lasting,
        requests_min: 100,
        action: TriggerAction::Rollback,
        on_blind: OnBlind::Rollback,
        at_once: None,
    }
}

/// The seed's plan, small: error rate above 5 % for 2 min, p95 above 1 s for 5 min, steps of at most 25 %.
pub(crate) fn plan() -> Plan {
    let share = |share| PerMille::new(share).expect("at most 1000");
    let deployment = WorkloadRef::Deployment { cluster: "c".into(), namespace: "n".into(), deployment: "frontend".into() };
    Plan {
        series: Vec::new(),
        name: "hexproperty".into(),
        hash: Digest::of(b"hexproperty"),
        project: "hexproperty".into(),
        universe_domain: None,
        region: "us-central1".into(),
        clusters: BTreeMap::new(),
        manifests: Vec::new(),
        routes: vec![Route {
            id: route(),
            title: "frontend".into(),
            driver: Driver::default_route("hexproperty-lb".into()),
            backends: vec![
                backend(run(), Platform::CloudRun, WorkloadRef::CloudRunService { service: "frontend".into() }),
                backend(gke(), Platform::Gke, deployment),
            ],
            home: run(),
            target: gke(),
            ladder: [10, 50, 250, 500, 1000].map(share).to_vec(),
            gates: Vec::new(),
            step_max: share(250),
            settle: Millis::from_secs(60),
            front_door: None,
            expect: None,
            unlike_home: UnlikeHome::Rollback,
        }],
        triggers: vec![
            trigger("error-rate", Metric::ErrorRate, 0.05, Millis::from_mins(2)),
            trigger("p95-latency", Metric::P95Latency, 1000.0, Millis::from_mins(5)),
        ],
        checklist: Vec::new(),
        database: None,
        phases: Vec::new(),
        limits: Limits { scrape_every: Millis::from_secs(2), read_every: Millis::from_secs(5), home_ready_min: share(500) },
    }
}

/// A session that a test steps by hand. Everything that was stepped is kept.
pub(crate) struct Session {
    pub state: State,
    pub now: Timestamp,
    pub entries: Vec<Entry>,
    pub decisions: Vec<Decision>,
    asks: u64,
    pub version: u64,
    share: u16,
    /// Whose claim the next look finds.
    pub claimed: Claimed,
}

impl Session {
    /// Opened, with both people here, and nothing known of the world.
    pub(crate) fn open(plan: Plan) -> Session {
        Session::open_on(START, plan)
    }
    /// The same, with its first entry at `began`.
    fn open_on(began: Timestamp, plan: Plan) -> Session {
        let mut session = Session {
            state: State::default(),
            now: began,
            entries: vec![],
            decisions: vec![],
            asks: 0,
            version: 1,
            share: 0,
            claimed: Claimed::Untold,
        };
        let world = WorldKind::Live;
        session.step(Event::Opened { session: "night".parse().expect("a name"), plan: Box::new(plan), world });
        for by in [ana(), ben()] {
            session.step(Event::Joined { client: by.client, who: by.who, role: by.role, terminal: None, credentials: None });
        }
        session
    }

    /// Opened, everything healthy, the route at `share`, and ana at the controls.
    pub(crate) fn at(share: u16) -> Session {
        Session::with(plan(), share)
    }
    /// At 25 % on GKE, moved there by ana, settled, all well.
    pub(crate) fn at_a_quarter() -> Session {
        let mut session = Session::at(10);
        assert_eq!(session.shift(10, 250), Verdict::Accepted);
        session.settle();
        session
    }
    pub(crate) fn with(plan: Plan, share: u16) -> Session {
        Session::with_on(START, plan, share)
    }
    /// The same, with its first entry at `began`.
    pub(crate) fn with_on(began: Timestamp, plan: Plan, share: u16) -> Session {
        let mut session = Session::open_on(began, plan);
        session.weights(share);
        session.healthy();
        assert_eq!(session.ask(&ana(), Command::Controls(ControlsCommand::Take)), Verdict::Accepted);
        session
    }

    pub(crate) fn step(&mut self, event: Event) -> Decision {
        let entry = Entry { seq: Seq(self.entries.len() as u64), at: self.now, event };
        let decision = step(&mut self.state, &entry);
        self.entries.push(entry);
        self.decisions.push(decision.clone());
        decision
    }
    /// Lets time pass without anything else.
    pub(crate) fn wait(&mut self, span: Millis) -> Decision {
        self.now = self.now + span;
        self.step(Event::Rang(Alarm::Tick))
    }
    /// Lets time pass second by second, with the world healthy and both people's terminals alive.
    pub(crate) fn calm(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now + Millis::from_secs(1);
            self.healthy();
            self.beats();
            self.weights(self.share);
        }
    }
    pub(crate) fn beats(&mut self) {
        for by in [ana(), ben()] {
            self.step(Event::Beat { client: by.client });
        }
    }

    pub(crate) fn ask(&mut self, by: &Asker, command: Command) -> Verdict {
        self.asks += 1;
        let decision = self.step(Event::Asked { by: by.clone(), ask: AskId(self.asks), key: None, command, credentials: None });
        let answer = decision.answer.expect("each question has an answer");
        assert_eq!((answer.client, answer.ask), (by.client, AskId(self.asks)));
        answer.verdict
    }
    pub(crate) fn shift(&mut self, from: u16, to: u16) -> Verdict {
        self.ask(&ana(), Command::Shift { route: route(), from: split(from), to: split(to) })
    }
    pub(crate) fn rollback(&mut self, by: &Asker) -> Verdict {
        self.ask(by, Command::Rollback { route: None, reason: None })
    }

    pub(crate) fn see(&mut self, name: &str, facts: Vec<Fact>) -> Decision {
        self.see_since(name, self.now, Ok(facts))
    }
    pub(crate) fn see_since(&mut self, name: &str, asked_at: Timestamp, result: Result<Vec<Fact>, Fault>) -> Decision {
        self.step(Event::Observed(Observation { source: source(name), asked_at, stale_after: STALE, result }))
    }
    /// The weights, read now, under the version that the last change gave them.
    pub(crate) fn weights(&mut self, share: u16) -> Decision {
        self.weights_by(share, None)
    }
    pub(crate) fn weights_by(&mut self, share: u16, actor: Option<&str>) -> Decision {
        self.share = share;
        let accepted = Accepted {
            route: route(),
            weights: split(share),
            version: Version(format!("v{}", self.version)),
            actor: actor.map(Shown::new),
            changed_at: None,
            hindrances: Vec::new(),
            claimed: self.claimed.clone(),
        };
        self.see("weights/frontend", vec![Fact::Accepted(accepted)])
    }
    /// A whole split and what stands against it, under a version of its own.
    pub(crate) fn split(&mut self, shares: &[(&str, u16)], hindrances: Vec<Hindrance>) -> Decision {
        self.version += 1;
        let share = |(id, share): &(&str, u16)| (id.parse().expect("a name"), PerMille::new(*share).expect("at most 1000"));
        let weights = Weights::new(shares.iter().map(share).collect()).expect("sums to 1000");
        let version = Version(format!("v{}", self.version));
        let claimed = self.claimed.clone();
        let accepted = Accepted { route: route(), weights, version, actor: None, changed_at: None, hindrances, claimed };
        self.see("weights/frontend", vec![Fact::Accepted(accepted)])
    }
    /// Where the users of the route are by the core's own word.
    pub(crate) fn home(&self) -> Home {
        let plan = &self.state.opened.as_ref().expect("it is open").plan;
        home(&self.state, &plan.routes[0])
    }
    /// So many seconds of requests, 20 in each.
    pub(crate) fn serve(&mut self, seconds: u64, from_gke: u64) {
        for _ in 0..seconds {
            self.now = self.now + Millis::from_secs(1);
            self.healthy();
            self.beats();
            self.weights(self.share);
            self.served(20 - from_gke, from_gke);
        }
    }
    /// One second of so many requests a second.
    pub(crate) fn serve_at(&mut self, from_run: u64, from_gke: u64) {
        self.now = self.now + Millis::from_secs(1);
        self.healthy();
        self.beats();
        self.weights(self.share);
        self.served(from_run, from_gke);
    }
    /// Somebody else changed the weights, which gives the object another version; then they are read.
    pub(crate) fn foreign(&mut self, share: u16) -> Decision {
        self.version += 1;
        self.weights_by(share, Some("terraform@ci"))
    }

    pub(crate) fn sample(&mut self, metric: Metric, value: f64) -> Decision {
        self.measured(metric, Ok(Sample::exact(value, 500, self.now)))
    }
    pub(crate) fn measured(&mut self, metric: Metric, measured: Measured) -> Decision {
        self.see("scrape/gke", vec![Fact::Measured { backend: gke(), values: BTreeMap::from([(metric, measured)]) }])
    }
    pub(crate) fn gap(&mut self, metric: Metric, gap: Gap) -> Decision {
        self.measured(metric, Err(gap))
    }
    pub(crate) fn scrape_fails(&mut self) -> Decision {
        self.see_since("scrape/gke", self.now, Err(Fault::new(FaultKind::Unreachable, "connection refused")))
    }
    pub(crate) fn workload(&mut self, backend: BackendId, ready: u32) -> Decision {
        let workload = Workload::counted(ready, 6, "1.42.0");
        self.see(&format!("workload/{backend}"), vec![Fact::Workload { backend, workload }])
    }
    pub(crate) fn probe(&mut self, backend: BackendId, failed: u64) -> Decision {
        let probed = Probed { backend: backend.clone(), sent: 5, failed, dropped: 0, answers: Answers::default(), slowest_ms: Some(80.0) };
        self.see(&format!("probe/{backend}"), vec![Fact::Probed(probed)])
    }
    /// What requests through the front door met in the last second.
    pub(crate) fn served(&mut self, from_run: u64, from_gke: u64) -> Decision {
        let by_backend = Table::from([(run(), from_run), (gke(), from_gke)]);
        let served = Served {
            route: route(),
            span: Millis::from_secs(1),
            by_backend,
            failed: 0,
            dropped: 0,
            unmarked: 0,
            answers: Table::default(),
            unmarked_answers: Answers::default(),
        };
        self.see("probe/frontend", vec![Fact::Served(served)])
    }
    /// What requests through the front door met, kind by kind: from Cloud Run, from GKE, from nobody.
    pub(crate) fn met(&mut self, from_run: &[(&str, u64)], from_gke: &[(&str, u64)], unmarked: &[(&str, u64)]) -> Decision {
        let answers = |kinds: &[(&str, u64)]| kinds.iter().map(|(kind, count)| (kind.parse().expect("a kind"), *count)).collect();
        let given: Table<_, Answers> = Table::from([(run(), answers(from_run)), (gke(), answers(from_gke))]);
        let unmarked_answers: Answers = answers(unmarked);
        let served = Served {
            route: route(),
            span: Millis::from_secs(4),
            by_backend: given.iter().map(|(backend, answers)| (backend.clone(), answers.total())).collect(),
            answers: given,
            failed: 0,
            dropped: 0,
            unmarked: unmarked_answers.total(),
            unmarked_answers,
        };
        self.see("front-door/frontend", vec![Fact::Served(served)])
    }
    /// Every source says that all is well.
    pub(crate) fn healthy(&mut self) {
        self.home_healthy();
        self.workload(gke(), 6);
        self.probe(gke(), 0);
        let ok = |value| Ok(Sample::exact(value, 500, self.now));
        let values = BTreeMap::from([(Metric::ErrorRate, ok(0.002)), (Metric::P95Latency, ok(150.0))]);
        self.see("scrape/gke", vec![Fact::Measured { backend: gke(), values }]);
    }
    pub(crate) fn home_healthy(&mut self) {
        self.workload(run(), 6);
        self.probe(run(), 0);
    }

    pub(crate) fn finish(&mut self, effect: EffectId, outcome: Outcome) -> Decision {
        self.step(Event::Finished { effect, outcome, attempts: Vec::new() })
    }
    /// The newest write was done: the object has another version, and the look that follows sees it.
    pub(crate) fn write_done(&mut self) -> Decision {
        let (effect, to) = self.last_write();
        self.version += 1;
        let receipt = Receipt { version: Some(Version(format!("v{}", self.version))), operation: None };
        let decision = self.finish(effect, Outcome::Done(receipt));
        self.weights(to.of(&gke()).get());
        self.end_reads();
        decision
    }
    pub(crate) fn end_reads(&mut self) {
        let reads = self.state.in_flight.iter().filter(|(_, flight)| matches!(flight.deal, Effect::Read { .. }));
        for effect in reads.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.finish(effect, Outcome::Done(Receipt::default()));
        }
    }
    /// The write is done, traffic follows, and the plan's time to settle is over.
    pub(crate) fn settle(&mut self) {
        self.write_done();
        self.calm(61);
        assert_eq!(self.route().motion, Motion::Settled);
    }

    pub(crate) fn route(&self) -> &RouteState {
        &self.state.routes[&route()]
    }
    pub(crate) fn writes(&self) -> Vec<(EffectId, Weights)> {
        self.decisions.iter().flat_map(writes).collect()
    }
    pub(crate) fn last_write(&self) -> (EffectId, Weights) {
        self.writes().pop().expect("something was written")
    }
    pub(crate) fn version(&self) -> Version {
        Version(format!("v{}", self.version))
    }
}

pub(crate) fn writes(decision: &Decision) -> Vec<(EffectId, Weights)> {
    let written = |effect: &IssuedEffect| match &effect.what {
        Effect::Write { to, .. } => Some((effect.id, to.clone())),
        Effect::Claim { .. } | Effect::Act { .. } | Effect::Read { .. } | Effect::Wake { .. } | Effect::Inject { .. } => None,
    };
    decision.effects.iter().filter_map(written).collect()
}
pub(crate) fn reads(decision: &Decision) -> usize {
    decision.effects.iter().filter(|effect| matches!(effect.what, Effect::Read { .. })).count()
}
pub(crate) fn told(decision: &Decision) -> &[News] {
    &decision.news
}
pub(crate) fn refused(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Refused(refusal) => refusal,
        other => panic!("expected a refusal and got {other:?}"),
    }
}
