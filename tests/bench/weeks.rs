//! What a journal costs over hours and weeks: bytes an hour at the plan's default rates, calm and while a Deployment of 10,000 pods churns;
//! how soon a host is back and a cockpit in; and how long the engine is held up by a new segment.
//!
//! The looks are made here, in the rhythm in which the product's sensors look, with figures that differ at each look as real ones do; what
//! becomes of them is the product's own: thinned, stepped, recorded, rolled, sealed, taken up.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use cutover::{
    core::{
        decision::{Effect, Transition},
        event::{Alarm, Entry, Event, WorldKind},
        state::State,
        step::step,
        thin::thin,
    },
    domain::{
        answer::Answers,
        claim::Claimed,
        database::{Engine, Movement, Serving},
        fact::{Accepted, Fact, Observation, Probed, ReplicaState, Replication, Served, Writable},
        fault::Version,
        id::{BackendId, ClientId, Seq},
        metric::{Measured, Metric, Sample},
        platform::{Containers, Happening, Pod, Readiness, Scale, Workload},
        role::Role,
        table::Table,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    journal::segment::{Form, list},
    plan,
    session::{
        recorder::{Recorder, Weight},
        refold::recorded,
    },
    sim::world::random::Random,
};

use crate::clock::{ms, own_cpu, row, timed};

const START_MS: i64 = 1_800_000_000_000;
const DEPLOYMENT: usize = 10_000;
/// So often each flight is flown for the figure of its longest step.
const FLIGHTS: usize = 3;
/// As many pods as a look tells.
const TOLD_MAX: usize = 200;

pub(crate) fn weeks() {
    measure("calm", 8, Pods::Still);
    measure("10,000 pods churning", 2, Pods::Churning);
}

/// Four weeks in full: it takes some minutes and some hundred MB.
pub(crate) fn four_weeks() {
    measure("calm, four weeks in full", 28 * 24, Pods::Still);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pods {
    Still,
    /// Every pod is replaced once an hour.
    Churning,
}

fn measure(what: &str, hours: u64, pods: Pods) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("weeks-{}", std::process::id()));
    let _was_there = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder of our own");
    let path = folder.join("journal");
    let mut flight = flown(&path, hours, pods);
    println!("  {what}: {hours} h, {} entries", flight.next.0);
    let plain = flight.bytes as f64 / 1e6 / hours as f64;
    let pieces = list(&path).expect("our own journal");
    let sealed: Vec<_> = pieces.iter().filter(|piece| piece.form == Form::Sealed).collect();
    let bytes: u64 = sealed.iter().map(|piece| fs::metadata(&piece.path).expect("our own").len()).sum();
    // Only what is sealed is counted, for the time that it covers.
    let covered = flight.rolled_at.since(Timestamp(START_MS)).as_secs_f64() / 3600.0;
    let packed = bytes as f64 / 1e6 / covered;
    row("as it is written, an hour", format!("{plain:.2} MB"));
    row(&format!("sealed, states included, an hour ({} segments)", sealed.len()), format!("{packed:.3} MB"));
    row("four weeks of that, and one plain segment", format!("{:.0} MB", packed * 672.0 + 8.4));
    row("longest copy of the state on the engine's turn, CPU", ms(flight.longest_copy));
    row("longest way into the next segment, CPU", ms(flight.longest_roll_computing));
    row("    with its two waits for the disk", ms(flight.longest_roll));
    longest_step(&flight, &(1..FLIGHTS).map(|again| flown(&folder.join(format!("again-{again}")), hours, pods)).collect::<Vec<_>>());
    let state = std::mem::take(&mut flight.state);
    drop(flight);
    let (began, before) = (Instant::now(), own_cpu());
    let (_, folded) = Recorder::open(&path, "bench").expect("our own journal");
    row("a host is back, and the CPU of that", format!("{} and {}", ms(began.elapsed()), ms(own_cpu() - before)));
    assert!(folded.state == state && folded.differs.is_none());
    let began = Instant::now();
    let json = serde_json::to_string(&state).expect("a state is JSON");
    let written = began.elapsed();
    let began = Instant::now();
    let read: State = serde_json::from_str(&json).expect("a state is JSON");
    row(
        &format!("a cockpit's first state, {} kB: written and read", json.len() / 1000),
        format!("{} and {}", ms(written), ms(began.elapsed())),
    );
    drop(read);
    fs::remove_dir_all(&folder).expect("our own folder");
}

fn flown(path: &Path, hours: u64, pods: Pods) -> Flight {
    let mut flight = Flight::begin(path, pods);
    flight.fly(Millis::from_mins(hours * 60));
    flight
}

/// Each flight takes the same steps, so what a step costs is the least that it took in any of them; whatever else it took in one was the
/// machine's. A single flight's longest step is told beside it.
fn longest_step(flight: &Flight, again: &[Flight]) {
    let least = |(place, took): (usize, &Step)| again.iter().map(|other| other.steps[place].cpu).chain([took.cpu]).min();
    let longest = flight.steps.iter().enumerate().filter_map(|step| Some((least(step)?, step.0))).max().expect("a flight has steps");
    let told = |place: usize| {
        let Step { bytes, disk, .. } = flight.steps[place];
        format!("entry {place}, {bytes} B, {}", if disk == Disk::Written { "written out" } else { "buffered" })
    };
    row("longest step with its record, CPU", format!("{} ({})", ms(longest.0), told(longest.1)));
    for one in again.iter().chain([flight]) {
        let longest = one.steps.iter().enumerate().max_by_key(|(_, step)| step.cpu).expect("a flight has steps");
        let over = one.steps.iter().filter(|step| step.cpu > Duration::from_millis(5)).count();
        row("    of one flight", format!("{} ({}), {over} of {} over 5 ms", ms(longest.1.cpu), told(longest.0), one.steps.len()));
    }
}

/// What one entry took, with its record.
#[derive(Debug, Clone, Copy)]
struct Step {
    cpu: Duration,
    bytes: u32,
    disk: Disk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    Buffered,
    Written,
}

/// A source and when it is looked at again; the rhythms are those in which `cli::compose` lets the product look.
struct Look {
    what: What,
    every: u64,
    due: i64,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Weights,
    FrontDoor,
    Scrape(&'static str),
    Probe(&'static str),
    CloudRun,
    Kubernetes,
    Database(&'static str),
    /// The holder of the controls.
    Beat,
}

struct Flight {
    book: Recorder,
    state: State,
    next: Seq,
    now: i64,
    random: Random,
    looks: Vec<Look>,
    cluster: Cluster,
    quiet_since: i64,
    bytes: u64,
    rolled_at: Timestamp,
    longest_copy: Duration,
    longest_roll: Duration,
    longest_roll_computing: Duration,
    steps: Vec<Step>,
}

impl Flight {
    fn begin(path: &Path, pods: Pods) -> Flight {
        let (plan, _) = plan::read(include_bytes!("../../plans/hexproperty.yaml")).expect("our own plan");
        let session = "weeks".parse().expect("a name");
        let book = Recorder::create(path, Timestamp(START_MS), &session, &plan.hash.to_string(), "bench").expect("a new journal");
        let look = |what, every| Look { what, every, due: START_MS + i64::try_from(every).expect("short") % 977 };
        let kubernetes = if pods == Pods::Still { 5_000 } else { 250 };
        let looks = vec![
            look(What::Weights, 5_000),
            look(What::FrontDoor, 4_000),
            look(What::Scrape("run"), 5_000),
            look(What::Scrape("gke"), 5_000),
            look(What::Probe("run"), 5_000),
            look(What::Probe("gke"), 5_000),
            look(What::CloudRun, 5_000),
            look(What::Kubernetes, kubernetes),
            look(What::Database("hexproperty-prod"), 10_000),
            look(What::Database("hexproperty-replica"), 10_000),
            look(What::Beat, 5_000),
        ];
        let mut flight = Flight {
            book,
            state: State::default(),
            next: Seq(0),
            now: START_MS,
            random: Random::named(1, "weeks"),
            looks,
            cluster: Cluster::new(pods),
            quiet_since: START_MS,
            bytes: 0,
            rolled_at: Timestamp(START_MS),
            longest_copy: Duration::ZERO,
            longest_roll: Duration::ZERO,
            longest_roll_computing: Duration::ZERO,
            steps: Vec::new(),
        };
        flight.happen(Event::Opened { session, plan: Box::new(plan), world: WorldKind::Live });
        let who = "ana".parse().expect("a name");
        flight.happen(Event::Joined { client: ClientId(1), who, role: Role::Pilot, terminal: None, credentials: None });
        flight
    }

    fn fly(&mut self, span: Millis) {
        let end = START_MS + i64::try_from(span.0).expect("some weeks");
        while self.now < end {
            self.now += 50;
            for place in 0..self.looks.len() {
                let Look { what, every, due } = &mut self.looks[place];
                if *due > self.now {
                    continue;
                }
                // A look takes its time; no two of them take the same.
                *due = self.now + i64::try_from(*every).expect("short") + self.random.index(60) as i64;
                let what = *what;
                let event = self.seen(what);
                self.happen(event);
            }
            if self.now - self.quiet_since >= 1_000 {
                self.happen(Event::Rang(Alarm::Tick));
            }
        }
        self.book.flush().expect("a disk that is well");
    }

    fn happen(&mut self, event: Event) {
        let began = own_cpu();
        let at = Timestamp(self.now);
        let event = match event {
            Event::Observed(seen) => Event::Observed(thin(&self.state, seen)),
            event => event,
        };
        let entry = Entry { seq: self.next, at, event };
        let decision = step(&mut self.state, &entry);
        let transition = Transition { entry, decision };
        let json = recorded(&transition).expect("a transition is JSON");
        let acts = transition.decision.effects.iter().any(|effect| !matches!(effect.what, Effect::Wake { .. }));
        let weight = if acts { Weight::Durable } else { Weight::Buffered };
        self.bytes += json.len() as u64 + 240;
        let disk = if acts { Disk::Written } else { Disk::Buffered };
        // What is buffered so long that it is written out now waits for the disk; the CPU of that is the engine's all the same.
        self.book.append(at, weight, &json).expect("a disk that is well");
        self.steps.push(Step { cpu: own_cpu() - began, bytes: json.len() as u32, disk });
        self.next = Seq(self.next.0 + 1);
        self.quiet_since = self.now;
        if self.book.wants_segment(at) {
            self.roll(at);
        }
    }

    fn roll(&mut self, at: Timestamp) {
        let began = own_cpu();
        let copy = self.state.clone();
        self.longest_copy = self.longest_copy.max(own_cpu() - began);
        let ready = self.book.prepare(copy).run().expect("a disk that is well");
        let (mut waited, book) = (Duration::ZERO, &mut self.book);
        let (computed, sealing) = timed(|| {
            let began = Instant::now();
            let sealing = book.go_on_in(at, ready).expect("a disk that is well");
            waited = began.elapsed();
            sealing
        });
        self.longest_roll = self.longest_roll.max(waited);
        self.longest_roll_computing = self.longest_roll_computing.max(computed);
        self.rolled_at = at;
        sealing.expect("nothing happened meanwhile").run().expect("a disk that is well");
    }

    fn seen(&mut self, what: What) -> Event {
        let asked_at = Timestamp(self.now - 20 - self.random.index(40) as i64);
        let (source, stale_after, facts) = match what {
            What::Beat => return Event::Beat { client: ClientId(1) },
            What::Weights => ("weights/frontend".to_owned(), 25_000, vec![accepted()]),
            What::FrontDoor => ("front-door/frontend".to_owned(), 20_000, vec![self.front_door()]),
            What::Scrape(side) => (format!("scrape/{side}"), 15_000, vec![self.scrape(side)]),
            What::Probe(side) => (format!("probe/{side}"), 25_000, vec![self.probe(side)]),
            What::CloudRun => ("platform/run".to_owned(), 25_000, vec![cloud_run()]),
            What::Kubernetes => ("platform/gke".to_owned(), 20_000, self.cluster.look(self.now, &mut self.random)),
            What::Database(instance) => (format!("sql/{instance}"), 60_000, vec![self.database(instance)]),
        };
        let source = source.parse().expect("a name");
        Event::Observed(Observation { source, asked_at, stale_after: Millis(stale_after), result: Ok(facts) })
    }

    fn front_door(&mut self) -> Fact {
        let gke = (0..20).filter(|_| self.random.chance(0.25)).count() as u64;
        let by_backend = Table::from([(backend("run"), 20 - gke), (backend("gke"), gke)]);
        let span = Millis(4_000 + self.random.index(60) as u64);
        Fact::Served(Served {
            route: "frontend".parse().expect("a name"),
            span,
            by_backend,
            failed: 0,
            dropped: 0,
            unmarked: 0,
            answers: Table::default(),
            unmarked_answers: Answers::default(),
        })
    }

    /// Rates over a window of counters, quantiles between two bounds of a histogram: other digits at each look.
    fn scrape(&mut self, side: &str) -> Fact {
        let mean = if side == "run" { 2_700 } else { 900 };
        let requests = mean + self.random.index(200) as u64;
        let failed = self.random.index(4) as u64;
        let at = Timestamp(self.now);
        let sample = |value: f64| -> Measured { Ok(Sample::exact(value, requests, at)) };
        let quantile = |low: f64, random: &mut Random| low + low * (random.index(1_000_000) as f64 / 1_000_000.0);
        let (p50, p95, p99) = (quantile(25.0, &mut self.random), quantile(100.0, &mut self.random), quantile(250.0, &mut self.random));
        let span = 30.0 + self.random.index(60) as f64 / 1000.0;
        let values = BTreeMap::from([
            (Metric::RequestRate, sample(requests as f64 / span)),
            (Metric::ErrorRate, sample(failed as f64 / requests as f64)),
            (Metric::P50Latency, sample(p50)),
            (Metric::P95Latency, sample(p95)),
            (Metric::P99Latency, sample(p99)),
            (Metric::DropRate, sample(0.0)),
        ]);
        Fact::Measured { backend: backend(side), values }
    }

    fn probe(&mut self, side: &str) -> Fact {
        let slowest_ms = Some(8.0 + self.random.index(40_000) as f64 / 1000.0);
        Fact::Probed(Probed { backend: backend(side), sent: 2, failed: 0, dropped: 0, answers: Answers::default(), slowest_ms })
    }

    fn database(&mut self, instance: &str) -> Fact {
        let is_replica = instance.ends_with("replica");
        // The series has a point a minute.
        let at = Timestamp(self.now - self.now % 60_000);
        Fact::Replication(Replication {
            instance: instance.parse().expect("a name"),
            primary: is_replica.then(|| "hexproperty-prod".parse().expect("a name")),
            state: if is_replica { ReplicaState::Replicating } else { ReplicaState::Primary },
            serving: Serving::Running,
            engine: Some(Engine::Postgres),
            behind_bytes: None,
            movement: Movement::Moves,
            lag: Ok(Sample::exact(0.0, 1, at)),
            writable: if is_replica { Writable::ReadOnly } else { Writable::AcceptsWrites },
            operation: None,
        })
    }
}

fn backend(side: &str) -> BackendId {
    side.parse().expect("a name")
}

fn accepted() -> Fact {
    let share = |share| PerMille::new(share).expect("a share");
    let weights = Weights::new(BTreeMap::from([(backend("run"), share(750)), (backend("gke"), share(250))])).expect("a split");
    let version = Version("b1946ac92492d2347c6235b4d2611184".to_owned());
    Fact::Accepted(Accepted {
        route: "frontend".parse().expect("a name"),
        weights,
        version,
        actor: None,
        changed_at: None,
        hindrances: Vec::new(),
        claimed: Claimed::Untold,
    })
}

fn cloud_run() -> Fact {
    let workload = Workload { scale: Scale::Automatic { min: 8, max: None }, version: "frontend-00042-xiv".into(), ..Workload::default() };
    Fact::Workload { backend: backend("run"), workload }
}

/// A Deployment whose pods come and go, as a cluster tells it.
struct Cluster {
    /// Those that are ready, by name.
    pods: BTreeMap<String, Pod>,
    /// Their names, oldest first.
    order: VecDeque<String>,
    kind: Pods,
    made: u64,
    /// Pods on their way, each with how far it has come.
    coming: Vec<(Pod, u8)>,
    debt: f64,
}

const STAGES: [&str; 4] = ["Pending", "ContainerCreating", "Running", "Running"];

impl Cluster {
    fn new(kind: Pods) -> Cluster {
        let mut cluster = Cluster { pods: BTreeMap::new(), order: VecDeque::new(), kind, made: 0, coming: Vec::new(), debt: 0.0 };
        let mut random = Random::named(2, "pods");
        let count = if kind == Pods::Still { 12 } else { DEPLOYMENT };
        for _ in 0..count {
            let pod = cluster.make(START_MS, &mut random);
            cluster.is_ready(Pod { status: "Running".into(), ready: Readiness::Ready, ..pod });
        }
        cluster
    }

    fn is_ready(&mut self, pod: Pod) {
        self.order.push_back(pod.name.to_string());
        self.pods.insert(pod.name.to_string(), pod);
    }

    fn make(&mut self, now: i64, random: &mut Random) -> Pod {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        self.made += 1;
        let end: String = (0..5).map(|_| char::from(LETTERS[random.index(LETTERS.len())])).collect();
        let node = format!("gke-hexproperty-prod-pool-1-{:04x}", random.index(400));
        Pod {
            name: format!("frontend-7d9c5b8f6d-{end}").as_str().into(),
            status: "Pending".into(),
            ready: Readiness::NotReady,
            restarts: 0,
            node: node.as_str().into(),
            containers: Containers { ready: 0, total: 1 },
            restarted_at: None,
            created_at: Some(Timestamp(now - now % 1000)),
            reason: None,
        }
    }

    fn look(&mut self, now: i64, random: &mut Random) -> Vec<Fact> {
        let mut happenings = Vec::new();
        if self.kind == Pods::Churning {
            self.churn(now, random, &mut happenings);
        }
        let ready = self.pods.len() as u32;
        let desired = if self.kind == Pods::Still { 12 } else { DEPLOYMENT as u32 };
        // Those that are not ready first, then by name.
        let mut pods: Vec<Pod> = self.coming.iter().map(|(pod, _)| pod.clone()).collect();
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        pods.extend(self.pods.values().take(TOLD_MAX).cloned());
        pods.truncate(TOLD_MAX);
        let workload = Workload { scale: Scale::Counted { ready, desired }, version: "1.42.0".into(), pods, ..Workload::default() };
        let mut facts = vec![Fact::Workload { backend: backend("gke"), workload }];
        if !happenings.is_empty() {
            facts.push(Fact::Happened { backend: backend("gke"), happenings });
        }
        facts
    }

    /// A quarter of a second of a rollout that replaces every pod once an hour.
    fn churn(&mut self, now: i64, random: &mut Random, happenings: &mut Vec<Happening>) {
        let mut happened = |pod: &Pod, reason: &str, message: String| {
            let (kind, object) = ("Normal".into(), format!("Pod/{}", pod.name).as_str().into());
            happenings.push(Happening {
                at: Timestamp(now),
                kind,
                reason: reason.into(),
                object,
                message: message.as_str().into(),
                count: 1,
                shape: reason.into(),
                objects: 1,
            });
        };
        self.debt += DEPLOYMENT as f64 / 3600.0 / 4.0;
        while self.debt >= 1.0 {
            self.debt -= 1.0;
            if let Some(old) = self.order.pop_front().and_then(|name| self.pods.remove(&name)) {
                happened(&old, "Killing", "Stopping container frontend".to_owned());
            }
            let pod = self.make(now, random);
            happened(&pod, "Scheduled", format!("Successfully assigned hexproperty/{} to {}", pod.name, pod.node));
            self.coming.push((pod, 0));
        }
        let mut arrived = Vec::new();
        self.coming.retain_mut(|(pod, stage)| {
            // Some two seconds in each stage.
            if random.chance(0.875) {
                return true;
            }
            *stage += 1;
            match *stage {
                1 => happened(pod, "Pulled", "Container image \"frontend:1.42.0\" already present on machine".to_owned()),
                2 => happened(pod, "Started", "Started container frontend".to_owned()),
                _ => {}
            }
            match STAGES.get(usize::from(*stage)) {
                Some(status) => {
                    pod.status = (*status).into();
                    true
                }
                None => {
                    arrived.push(Pod { ready: Readiness::Ready, ..pod.clone() });
                    false
                }
            }
        });
        arrived.into_iter().for_each(|pod| self.is_ready(pod));
    }
}
