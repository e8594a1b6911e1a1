//! What the host sees of the world, source by source, each in its own rhythm: rates over a window of scrapes, probes, pods, weights.

use std::collections::{BTreeMap, VecDeque};

use cutover::{
    core::event::Event,
    domain::{
        answer::{AnswerKind, Answers, Expect, Redirect, TextMatch},
        database::{Engine, Movement, Serving},
        fact::{Fact, Observation, Probed, ReplicaState, Replication, Served, Writable},
        fault::{Fault, FaultKind},
        id::BackendId,
        metric::{Basis, Gap, Measured, Metric, Sample},
        platform::Workload,
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

use super::night::Night;
use crate::watch::Check;

const WINDOW: Millis = Millis::from_secs(30);
const LEGS: [Leg; 2] = [Leg::Run, Leg::Gke];

/// A source and when it is looked at again.
#[derive(Debug)]
struct Sense {
    what: What,
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
    windows: BTreeMap<Leg, Ledger>,
    stale_after: Millis,
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
    pub(crate) fn new(plan: &Plan) -> Senses {
        let sense = |what, every| Sense { what, every, due: Timestamp(0) };
        let scrape = plan.limits.scrape_every;
        let mut all = vec![
            sense(What::Weights, plan.limits.read_every),
            sense(What::FrontDoor, Millis::from_secs(1)),
            sense(What::Replica, Millis::from_secs(30)),
        ];
        for leg in LEGS {
            all.push(sense(What::Scrape(leg), scrape));
            all.push(sense(What::Workload(leg), Millis::from_secs(5)));
            all.push(sense(What::Probe(leg), Millis::from_secs(2)));
        }
        Senses { all, windows: BTreeMap::new(), stale_after: Millis(scrape.0 * 3) }
    }
}

impl Night {
    pub(crate) fn sense(&mut self) -> Check {
        for place in 0..self.senses.all.len() {
            let Sense { what, every, due } = &mut self.senses.all[place];
            if *due > self.now {
                continue;
            }
            *due = self.now + *every;
            let what = *what;
            let seen = self.look(what);
            self.happen(Event::Observed(seen))?;
        }
        Ok(())
    }

    fn look(&mut self, what: What) -> Observation {
        let now = self.now;
        let (source, stale_after, result) = match what {
            What::Weights => return self.weights_seen(now),
            What::Scrape(leg) => (format!("scrape/{}", leg.label()), self.senses.stale_after, self.scrape(leg)),
            What::Workload(leg) => (format!("workload/{}", leg.label()), Millis::from_secs(20), self.workload(leg)),
            What::Probe(leg) => (format!("probe/{}", leg.label()), Millis::from_secs(10), Ok(vec![self.probe(leg)])),
            What::FrontDoor => ("front-door/frontend".to_owned(), Millis::from_secs(10), Ok(vec![self.front_door()])),
            What::Replica => ("sql/hexproperty-replica".to_owned(), Millis::from_mins(5), Ok(vec![self.replica()])),
        };
        Observation { source: source.parse().expect("a name"), asked_at: now, stale_after, result }
    }

    fn scrape(&mut self, leg: Leg) -> Result<Vec<Fact>, Fault> {
        let backend = leg.label().parse().expect("a name");
        let all = |gap: Gap| Metric::ALL.into_iter().map(|metric| (metric, Err(gap))).collect();
        let values = match self.world.conditions.of(leg).damage {
            Damage::Failing => return Err(Fault::new(FaultKind::Unavailable, "500")),
            Damage::Vanished => all(Gap::Missing),
            Damage::NotANumber => all(Gap::NotANumber),
            Damage::NoStatus | Damage::WordStatus => self.without_status(leg, Gap::StatusNotTold),
            Damage::TwoStatuses => self.without_status(leg, Gap::StatusAmbiguous),
            Damage::StampsStandStill => all(Gap::Stale),
            Damage::Workers | Damage::Alike => all(Gap::SeveralProcesses),
            Damage::Slow => return Err(Fault::new(FaultKind::TimedOut, "no answer within 4s")),
            Damage::None | Damage::Seconds | Damage::NewSeries | Damage::StandsStill | Damage::LowBuckets => self.reckon(leg),
        };
        Ok(vec![Fact::Measured { backend, values }])
    }

    fn without_status(&mut self, leg: Leg, gap: Gap) -> BTreeMap<Metric, Measured> {
        let mut values = self.reckon(leg);
        values.insert(Metric::ErrorRate, Err(gap));
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
            return Metric::ALL.into_iter().map(|metric| (metric, Err(Gap::TooEarly))).collect();
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
        Ok(vec![Fact::Workload { backend: leg.label().parse().expect("a name"), workload }])
    }

    fn probe(&mut self, leg: Leg) -> Fact {
        let probing = self.world.conditions.of(leg).probing;
        let served: Vec<_> = (0..3).map(|_| self.world.serve(Some(leg))).collect();
        let slowest_ms = served.iter().map(|served| served.latency_ms).max_by(f64::total_cmp);
        let kinds = served.iter().filter_map(|served| match probing {
            Probing::Answered => self.kind(served),
            Probing::WrongPath => Some(page(404, Redirect::Nowhere)),
            Probing::TurnedAway => Some(page(403, Redirect::Nowhere)),
        });
        let answers: Answers = kinds.map(|kind| (kind, 1)).collect();
        let failed = answers.count(|kind| !Expect::success().accepts(kind));
        Fact::Probed(Probed { backend: leg.label().parse().expect("a name"), sent: 3, failed, dropped: 0, answers, slowest_ms })
    }

    /// What somebody outside sees of an answer.
    fn kind(&self, served: &traffic::Served) -> Option<AnswerKind> {
        let redirect = match served.code? {
            Code::Found => Redirect::OtherHost("login.hexproperty.com".into()),
            Code::Fine | Code::NotFound | Code::Broken | Code::BadGateway | Code::Unavailable => Redirect::Nowhere,
        };
        let manner = served.leg.map_or(Manner::Proper, |leg| self.world.conditions.of(leg).manner);
        let login = manner == Manner::LoginPage && served.code == Some(Code::Fine);
        let media = if login { "text/html" } else { "application/json" };
        Some(AnswerKind::new(served.code?.number(), media, redirect, TextMatch::NotAsked))
    }

    fn front_door(&mut self) -> Fact {
        let route = "frontend".parse().expect("a name");
        let (answers, unmarked_answers) = (BTreeMap::new(), Answers::default());
        let (by_backend, span) = (BTreeMap::new(), Millis::from_secs(1));
        let mut seen = Served { route, span, by_backend, answers, failed: 0, dropped: 0, unmarked: 0, unmarked_answers };
        for served in (0..20).map(|_| self.world.serve(None)).collect::<Vec<_>>() {
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
            let backend: BackendId = served.leg.map_or("frontend-hotfix", Leg::label).parse().expect("a name");
            *seen.by_backend.entry(backend.clone()).or_default() += 1;
            seen.answers.entry(backend).or_default().add(&kind, 1);
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
