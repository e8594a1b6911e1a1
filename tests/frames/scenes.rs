//! Moments of a night at HexProperty, as states: what a cockpit is handed when they happen.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use cutover::core::state::{ReplicaTerm, ShiftTerms, Terms};
use cutover::domain::digest::Digest;
use cutover::{
    core::{
        acts::{Act, What},
        command::Command,
        decision::{Cause, Effect, Fired, Refusal, Verdict},
        door::{Difference, Met, Proof as DoorProof, Unlike},
        event::{Asker, Listed, Roster, TerminalSize, WorldKind},
        marks::Mark,
        news::{News, Settling, Taking},
        past::Track,
        readiness::Readiness,
        reason::{Evidence, Mover},
        state::{
            Approval, BackendState, Drift, FeedLine, Goal, Holder, ItemState, ItemStatus, Latch, Motion, Observed, Opened, Person,
            ProbeState, Reading, Repeats, ReplicationState, Return, ReturnStage, RouteState, Share, SourceState, State, TriggerState,
        },
    },
    domain::{
        answer::{AnswerKind, Answers, Redirect, TextMatch},
        claim::Claimed,
        credentials::{Credentials, Proven},
        database::{Engine, Movement, Serving},
        fact::{Accepted, ReplicaState, Replication, Writable},
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        hindrance::Hindrance,
        id::{AskId, ClientId, EffectId, Seq},
        metric::{Gap, Metric, Sample},
        platform::{Containers, Happening, Pod, Readiness as PodReadiness, Scale, Workload},
        role::Role,
        shown::Shown,
        table::Table,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    plan::{
        self,
        model::{Check, Plan, Proof},
    },
    tui::view::{Me, View},
};

/// 2026-11-24, 03:12:40 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_795_489_960_000);

pub(crate) fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub(crate) fn ago(seconds: u64) -> Timestamp {
    NOW.before(Millis::from_secs(seconds))
}

pub(crate) fn gke(percent: u16) -> Weights {
    Weights::all_on(&id("run"), &[id("run"), id("gke")]).with(&id("gke"), PerMille::percent(percent).unwrap()).unwrap()
}

fn plan() -> Plan {
    plan::read(include_bytes!("../../plans/hexproperty.yaml")).expect("our own plan").0
}

/// The pilot's own view.
pub(crate) fn view() -> View {
    View { me: Some(Me { client: ClientId(1), who: id("ada"), role: Role::Pilot }), now: NOW, ..View::new() }
}

/// A quarter of the traffic on GKE, all well.
pub(crate) fn calm() -> State {
    let plan = plan();
    let mut state = State { seq: Seq(4_711), now: NOW, ..State::default() };
    state.routes.insert(id("frontend"), route(25));
    state.backends.insert(id("run"), backend("frontend-00042-bim", 90.0, 0.002, 180.0, 12));
    state.backends.insert(id("gke"), backend("frontend:1.42.0", 30.0, 0.0018, 150.0, 6));
    for trigger in &plan.triggers {
        let value = if trigger.metric == Metric::ErrorRate { 0.0018 } else { 150.0 };
        let known = TriggerState { reading: Reading::Ok, value: Some(value), value_at: Some(ago(2)), ..TriggerState::default() };
        state.triggers.insert(trigger.id.clone(), known);
    }
    for source in ["weights/frontend", "scrape/run", "scrape/gke", "front-door/frontend"] {
        let known = SourceState { asked_at: ago(2), ok_at: Some(ago(2)), fault: None, stale_after: Millis::from_secs(15), failures: 0 };
        state.sources.insert(id(source), known);
    }
    for item in &plan.checklist {
        state.checklist.insert(item.id.clone(), answered(&item.proof));
    }
    for (name, lag) in [("hexproperty-prod", None), ("hexproperty-replica", Some(0.3))] {
        state.replication.insert(id(name), instance(name, lag));
    }
    let holder = Holder { client: ClientId(1), who: id("ada"), since: ago(5_000), beat_at: ago(2) };
    state.controls.holder = Some(holder);
    state.controls.epoch = 3;
    state.people = people();
    state.feed = feed().into();
    state.opened =
        Some(Opened { session: id("hexproperty-20261124-0100"), plan: plan.into(), world: WorldKind::Live, at: ago(8_000), restarts: 0 });
    state
}

fn route(percent: u16) -> RouteState {
    let share = f64::from(percent) / 100.0;
    let band = |at: f64| Share { fraction: at, low: (at - 0.012).max(0.0), high: (at + 0.012).min(1.0) };
    let shares = Table::from([(id("gke"), band(share - 0.003)), (id("run"), band(1.003 - share))]);
    RouteState {
        wanted: Some(gke(percent)),
        accepted: Some(Accepted {
            route: id("frontend"),
            weights: gke(percent),
            version: Version("b1a7".to_owned()),
            actor: None,
            changed_at: Some(ago(700)),
            hindrances: Vec::new(),
            claimed: Claimed::Nobody,
        }),
        accepted_at: Some(ago(3)),
        accepted_seq: Some(Seq(4_700)),
        changed_at: Some(ago(700)),
        moved_by: Some(Mover::Us(by_ada())),
        followed_in: Some(Millis::from_secs(34)),
        observed: Some(Observed { at: ago(1), requests: 3_604, failed: 7, dropped: 0, shares, ..Observed::default() }),
        proof: cutover::core::state::Proof::Proven { at: ago(660) },
        motion: Motion::Settled,
        readiness: Readiness {
            against: vec![],
            home_scale: Scale::Counted { ready: 12, desired: 12 },
            takes: Millis::from_secs(34),
            moves: share,
            seen_at: Some(ago(3)),
        },
        ..RouteState::default()
    }
}

/// A figure that wanders a little, 200 columns of it.
fn history(around: f64) -> VecDeque<Option<f64>> {
    (0..200).map(|x| Some(around * (1.0 + 0.25 * f64::from(x).mul_add(0.35, 0.0).sin() + 0.15 * (f64::from(x) * 1.7).cos()))).collect()
}

fn sample(value: f64) -> Sample {
    Sample::exact(value, 1_800, ago(2))
}

fn backend(version: &str, rate: f64, errors: f64, p95: f64, instances: u32) -> BackendState {
    let figures = [
        (Metric::RequestRate, rate),
        (Metric::ErrorRate, errors),
        (Metric::P50Latency, p95 / 3.0),
        (Metric::P95Latency, p95),
        (Metric::P99Latency, p95 * 1.8),
        (Metric::DropRate, 0.0),
    ];
    let pods = (0..instances).filter(|_| version.contains(':')).map(|number| pod(number, PodReadiness::Ready, "Running"));
    BackendState {
        values: figures.into_iter().map(|(metric, value)| (metric, Ok(sample(value)))).collect(),
        values_at: Some(ago(2)),
        workload: Some(Workload { pods: pods.collect(), ..Workload::counted(instances, instances, version) }),
        workload_at: Some(ago(4)),
        ready_most: instances,
        probe: Some(ProbeState { at: ago(3), sent: 5, failed: 0, dropped: 0, answers: Answers::default(), slowest_ms: Some(p95) }),
        history_at: Some(ago(2)),
        history: figures.into_iter().map(|(metric, value)| (metric, history(value))).collect(),
        ..BackendState::default()
    }
}

fn pod(number: u32, ready: PodReadiness, status: &str) -> Pod {
    Pod {
        name: Shown::new(&format!("frontend-6c9d7b{number:02}-x{number}k2v")),
        status: Shown::new(status),
        ready,
        restarts: if ready == PodReadiness::Ready { 0 } else { 4 },
        node: Shown::new(&format!("gke-hexproperty-prod-{}", ["a", "b", "c"][number as usize % 3])),
        created_at: Some(ago(90_000)),
        containers: Containers { ready: u32::from(ready == PodReadiness::Ready), total: 1 },
        restarted_at: (ready != PodReadiness::Ready).then(|| ago(40)),
        reason: (ready != PodReadiness::Ready)
            .then(|| Shown::new("frontend: back-off 40s restarting failed container; before that, Error, exit code 1")),
    }
}

fn answered(proof: &Proof) -> ItemState {
    let done = |evidence: Evidence, age: u64| ItemState {
        status: ItemStatus::Done,
        evidence,
        seen_at: Some(ago(age)),
        since: Some(ago(age)),
        ..ItemState::default()
    };
    match proof {
        Proof::Signed => ItemState { signed_by: Some(id("bob")), ..done(Evidence::Note("seen on the console".into()), 90_000) },
        Proof::Collected(Check::AllTrafficOnTarget) => ItemState {
            status: ItemStatus::Open,
            evidence: Evidence::NotAllOnTarget { route: id("frontend"), target: id("gke"), share: PerMille::percent(25).unwrap() },
            ..ItemState::default()
        },
        Proof::Collected(Check::StableFor(_)) => ItemState { status: ItemStatus::Open, ..ItemState::default() },
        Proof::Collected(Check::ReplicationLagBelow(_)) => done(Evidence::LagWithin { seconds: vec![(id("hexproperty-replica"), 0.3)] }, 4),
        Proof::Collected(_) => done(Evidence::Monitored { sources: 4, triggers: 2, of: 2 }, 3),
    }
}

fn instance(name: &str, lag: Option<f64>) -> ReplicationState {
    let state = if lag.is_some() { ReplicaState::Replicating } else { ReplicaState::Primary };
    ReplicationState {
        now: Replication {
            instance: id(name),
            primary: lag.map(|_| id("hexproperty-prod")),
            state,
            serving: Serving::Running,
            engine: Some(Engine::Postgres),
            lag: lag.map_or(Err(Gap::Missing), |lag| Ok(Sample { at: ago(130), ..sample(lag) })),
            behind_bytes: lag.map(|_| 4_096),
            movement: Movement::Moves,
            writable: if lag.is_some() { Writable::ReadOnly } else { Writable::AcceptsWrites },
            operation: None,
        },
        seen_at: ago(4),
        said: None,
        history: if lag.is_some() { history(0.3) } else { VecDeque::new() },
        history_at: Some(ago(2)),
        past: Default::default(),
    }
}

fn people() -> BTreeMap<ClientId, Person> {
    let person = |who: &str, role, focus: &str| Person {
        who: id(who),
        role,
        joined_at: ago(6_000),
        active_at: ago(20),
        terminal: Some(TerminalSize { columns: 120, rows: 40 }),
        credentials: None,
        focus: Some(Shown::new(focus)),
        drafts: BTreeMap::new(),
    };
    BTreeMap::from([
        (ClientId(1), person("ada", Role::Pilot, "traffic")),
        (ClientId(2), person("bob", Role::Operator, "journal")),
        (ClientId(3), person("eve", Role::Watcher, "platforms")),
    ])
}

/// Who stands behind the names, as a host of now says it: ada comes by her account, bob proves his key.
pub(crate) fn identified(mut state: State) -> State {
    let key = |letter: &str| format!("SHA256:{}", letter.repeat(43)).parse().expect("a fingerprint");
    let known = [(1, 1001, "ada", Proven::Account), (2, 1002, "ops", Proven::Key(key("b"))), (3, 1003, "eve", Proven::Account)];
    for (client, uid, login, proven) in known {
        let person = state.people.get_mut(&ClientId(client)).expect("here");
        person.credentials = Some(Credentials { uid, login: Some(Shown::new(login)), proven });
    }
    let listed = |person: &Person| Listed { who: person.who.clone(), role: person.role, uid: 1000, login: None, key: None };
    let people = state.people.values().map(listed).collect();
    state.roster = Some(Roster { digest: Some(Digest::of(b"roster")), people });
    state
}

fn line(seconds: u64, who: Option<&str>, news: News) -> FeedLine {
    FeedLine { seq: Seq(4_700 - seconds / 10), at: ago(seconds), who: who.map(id), news, repeats: None }
}

fn by_ada() -> Cause {
    Cause::Operator { who: id("ada"), reason: None, approved_by: None }
}

fn feed() -> VecDeque<FeedLine> {
    let moving = |from, to| News::Moving { route: id("frontend"), from: gke(from), to: gke(to), cause: by_ada() };
    let settled = |seconds| News::Settled { route: id("frontend"), how: Settling::Proven { after: Millis::from_secs(seconds) } };
    let note = "3x peak for an hour, p95 stayed under 400ms".into();
    VecDeque::from([
        line(4_000, Some("ada"), News::ControlsTaken { by: id("ada"), how: Taking::WereFree }),
        line(3_600, Some("ada"), moving(0, 1)),
        line(3_566, None, settled(34)),
        line(2_400, Some("ada"), moving(1, 5)),
        line(2_360, None, settled(40)),
        line(1_200, Some("bob"), News::Signed { item: id("load-test"), by: id("bob"), note }),
        line(734, Some("ada"), moving(5, 25)),
        line(700, None, settled(34)),
        line(300, Some("eve"), News::Joined { who: id("eve"), role: Role::Watcher, credentials: None }),
    ])
}

/// A quarter on GKE, and errors there for 74 of the 120 seconds.
pub(crate) fn breach() -> State {
    let mut state = calm();
    let errors = 0.082;
    let gke = state.backends.get_mut(&id("gke")).unwrap();
    gke.values.insert(Metric::ErrorRate, Ok(sample(errors)));
    gke.values.insert(Metric::P95Latency, Ok(sample(640.0)));
    for (metric, high) in [(Metric::ErrorRate, errors), (Metric::P95Latency, 640.0)] {
        let points = gke.history.get_mut(&metric).unwrap();
        points.iter_mut().rev().take(15).for_each(|point| *point = Some(high));
    }
    let workload = gke.workload.as_mut().unwrap();
    (workload.scale, workload.restarts, workload.trouble) =
        (Scale::Counted { ready: 4, desired: 6 }, 8, Some(Shown::new("2 pods in CrashLoopBackOff")));
    workload.pods[1] = pod(1, PodReadiness::NotReady, "CrashLoopBackOff");
    workload.pods[4] = pod(4, PodReadiness::NotReady, "CrashLoopBackOff");
    gke.probe = Some(ProbeState { at: ago(3), sent: 5, failed: 2, dropped: 0, answers: Answers::default(), slowest_ms: Some(930.0) });
    gke.happenings = VecDeque::from([Happening {
        at: ago(60),
        kind: Shown::new("Warning"),
        reason: Shown::new("BackOff"),
        object: Shown::new("pod/frontend-6c9d7b01-x1k2v"),
        message: Shown::new("Back-off restarting failed container frontend"),
        count: 7,
        shape: Shown::new("Back-off restarting failed container frontend"),
        objects: 2,
    }]);
    let trigger = state.triggers.get_mut(&id("error-rate")).unwrap();
    *trigger = TriggerState {
        reading: Reading::Breach,
        pending_since: Some(ago(74)),
        breaches: 15,
        last_breach_at: Some(ago(2)),
        value: Some(errors),
        value_at: Some(ago(2)),
        ..TriggerState::default()
    };
    let item = state.checklist.get_mut(&id("error-rates")).unwrap();
    let beyond = Evidence::BeyondLimit { metric: Metric::ErrorRate, backend: id("gke"), value: errors, limit: 0.01 };
    (item.status, item.evidence, item.since) = (ItemStatus::Failing, beyond, Some(ago(74)));
    let breached = News::Breached { trigger: id("error-rate"), value: errors, acts_in: Some(Millis::from_mins(2)) };
    state.feed.push_back(line(74, None, breached));
    state
}

/// The trigger has fired; home is accepted, the data plane follows.
pub(crate) fn rollback() -> State {
    let mut state = breach();
    let cause = Cause::Triggers(vec![Fired { trigger: id("error-rate"), value: Some(0.082) }]);
    let route = state.routes.get_mut(&id("frontend")).unwrap();
    route.wanted = Some(gke(0));
    route.accepted.as_mut().unwrap().weights = gke(0);
    route.observed.as_mut().unwrap().shares.insert(id("gke"), Share { fraction: 0.13, low: 0.118, high: 0.142 });
    route.before = Some(gke(25));
    route.proof = cutover::core::state::Proof::Unproven;
    route.changed_at = Some(ago(11));
    route.fading.insert(id("gke"), PerMille::percent(25).unwrap());
    route.observed.as_mut().unwrap().shares.insert(id("run"), Share { fraction: 0.87, low: 0.858, high: 0.882 });
    route.moved_by = Some(Mover::Us(cause.clone()));
    route.motion =
        Motion::Propagating { to: gke(0), since: ago(11), until: NOW + Millis::from_secs(109), cause: cause.clone(), goal: Goal::Rollback };
    route.latch = Some(Latch { cause: cause.clone(), at: ago(12), was_home: false, joined: vec![] });
    let trigger = state.triggers.get_mut(&id("error-rate")).unwrap();
    (trigger.pending_since, trigger.fired_at) = (None, Some(ago(12)));
    state.feed.push_back(line(12, None, News::RollbackBegan { route: id("frontend"), cause }));
    state.feed.push_back(line(11, None, News::HomeAccepted { route: id("frontend"), after: Millis(900) }));
    state
}

/// Twelve minutes after that rollback: re-armed, and nothing of it forgotten. A colleague without the controls asked three times; containers
/// went on restarting; for a minute nothing was known.
pub(crate) fn remembered() -> State {
    let mut state = calm();
    state.feed.clear();
    let cause = Cause::Triggers(vec![Fired { trigger: id("error-rate"), value: Some(0.082) }]);
    let happened = [
        (840, Some("ada"), News::Moving { route: id("frontend"), from: gke(5), to: gke(25), cause: by_ada() }),
        (600, None, News::Breached { trigger: id("error-rate"), value: 0.082, acts_in: Some(Millis::from_mins(2)) }),
        (480, None, News::RollbackBegan { route: id("frontend"), cause: cause.clone() }),
        (420, None, News::HomeSeen { route: id("frontend"), after: Millis::from_secs(58) }),
        (60, Some("ada"), News::Rearmed { route: id("frontend"), reason: "the secret is mounted again".into() }),
    ];
    for (seconds, who, news) in happened {
        let kind = news.milestone().expect("each is worth a mark");
        let (seq, at) = (Seq(4_700 - seconds / 10), ago(seconds));
        let until = matches!(news, News::Breached { .. }).then(|| ago(450));
        state.marks.push_back(Mark { seq, at, until, times: 1, route: Some(id("frontend")), kind, news: news.clone() });
        state.feed.push_back(line(seconds, who, news));
    }
    let restarted = News::ContainersRestarted { backend: id("gke"), restarts: 41, more: 1, over: None };
    let repeats = Some(Repeats { since: ago(590), times: 38 });
    state.feed.push_back(FeedLine { repeats, ..line(30, None, restarted) });
    let asked = |command, verdict| What::Answered {
        by: Asker { client: ClientId(2), who: id("bob"), role: Role::Operator },
        command: Box::new(command),
        verdict: Box::new(verdict),
    };
    let shift = Command::Shift { route: id("frontend"), from: gke(0), to: gke(25) };
    let refused = Verdict::Refused(Refusal::Latched { cause: cause.clone() });
    let (from, to, version) = (gke(25), gke(0), Version("b1a7".to_owned()));
    let write = Effect::Write { route: id("frontend"), from, to, version, cause, again: None, claim: None };
    let effect = EffectId { seq: Seq(4_652), index: 0 };
    let done = Some((ago(479), Outcome::Done(Receipt::default())));
    let acts = [
        Act { seq: Seq(4_652), at: ago(480), since: ago(480), times: 1, what: What::Sent { effect, what: Box::new(write), ended: done } },
        Act { seq: Seq(4_680), at: ago(200), since: ago(230), times: 3, what: asked(shift, refused) },
    ];
    state.acts = acts.map(Arc::new).into();
    let share = |from: usize, to: usize| {
        move |place: usize| if (from..to).contains(&place) { 0.25 } else { 0.05 * f64::from(u8::from(place < from)) }
    };
    let route = state.routes.get_mut(&id("frontend")).unwrap();
    let course = |given: &dyn Fn(usize) -> f64, known: &dyn Fn(usize) -> bool| Track {
        at: Some(ago(2)),
        recent: (0..200).map(|place| known(place).then(|| given(place))).collect(),
        ..Track::default()
    };
    route.given = course(&share(32, 104), &|_| true);
    route.got = course(&share(40, 116), &|place| !(150..162).contains(&place));
    let gke = state.backends.get_mut(&id("gke")).unwrap();
    for (place, value) in gke.history.get_mut(&Metric::ErrorRate).unwrap().iter_mut().enumerate() {
        *value = match place {
            80..110 => Some(0.082),
            150..162 => None,
            _ => *value,
        };
    }
    state
}

/// GKE's own figures have stopped coming, and the triggers that need them are blind.
pub(crate) fn stale() -> State {
    let mut state = calm();
    let fault = Fault::new(FaultKind::TimedOut, "no answer within 4s");
    let source = state.sources.get_mut(&id("scrape/gke")).unwrap();
    (source.ok_at, source.fault, source.failures) = (Some(ago(95)), Some(fault), 19);
    let gke = state.backends.get_mut(&id("gke")).unwrap();
    gke.values.values_mut().for_each(|value| *value = Err(Gap::Stale));
    gke.values_at = Some(ago(95));
    gke.workload_at = Some(ago(130));
    gke.probe = None;
    for points in gke.history.values_mut() {
        points.iter_mut().rev().take(19).for_each(|point| *point = None);
    }
    for trigger in state.triggers.values_mut() {
        trigger.reading = Reading::Unknown { gap: Gap::Stale };
        trigger.blind_since = Some(ago(80));
    }
    for item in ["monitoring", "error-rates", "latency"] {
        let item = state.checklist.get_mut(&id(item)).unwrap();
        (item.status, item.evidence) =
            (ItemStatus::Unknown, Evidence::SourceSilent { source: id("scrape/gke"), why: Some(FaultKind::TimedOut) });
    }
    let replica = state.replication.get_mut(&id("hexproperty-replica")).unwrap();
    (replica.now.lag, replica.seen_at) = (Err(Gap::Stale), ago(70));
    state.feed.push_back(line(80, None, News::Blind { trigger: id("error-rate"), gap: Some(Gap::Stale) }));
    state
}

/// Somebody set another weight in the console.
pub(crate) fn drift() -> State {
    let mut state = calm();
    let route = state.routes.get_mut(&id("frontend")).unwrap();
    route.accepted.as_mut().unwrap().weights = gke(60);
    let by = Mover::Foreign { actor: Some("mallory@hexproperty.com".into()) };
    route.drift = Some(Drift { expected: gke(25), found: gke(60), by, since: ago(9), flips: VecDeque::from([ago(9)]) });
    state
}

/// A step that is too large for one person.
pub(crate) fn approval() -> State {
    let mut state = calm();
    let by = Asker { client: ClientId(2), who: id("bob"), role: Role::Operator };
    // Only who has the controls can have asked.
    state.controls.holder = Some(Holder { client: by.client, who: by.who.clone(), since: ago(5_000), beat_at: ago(2) });
    let digest = Digest::of(b"bob's step");
    let terms = Terms::Shift(ShiftTerms {
        route: id("frontend"),
        target: id("gke"),
        from: gke(25),
        to: gke(100),
        version: Version("b1a7".to_owned()),
        replication: vec![(id("hexproperty-prod"), ReplicaTerm::AcceptsWrites), (id("hexproperty-replica"), ReplicaTerm::WithinBounds)],
        plan: state.opened.as_ref().unwrap().plan.hash,
        epoch: 3,
    });
    let (expires_at, stood_still, barred) = (NOW + Millis::from_secs(280), Millis(0), BTreeMap::new());
    let approval = Approval { digest, by, ask: AskId(7), terms, at: ago(20), expires_at, stood_still, barred };
    state.approvals.insert(digest, approval);
    state
}

/// A revision that the plan does not know has a tenth of the traffic.
pub(crate) fn stranger() -> State {
    let mut state = calm();
    let route = state.routes.get_mut(&id("frontend")).unwrap();
    let shares = [("gke", 250), ("run", 650), ("hotfix", 100)].map(|(name, share)| (id(name), PerMille::new(share).unwrap()));
    let accepted = route.accepted.as_mut().unwrap();
    accepted.weights = Weights::new(BTreeMap::from(shares)).unwrap();
    let share = PerMille::new(100).unwrap();
    accepted.hindrances = vec![Hindrance::Stranger { backend: id("hotfix"), name: "frontend-hotfix".into(), share }];
    let seen = route.observed.as_mut().unwrap();
    seen.shares.insert(id("hotfix"), Share { fraction: 0.098, low: 0.085, high: 0.112 });
    seen.shares.insert(id("run"), Share { fraction: 0.655, low: 0.63, high: 0.68 });
    state
}

/// A rollback that the API has refused for more than a minute.
pub(crate) fn stuck() -> State {
    let mut state = rollback();
    let why = Fault::new(FaultKind::Forbidden, "Required 'compute.urlMaps.update' permission for 'hexproperty-lb'");
    let cause = state.routes[&id("frontend")].latch.as_ref().unwrap().cause.clone();
    let route = state.routes.get_mut(&id("frontend")).unwrap();
    route.accepted.as_mut().unwrap().weights = gke(25);
    let shares = &mut route.observed.as_mut().unwrap().shares;
    shares.insert(id("gke"), Share { fraction: 0.247, low: 0.235, high: 0.259 });
    shares.insert(id("run"), Share { fraction: 0.753, low: 0.741, high: 0.765 });
    route.fading.clear();
    route.motion = Motion::Returning(Return {
        to: gke(0),
        since: ago(72),
        cause,
        writes: 7,
        failures: 7,
        fault: Some(why),
        came_first: None,
        fences: None,
        escalated_at: Some(ago(42)),
        sent: None,
        stage: ReturnStage::Retry { at: NOW + Millis::from_secs(3) },
    });
    route.latch.as_mut().unwrap().at = ago(72);
    state
}

/// The same six seconds after the key: the write was refused twice, and it is too early to call it stuck.
pub(crate) fn refused() -> State {
    let mut state = stuck();
    let route = state.routes.get_mut(&id("frontend")).unwrap();
    if let Motion::Returning(back) = &mut route.motion {
        (back.since, back.writes, back.failures, back.escalated_at) = (ago(6), 2, 2, None);
    }
    route.latch.as_mut().unwrap().at = ago(6);
    state
}

/// A session that has just been taken up: nothing is known of what requests meet.
pub(crate) fn unproven() -> State {
    let mut state = calm();
    let route = state.routes.get_mut(&id("frontend")).unwrap();
    route.proof = cutover::core::state::Proof::Unproven;
    route.observed = None;
    state
}

/// Home is accepted and seen; nothing advances until somebody re-arms.
pub(crate) fn latched() -> State {
    let mut state = rollback();
    let route = state.routes.get_mut(&id("frontend")).unwrap();
    route.motion = Motion::Settled;
    route.proof = cutover::core::state::Proof::Proven { at: ago(60) };
    route.fading.clear();
    route.changed_at = Some(ago(131));
    route.latch.as_mut().unwrap().at = ago(132);
    route.observed.as_mut().unwrap().shares = Table::from([
        (id("gke"), Share { fraction: 0.0, low: 0.0, high: 0.004 }),
        (id("run"), Share { fraction: 1.0, low: 0.996, high: 1.0 }),
    ]);
    let trigger = state.triggers.get_mut(&id("error-rate")).unwrap();
    (trigger.reading, trigger.value, trigger.fired_at) = (Reading::Unknown { gap: Gap::LowVolume }, None, Some(ago(132)));
    state
}

/// Every answer of the target is 404 where home answers 200, and its platform and its own counters call it well.
pub(crate) fn not_found() -> State {
    let mut state = calm();
    let kind = |status, media| AnswerKind::new(status, media, Redirect::Nowhere, TextMatch::NotAsked);
    let difference = Difference { answer: kind(404, "text/plain"), count: 901, of: 901, home: kind(200, "text/html") };
    let proof = DoorProof { since: ago(12), last: ago(1), withheld_since: None };
    let met = Met {
        at: ago(1),
        answered: Some(ago(1)),
        answers: 901,
        failed: 901,
        share: Share { fraction: 1.0, low: 0.99, high: 1.0 },
        failing: None,
        unlike: Some(Unlike { difference, proof }),
        unanswered: None,
    };
    state.routes.get_mut(&id("frontend")).unwrap().front_door.met.insert(id("gke"), met);
    let gke = state.backends.get_mut(&id("gke")).unwrap().probe.as_mut().unwrap();
    (gke.failed, gke.slowest_ms) = (5, Some(12.0));
    state
}

/// One percent on GKE, too few requests there to judge any trigger, and its probe clean.
pub(crate) fn thin() -> State {
    let mut state = calm();
    state.routes.insert(id("frontend"), RouteState { changed_at: Some(ago(40)), ..route(1) });
    let gke = state.backends.get_mut(&id("gke")).unwrap();
    gke.values.insert(Metric::RequestRate, Ok(Sample::exact(1.1, 34, ago(2))));
    for metric in [Metric::ErrorRate, Metric::P50Latency, Metric::P95Latency, Metric::P99Latency] {
        gke.values.insert(metric, Err(Gap::LowVolume));
    }
    for trigger in state.triggers.values_mut() {
        (trigger.reading, trigger.value, trigger.value_at) = (Reading::Unknown { gap: Gap::LowVolume }, None, None);
    }
    state
}
