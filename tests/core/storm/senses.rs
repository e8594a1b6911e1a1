//! What the host sees of the world, source by source, each in its own rhythm: rates over a window of scrapes, probes, pods, weights.

use std::collections::{BTreeMap, VecDeque};

use cutover::{
    core::event::Event,
    domain::{
        answer::{AnswerKind, Answers, Expect, Redirect, TextMatch},
        database::{Engine, Movement, Serving},
        fact::{Fact, Observation, Probed, ReplicaState, Replication, Served, Writable},
        fault::{Fault, FaultKind},
        id::{BackendId, RouteId, SourceId},
        metric::{Basis, Gap, Measured, Metric, Sample},
        platform::Workload,
        table::Table,
        time::{Millis, Timestamp},
    },
    plan::model::Plan,
    sim::{
        faults::{Api, Damage, Manner, Probing},
        world::{
            Leg,
            meter::{BOUNDS_S, Code, Meter},
            traffic::{self, Answerer},
        },
    },
};

use super::{network::WEIGHTS_STALE_AFTER, night::Night, steps::Steps};
use crate::watch::Check;

const WINDOW: Millis = Millis::from_secs(30);
const LEGS: [Leg; 2] = [Leg::Run, Leg::Gke];

/// A source and when it is looked at again. What it is called is made once: a night looks thousands of times.
#[derive(Debug)]
struct Sense {
    what: What,
    source: SourceId,
    stale_after: Millis,
    every: Millis,
    due: Timestamp,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Weights,
    Scrape(Leg),
    Workload(Leg),
    Probe(Leg),
    FrontDoor,
    Replica,
}

pub(crate) struct Senses {
    all: Vec<Sense>,
    pub steps: Steps,
    windows: BTreeMap<Leg, Ledger>,
    route: RouteId,
    run: BackendId,
    gke: BackendId,
    stranger: BackendId,
    /// What answers look like, by their code and whether a login page gave them; each is made when it is first met.
    kinds: BTreeMap<(Code, bool), AnswerKind>,
}

/// What one leg's pages showed.
#[derive(Debug)]
struct Ledger {
    /// Counted by processes that are no more.
    ended: Meter,
    shown: Option<Meter>,
    scrapes: VecDeque<(Timestamp, Meter)>,
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger { ended: Meter::new(0), shown: None, scrapes: VecDeque::new() }
    }
}

fn sum(one: &Meter, other: &Meter) -> Meter {
    let mut sum = other.clone();
    sum.requests.iter_mut().zip(one.requests).for_each(|(sum, more)| *sum += more);
    sum.buckets.iter_mut().zip(one.buckets).for_each(|(sum, more)| *sum += more);
    sum.dropped += one.dropped;
    sum
}

impl Senses {
    /// As a sensor that begins anew.
    pub(crate) fn forget(&mut self) {
        self.windows.clear();
    }

    pub(crate) fn new(plan: &Plan) -> Senses {
        let sense = |what, source: &str, every, stale_after| {
            let source = source.parse().expect("a name");
            Sense { what, source, stale_after, every, due: Timestamp(0) }
        };
        let scrape = plan.limits.scrape_every;
        let mut all = vec![
            sense(What::Weights, "weights/frontend", plan.limits.read_every, WEIGHTS_STALE_AFTER),
            sense(What::FrontDoor, "front-door/frontend", Millis::from_secs(1), Millis::from_secs(10)),
            sense(What::Replica, "sql/hexproperty-replica", Millis::from_secs(30), Millis::from_mins(5)),
        ];
        for leg in LEGS {
            let of = |what: &str| format!("{what}/{}", leg.label());
            all.push(sense(What::Scrape(leg), &of("scrape"), scrape, Millis(scrape.0 * 3)));
            all.push(sense(What::Workload(leg), &of("workload"), Millis::from_secs(5), Millis::from_secs(20)));
            all.push(sense(What::Probe(leg), &of("probe"), Millis::from_secs(2), Millis::from_secs(10)));
        }
        let name = |name: &str| name.parse().expect("a name");
        Senses {
            all,
            steps: Steps::of(plan),
            windows: BTreeMap::new(),
            route: "frontend".parse().expect("a name"),
            run: name(Leg::Run.label()),
            gke: name(Leg::Gke.label()),
            stranger: name("frontend-hotfix"),
            kinds: BTreeMap::new(),
        }
    }

    fn backend(&self, leg: Leg) -> BackendId {
        match leg {
            Leg::Run => self.run.clone(),
            Leg::Gke => self.gke.clone(),
        }
    }
}

impl Night {
    pub(crate) fn sense(&mut self) -> Check {
        for place in 0..self.senses.all.len() {
            let Sense { what, every, due, .. } = &mut self.senses.all[place];
            if *due > self.now {
                continue;
            }
            *due = self.now + *every;
            let what = *what;
            let seen = self.look(what, place);
            self.happen(Event::Observed(seen))?;
        }
        self.sense_steps()
    }

    fn look(&mut self, what: What, place: usize) -> Observation {
        let now = self.now;
        let result = match what {
            What::Weights => return self.weights_seen(now),
            What::Scrape(leg) => self.scrape(leg),
            What::Workload(leg) => self.workload(leg),
            What::Probe(leg) => Ok(vec![self.probe(leg)]),
            What::FrontDoor => Ok(vec![self.front_door()]),
            What::Replica => Ok(vec![self.replica()]),
        };
        let Sense { source, stale_after, .. } = &self.senses.all[place];
        Observation { source: source.clone(), asked_at: now, stale_after: *stale_after, result }
    }

    fn scrape(&mut self, leg: Leg) -> Result<Vec<Fact>, Fault> {
        let backend = self.senses.backend(leg);
        let metrics: Vec<Metric> = self.plan.metrics_of(&backend).collect();
        let all = |gap: Gap| metrics.iter().map(|metric| (*metric, Err(gap))).collect();
        let values = match self.world.conditions.of(leg).damage {
            Damage::Failing => return Err(Fault::new(FaultKind::Unavailable, "500")),
            Damage::Vanished => all(Gap::Missing),
            Damage::NotANumber => all(Gap::NotANumber),
            Damage::NoStatus | Damage::WordStatus => self.without_status(leg, Gap::StatusNotTold),
            Damage::TwoStatuses => self.without_status(leg, Gap::StatusAmbiguous),
            Damage::StampsStandStill => all(Gap::Stale),
            Damage::Workers | Damage::Alike => all(Gap::SeveralProcesses),
            Damage::Slow => return Err(Fault::new(FaultKind::TimedOut, "no answer within 4s")),
            Damage::LongLine => all(Gap::LineTooLong),
            Damage::ManySeries => all(Gap::TooManySeries),
            Damage::Endless | Damage::Bomb => all(Gap::PageTooLong),
            Damage::None | Damage::Seconds | Damage::NewSeries | Damage::StandsStill | Damage::LowBuckets | Damage::Large => self.told(leg),
        };
        let since = self.senses.windows.get(&leg).and_then(|ledger| ledger.scrapes.front()).map(|(at, _)| *at);
        let fills = since.filter(|_| values.values().any(|value| *value == Err(Gap::TooEarly)));
        let filling = fills.map(|since| Fact::Filling { backend: backend.clone(), full_at: since + Millis(WINDOW.0 - 5_000) });
        Ok(std::iter::once(Fact::Measured { backend, values }).chain(filling).collect())
    }

    fn without_status(&mut self, leg: Leg, gap: Gap) -> BTreeMap<Metric, Measured> {
        let mut values = self.told(leg);
        values.insert(Metric::ErrorRate, Err(gap));
        values
    }

    /// What the counters come to over the window, and what the plan declares as it stands.
    fn told(&mut self, leg: Leg) -> BTreeMap<Metric, Measured> {
        let mut values = self.reckon(leg);
        let in_flight = self.world.seen_meter(leg).in_flight() as f64;
        let backend = self.senses.backend(leg);
        let declared = self.plan.metrics_of(&backend).filter(|metric| metric.place().is_err());
        values.extend(declared.map(|metric| (metric, Ok(Sample::exact(in_flight, 0, self.now)))));
        values
    }

    fn reckon(&mut self, leg: Leg) -> BTreeMap<Metric, Measured> {
        let now = self.now;
        let shown = self.world.seen_meter(leg).clone();
        let top_ms = if self.world.conditions.of(leg).damage == Damage::LowBuckets { 250.0 } else { f64::INFINITY };
        let ledger = self.senses.windows.entry(leg).or_default();
        // A process that has restarted is counted from zero, and what the one before had counted stays counted.
        if ledger.shown.as_ref().is_some_and(|before| before.total() > shown.total()) {
            ledger.ended = ledger.shown.take().map(|before| sum(&ledger.ended, &before)).unwrap_or_else(|| ledger.ended.clone());
        }
        let meter = sum(&ledger.ended, &shown);
        ledger.shown = Some(shown);
        ledger.scrapes.push_back((now, meter.clone()));
        while ledger.scrapes.front().is_some_and(|(at, _)| now.since(*at) > WINDOW) {
            ledger.scrapes.pop_front();
        }
        let (since, first) = ledger.scrapes.front().expect("this scrape at least").clone();
        let span = now.since(since);
        if span.0 + 5_000 < WINDOW.0 {
            return Metric::STANDARD.into_iter().map(|metric| (metric, Err(Gap::TooEarly))).collect();
        }
        let requests = meter.total() - first.total();
        let grown = |code: Code| meter.requests[code as usize] - first.requests[code as usize];
        let failed = grown(Code::Broken) + grown(Code::BadGateway) + grown(Code::Unavailable);
        let sample = |value: f64| Ok(Sample::exact(value, requests, now));
        let of_some = |sample: Sample| if requests == 0 { Err(Gap::LowVolume) } else { Ok(sample) };
        let latency = |q| {
            let value = quantile(&first, &meter, q);
            of_some(if value > top_ms { Sample::at_least(top_ms, requests, now) } else { Sample::exact(value, requests, now) })
        };
        let share = failed as f64 / requests.max(1) as f64;
        let errors = Sample { value: share, requests, at: now, basis: Basis::Counted { failed } };
        BTreeMap::from([
            (Metric::RequestRate, sample(requests as f64 / span.as_secs_f64())),
            (Metric::ErrorRate, of_some(errors)),
            (Metric::P50Latency, latency(0.5)),
            (Metric::P95Latency, latency(0.95)),
            (Metric::P99Latency, latency(0.99)),
            (Metric::DropRate, sample((meter.dropped.saturating_sub(first.dropped)) as f64 / span.as_secs_f64())),
        ])
    }

    fn workload(&mut self, leg: Leg) -> Result<Vec<Fact>, Fault> {
        let (api, desired, ready) = match leg {
            // Cloud Run may start this many at once, and says so; what it really has warm is not told.
            Leg::Run => (Api::Run, 8, self.world.conditions.instances_max.unwrap_or(8).min(8)),
            Leg::Gke => (Api::Container, self.world.kubernetes.desired("frontend"), self.world.kubernetes.ready_pods("frontend")),
        };
        if leg == Leg::Run && self.world.conditions.trouble(self.now.0, api).is_some() {
            return Err(Fault::new(FaultKind::Unavailable, "503"));
        }
        let workload = Workload::counted(ready, desired, "1.42.0");
        Ok(vec![Fact::Workload { backend: self.senses.backend(leg), workload }])
    }

    fn probe(&mut self, leg: Leg) -> Fact {
        let probing = self.world.conditions.of(leg).probing;
        let mut answers = Answers::default();
        let mut slowest_ms: Option<f64> = None;
        for _ in 0..3 {
            let served = self.world.serve(Some(leg));
            slowest_ms = Some(slowest_ms.map_or(served.latency_ms, |slowest| slowest.max(served.latency_ms)));
            let kind = match probing {
                Probing::Answered => self.kind(&served),
                Probing::WrongPath => Some(page(404, Redirect::Nowhere)),
                Probing::TurnedAway => Some(page(403, Redirect::Nowhere)),
            };
            kind.iter().for_each(|kind| answers.add(kind, 1));
        }
        let failed = answers.count(|kind| !Expect::success().accepts(kind));
        Fact::Probed(Probed { backend: self.senses.backend(leg), sent: 3, failed, dropped: 0, answers, slowest_ms })
    }

    /// What somebody outside sees of an answer.
    fn kind(&mut self, served: &traffic::Served) -> Option<AnswerKind> {
        let code = served.code?;
        let manner = served.leg.map_or(Manner::Proper, |leg| self.world.conditions.of(leg).manner);
        let login = manner == Manner::LoginPage && code == Code::Fine;
        let made = || {
            let redirect = match code {
                Code::Found => Redirect::OtherHost("login.hexproperty.com".into()),
                Code::Fine | Code::NotFound | Code::Broken | Code::BadGateway | Code::Unavailable => Redirect::Nowhere,
            };
            let media = if login { "text/html" } else { "application/json" };
            AnswerKind::new(code.number(), media, redirect, TextMatch::NotAsked)
        };
        Some(self.senses.kinds.entry((code, login)).or_insert_with(made).clone())
    }

    fn front_door(&mut self) -> Fact {
        let route = self.senses.route.clone();
        let (answers, unmarked_answers) = (Table::default(), Answers::default());
        let (by_backend, span) = (Table::default(), Millis::from_secs(1));
        let mut seen = Served { route, span, by_backend, answers, failed: 0, dropped: 0, unmarked: 0, unmarked_answers };
        for _ in 0..20 {
            let served = self.world.serve(None);
            let Some(kind) = self.kind(&served) else {
                seen.dropped += 1;
                continue;
            };
            seen.failed += u64::from(kind.status() >= 500);
            if served.by == Answerer::LoadBalancer {
                seen.unmarked += 1;
                seen.unmarked_answers.add(&kind, 1);
                continue;
            }
            let backend = served.leg.map_or_else(|| self.senses.stranger.clone(), |leg| self.senses.backend(leg));
            *seen.by_backend.get_or_insert_with(&backend, u64::default) += 1;
            seen.answers.get_or_insert_with(&backend, Answers::default).add(&kind, 1);
        }
        Fact::Served(seen)
    }

    fn replica(&mut self) -> Fact {
        let lag = self.world.peers.replica_lag_s;
        let name = |name: &str| name.parse().expect("a name");
        Fact::Replication(Replication {
            instance: name("hexproperty-replica"),
            primary: Some(name("hexproperty-prod")),
            state: if lag.is_some() { ReplicaState::Replicating } else { ReplicaState::Stopped },
            serving: Serving::Running,
            engine: Some(Engine::Postgres),
            behind_bytes: None,
            movement: Movement::Moves,
            lag: lag.map_or(Err(Gap::Missing), |value| Ok(Sample::exact(value, 1, self.now))),
            writable: Writable::ReadOnly,
            operation: None,
        })
    }
}

fn page(status: u16, redirect: Redirect) -> AnswerKind {
    AnswerKind::new(status, "text/plain", redirect, TextMatch::NotAsked)
}

/// The upper bound of the bucket that holds the quantile, in milliseconds.
fn quantile(first: &Meter, last: &Meter, quantile: f64) -> f64 {
    let counts: Vec<u64> = last.buckets.iter().zip(first.buckets).map(|(last, first)| last - first).collect();
    let wanted = (counts.iter().sum::<u64>() as f64 * quantile).ceil() as u64;
    let mut seen = 0;
    for (place, count) in counts.iter().enumerate() {
        seen += count;
        if seen >= wanted {
            return BOUNDS_S.get(place).copied().unwrap_or(30.0) * 1000.0;
        }
    }
    0.0
}
