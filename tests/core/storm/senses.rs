//! What the host sees of the world, source by source, each in its own rhythm: rates over a window of scrapes, probes, pods, weights.

use std::collections::{BTreeMap, VecDeque};

use cutover::{
    core::event::Event,
    domain::{
        database::{Engine, Movement, Serving},
        fact::{Fact, Observation, Probed, ReplicaState, Replication, Served, Writable},
        fault::{Fault, FaultKind},
        metric::{Gap, Measured, Metric, Sample},
        platform::Workload,
        time::{Millis, Timestamp},
    },
    plan::model::Plan,
    sim::{
        faults::{Api, Damage},
        world::{
            Leg,
            meter::{BOUNDS_S, Code, Meter},
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

pub struct Senses {
    all: Vec<Sense>,
    windows: BTreeMap<Leg, VecDeque<(Timestamp, Meter)>>,
    stale_after: Millis,
}

impl Senses {
    pub fn new(plan: &Plan) -> Senses {
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
    pub fn sense(&mut self) -> Check {
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
            Damage::None => self.reckon(leg),
        };
        Ok(vec![Fact::Measured { backend, values }])
    }

    fn reckon(&mut self, leg: Leg) -> BTreeMap<Metric, Measured> {
        let now = self.now;
        let meter = self.world.traffic.meter(leg).clone();
        let window = self.senses.windows.entry(leg).or_default();
        let restarted = window.back().is_some_and(|(_, before)| before.total() > meter.total());
        if restarted {
            window.clear();
        }
        window.push_back((now, meter.clone()));
        while window.front().is_some_and(|(at, _)| now.since(*at) > WINDOW) {
            window.pop_front();
        }
        let (since, first) = window.front().expect("this scrape at least").clone();
        let span = now.since(since);
        if span.0 + 5_000 < WINDOW.0 {
            let gap = if restarted { Gap::Restarted } else { Gap::TooEarly };
            return Metric::ALL.into_iter().map(|metric| (metric, Err(gap))).collect();
        }
        let requests = meter.total() - first.total();
        let grown = |code: Code| meter.requests[code as usize] - first.requests[code as usize];
        let failed = grown(Code::Broken) + grown(Code::Unavailable);
        let sample = |value: f64| Ok(Sample { value, requests, at: now });
        let of_some = |value: f64| if requests == 0 { Err(Gap::LowVolume) } else { sample(value) };
        BTreeMap::from([
            (Metric::RequestRate, sample(requests as f64 / span.as_secs_f64())),
            (Metric::ErrorRate, of_some(failed as f64 / requests.max(1) as f64)),
            (Metric::P50Latency, of_some(quantile(&first, &meter, 0.5))),
            (Metric::P95Latency, of_some(quantile(&first, &meter, 0.95))),
            (Metric::P99Latency, of_some(quantile(&first, &meter, 0.99))),
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
        let answers: Vec<_> = (0..3).map(|_| self.world.serve(Some(leg))).collect();
        let failed = answers.iter().filter(|served| served.code.is_some_and(|code| code != Code::Fine)).count() as u64;
        let slowest_ms = answers.iter().map(|served| served.latency_ms).max_by(f64::total_cmp);
        Fact::Probed(Probed { backend: leg.label().parse().expect("a name"), sent: 3, failed, dropped: 0, slowest_ms })
    }

    fn front_door(&mut self) -> Fact {
        let answers: Vec<_> = (0..20).map(|_| self.world.serve(None)).collect();
        let mut by_backend = BTreeMap::new();
        let (mut failed, mut dropped) = (0, 0);
        for served in answers {
            match served.code {
                None => dropped += 1,
                Some(code) => {
                    failed += u64::from(code != Code::Fine);
                    let name = served.leg.map_or("frontend-hotfix", Leg::label);
                    *by_backend.entry(name.parse().expect("a name")).or_default() += 1;
                }
            }
        }
        let route = "frontend".parse().expect("a name");
        Fact::Served(Served { route, span: Millis::from_secs(1), by_backend, failed, dropped, unmarked: 0 })
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
            lag: lag.map_or(Err(Gap::Missing), |value| Ok(Sample { value, requests: 1, at: self.now })),
            writable: Writable::ReadOnly,
            operation: None,
        })
    }
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
