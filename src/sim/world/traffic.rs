//! The users: how many requests come, where each one ends, and how it goes.
//!
//! Background traffic moves in steps of a tenth of a virtual second, so that a world is the same however
//! often it is looked at. Requests of real clients go through [`Traffic::serve`] too, but draw their chance
//! from a stream of their own: a prober must not change the night that it watches.

use std::sync::LazyLock;

use super::{
    FRONTEND, Leg,
    balanced::BalancerBook,
    cloud_run::{CloudRun, Service},
    conditions::{Conditions, LegConditions},
    fleet::{self, Bounds, Fleet, INSTANCES_MAX, INSTANCES_MIN, Load},
    meter::{Code, Meter},
    peers::Peers,
    pods::PodMeters,
    propagation::Edge,
    random::Random,
    series::Series,
};
use crate::sim::faults::Manner;

/// Mean arrivals in virtual requests per second.
pub const RATE: f64 = 120.0;
/// Length of one step in virtual milliseconds.
pub(super) const STEP_MS: i64 = 100;
/// Requests per second that one pod takes easily.
const RATE_EACH_POD: f64 = 30.0;
/// Share of requests that fails on a good day.
pub(super) const BASELINE: f64 = 0.002;
/// Spread of the latencies; with the medians below it gives a p95 near 180 ms (Cloud Run) and 150 ms (GKE).
const SPREAD: f64 = 0.5;
/// Shares of all requests whose latency is worked out beforehand; the slowest takes 6 times the median.
const QUANTILES: usize = 4_096;
const MEDIAN_RUN_MS: f64 = 79.0;
const MEDIAN_GKE_MS: f64 = 66.0;
/// No answer takes longer than this: both platforms cut requests off, and tests must end.
const LATENCY_MAX_MS: f64 = 30_000.0;

/// How one request went.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// Where it ended; `None` for a service that is neither of the two.
    pub leg: Option<Leg>,
    /// What it was answered with; `None` if the connection broke.
    pub code: Option<Code>,
    /// Who answered.
    pub by: Answerer,
    /// The revision of Cloud Run whose program it reached.
    pub revision: Option<String>,
    /// How long that took, virtual milliseconds.
    pub latency_ms: f64,
}

/// Who gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answerer {
    /// The leg itself, which counts it and whose answer bears the leg's mark.
    Leg,
    /// The load balancer in its stead; nothing marks such an answer.
    LoadBalancer,
}

/// Requests since the world began; unlike the meters, these never start over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answered.
    pub served: u64,
    /// Of those, with 5xx.
    pub failed: u64,
    /// Connections that broke.
    pub dropped: u64,
}

/// The users and the processes that serve them.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// What Cloud Run counts.
    pub run: Meter,
    /// What GKE counts.
    pub gke: Meter,
    /// Ground truth for Cloud Run.
    pub run_tally: Tally,
    /// Ground truth for GKE.
    pub gke_tally: Tally,
    /// Instances of Cloud Run.
    pub fleet: Fleet,
    /// What each pod counts by itself.
    pub pods: PodMeters,
    gke_rate: f64,
    pods_ready: f64,
    stepped_ms: i64,
    random: Random,
    visitors: Random,
}

/// What a step reads of the rest of the world, and the minute book that it writes to.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Who gets a request.
    pub edge: &'a Edge,
    /// Which revision gets it.
    pub cloud_run: &'a CloudRun,
    /// Faults in force.
    pub conditions: &'a Conditions,
    /// Pods.
    pub peers: &'a Peers,
    /// The cloud's monitoring.
    pub series: &'a mut Series,
    /// What the load balancer counts.
    pub balancer: &'a mut BalancerBook,
}

impl<'a> Surroundings<'a> {
    /// How many instances the service behind the load balancer keeps by its own word.
    fn floor(&self) -> u32 {
        self.frontend().filter(|frontend| !frontend.reconciling()).and_then(|frontend| frontend.least).unwrap_or(0)
    }

    /// The service behind the load balancer.
    fn frontend(&self) -> Option<&'a Service> {
        self.cloud_run.service("frontend").ok()
    }
}

/// How busy the backends are during one step.
struct Loads {
    run: Busy,
    gke: Busy,
    has_pods: bool,
    slowness: &'static [f64; QUANTILES],
}

/// What its load makes of a leg, worked out once for all requests of a step.
struct Busy {
    /// Share of requests that find no room.
    surplus: f64,
    growing: bool,
}

impl Busy {
    fn of(load: Load) -> Busy {
        Busy { surplus: 1.0 - 1.0 / load.ratio.max(1.0), growing: load.growing }
    }
}

/// How many times the median a request takes, at evenly spaced shares of all requests: a log-normal distribution.
static SLOWNESS: LazyLock<Box<[f64; QUANTILES]>> = LazyLock::new(|| {
    let step = 1.0 / 1024.0;
    let density = |z: f64| (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let (mut z, mut below) = (-6.0, 0.0);
    let quantile = |place: usize| {
        let share = (place as f64 + 0.5) / QUANTILES as f64;
        while below < share && z < 6.0 {
            below += step * density(z + step / 2.0);
            z += step;
        }
        (SPREAD * z).exp()
    };
    Box::new(std::array::from_fn(quantile))
});

/// A draw from it; looked up, since a night has hundreds of thousands.
fn slowness(quantiles: &[f64; QUANTILES], random: &mut Random) -> f64 {
    let (place, between) = (random.index(QUANTILES - 1), random.unit());
    quantiles[place] + between * (quantiles[place + 1] - quantiles[place])
}

/// How long an untroubled backend takes for one request.
pub(super) fn latency_ms(leg: Option<Leg>, random: &mut Random) -> f64 {
    let median_ms = match leg {
        Some(Leg::Gke) => MEDIAN_GKE_MS,
        Some(Leg::Run) | None => MEDIAN_RUN_MS,
    };
    median_ms * slowness(&SLOWNESS, random)
}

impl Traffic {
    /// Users who are all on Cloud Run, whose processes have run for a while.
    #[must_use]
    pub fn new(seed: u64, now_ms: i64) -> Self {
        let mut run = Meter::new(now_ms - 9 * 3_600_000);
        run.sessions = RATE * 10.0;
        Self {
            run,
            gke: Meter::new(now_ms - 2 * 3_600_000),
            run_tally: Tally::default(),
            gke_tally: Tally::default(),
            fleet: Fleet::new(RATE),
            pods: PodMeters::new(now_ms),
            gke_rate: 0.0,
            pods_ready: 6.0,
            stepped_ms: now_ms,
            random: Random::named(seed, "traffic"),
            visitors: Random::named(seed, "visitors"),
        }
    }

    /// When the next step ends, virtual milliseconds.
    #[must_use]
    pub fn next_ms(&self) -> i64 {
        self.stepped_ms + STEP_MS
    }

    /// One step of background traffic.
    pub fn step(&mut self, around: &mut Surroundings<'_>) {
        self.stepped_ms += STEP_MS;
        let mut random = self.random.clone();
        self.lose_pods(around.peers, &mut random);
        // A slow swell of ten percent over twenty minutes keeps the charts alive without hiding faults.
        let swell = 1.0 + 0.1 * (std::f64::consts::TAU * (self.stepped_ms.rem_euclid(1_200_000) as f64) / 1_200_000.0).sin();
        let arrivals = random.poisson(RATE * swell * STEP_MS as f64 / 1000.0);
        let frontend = around.frontend();
        let loads = self.loads();
        let (mut to_run, mut to_gke) = (0, 0);
        for _ in 0..arrivals {
            let leg = around.edge.choose(&mut random);
            match leg {
                Some(Leg::Run) => to_run += 1,
                Some(Leg::Gke) => to_gke += 1,
                None => {}
            }
            let served = outcome(leg, &loads, around, &mut random);
            around.balancer.count(FRONTEND, &served);
            self.count(&served, frontend, around.series, &mut random);
        }
        self.random = random;
        let bounds = Bounds {
            least: around.conditions.instances_min.unwrap_or(INSTANCES_MIN).max(around.floor()),
            most: around.conditions.instances_max.unwrap_or(INSTANCES_MAX),
        };
        self.fleet.tick(self.stepped_ms, STEP_MS, to_run, bounds);
        self.gke_rate += (f64::from(to_gke) * 1000.0 / STEP_MS as f64 - self.gke_rate) * (STEP_MS as f64 / 5_000.0);
        self.run.follow_sessions(to_run, STEP_MS);
        self.gke.follow_sessions(to_gke, STEP_MS);
        [&mut self.run, &mut self.gke].into_iter().for_each(|meter| meter.pass(STEP_MS));
        self.pods.pass(STEP_MS);
    }

    /// Serves one request of a real client, at the front door (`None`) or at one backend directly.
    pub fn serve(&mut self, at: Option<Leg>, around: &mut Surroundings<'_>) -> Served {
        let mut random = self.visitors.clone();
        let leg = at.or_else(|| around.edge.choose(&mut random));
        let mut served = outcome(leg, &self.loads(), around, &mut random);
        if at.is_some() {
            // The front door's own faults are not met on the way past it.
            served.code = served.code.or(Some(Code::Unavailable));
            served.by = Answerer::Leg;
        } else {
            around.balancer.count(FRONTEND, &served);
        }
        let revision = self.count(&served, around.frontend(), around.series, &mut random);
        // The platform answers for a program that it has no room for.
        served.revision = revision.filter(|_| served.code != Some(Code::Unavailable)).map(str::to_owned);
        self.visitors = random;
        served
    }

    /// Begins a leg's counters at zero, as new processes do; their connections break.
    pub fn restart(&mut self, leg: Leg, now_ms: i64) {
        let (meter, tally) = self.books(leg);
        let broken = (meter.sessions * 0.02).round() as u64;
        *meter = Meter { sessions: meter.sessions, dropped: broken, ..Meter::new(now_ms) };
        tally.dropped += broken;
        if leg == Leg::Gke {
            self.pods.restart(now_ms);
        }
    }

    /// The counters of one leg.
    #[must_use]
    pub fn meter(&self, leg: Leg) -> &Meter {
        match leg {
            Leg::Run => &self.run,
            Leg::Gke => &self.gke,
        }
    }

    fn books(&mut self, leg: Leg) -> (&mut Meter, &mut Tally) {
        match leg {
            Leg::Run => (&mut self.run, &mut self.run_tally),
            Leg::Gke => (&mut self.gke, &mut self.gke_tally),
        }
    }

    /// Requests in flight on a pod that stops being ready break off.
    fn lose_pods(&mut self, peers: &Peers, random: &mut Random) {
        let ready = f64::from(peers.gke_pods) * peers.gke_ready;
        let lost = self.pods_ready - ready;
        if lost > 0.0 && self.pods_ready > 0.0 {
            let in_flight = self.gke_rate * 0.1 * lost / self.pods_ready;
            let broken = u64::from(random.poisson(in_flight));
            self.gke.dropped += broken;
            self.gke_tally.dropped += broken;
        }
        self.pods_ready = ready;
    }

    fn loads(&self) -> Loads {
        let ratio = fleet::ratio(self.gke_rate, self.pods_ready * RATE_EACH_POD);
        Loads {
            run: Busy::of(self.fleet.load()),
            gke: Busy::of(Load { ratio, growing: false }),
            has_pods: self.pods_ready > 0.0,
            slowness: &SLOWNESS,
        }
    }

    /// Writes it into the books of whoever it ended at; tells which revision of Cloud Run that was.
    fn count<'s>(&mut self, served: &Served, frontend: Option<&'s Service>, series: &mut Series, random: &mut Random) -> Option<&'s str> {
        let leg = served.leg?;
        let (meter, tally) = self.books(leg);
        let Some(code) = served.code else {
            meter.dropped += 1;
            tally.dropped += 1;
            return None;
        };
        tally.served += 1;
        if code.is_error() {
            tally.failed += 1;
        }
        if served.by == Answerer::LoadBalancer {
            return None;
        }
        meter.count(code, served.latency_ms);
        if leg == Leg::Gke {
            self.pods.count(code, served.latency_ms);
        }
        let revision = frontend.filter(|_| leg == Leg::Run)?.choose(random);
        // What finds no room reaches no instance, and is counted nowhere.
        if code != Code::Unavailable {
            series.count(revision, code, served.latency_ms);
        }
        Some(revision)
    }
}

fn outcome(leg: Option<Leg>, loads: &Loads, around: &Surroundings<'_>, random: &mut Random) -> Served {
    if random.chance(around.conditions.drops) {
        return Served { leg, code: None, by: Answerer::Leg, revision: None, latency_ms: 1.0 };
    }
    match leg {
        Some(leg) => outcome_at(leg, loads, around, random),
        // Somebody else's service is well and as fast as ours.
        None => {
            let latency_ms = MEDIAN_RUN_MS * slowness(loads.slowness, random);
            Served { leg: None, code: Some(Code::Fine), by: Answerer::Leg, revision: None, latency_ms }
        }
    }
}

fn outcome_at(leg: Leg, loads: &Loads, around: &Surroundings<'_>, random: &mut Random) -> Served {
    let LegConditions { errors, latency, manner, bad_gateway, .. } = around.conditions.of(leg);
    let by = |by, code, latency_ms| Served { leg: Some(leg), code: Some(code), by, revision: None, latency_ms };
    let by_leg = |code, latency_ms| by(Answerer::Leg, code, latency_ms);
    if bad_gateway > 0.0 && random.chance(bad_gateway) {
        return by(Answerer::LoadBalancer, Code::BadGateway, random.between(1.0, 5.0));
    }
    let (Busy { surplus, growing }, median_ms) = match leg {
        Leg::Run => (&loads.run, MEDIAN_RUN_MS),
        Leg::Gke => (&loads.gke, MEDIAN_GKE_MS),
    };
    if leg == Leg::Gke && !loads.has_pods {
        // A weight keeps sending its share to a backend without healthy endpoints; the edge answers for it.
        return by_leg(Code::Unavailable, random.between(1.0, 5.0));
    }
    let mut latency_ms = median_ms * slowness(loads.slowness, random) * latency;
    if random.chance(*surplus) {
        if leg == Leg::Run && *growing {
            latency_ms += random.between(800.0, 5_000.0);
        } else if random.chance(0.8) {
            return by_leg(Code::Unavailable, random.between(5.0, 30.0));
        } else {
            latency_ms *= 1.0 + 8.0 * surplus;
        }
    }
    let proper = match manner {
        Manner::Proper | Manner::LoginPage => Code::Fine,
        Manner::NotFound => Code::NotFound,
        Manner::LoginRedirect => Code::Found,
    };
    let code = if random.chance(BASELINE + errors) { Code::Broken } else { proper };
    by_leg(code, latency_ms.min(LATENCY_MAX_MS))
}

#[cfg(test)]
mod tests {
    use super::{Random, SLOWNESS, slowness};

    /// The published quantiles of the normal distribution, through the exponential.
    #[test]
    fn requests_are_as_slow_as_a_log_normal_distribution_says() {
        let mut random = Random::new(7);
        let mut drawn: Vec<f64> = (0..200_000).map(|_| slowness(&SLOWNESS, &mut random)).collect();
        drawn.sort_by(f64::total_cmp);
        for (share, z) in [(0.05, -1.644_85_f64), (0.5, 0.0), (0.95, 1.644_85), (0.99, 2.326_35)] {
            let (found, wanted) = (drawn[(share * 200_000.0) as usize], (0.5 * z).exp());
            assert!((found / wanted - 1.0).abs() < 0.02, "{share}: {found} for {wanted}");
        }
    }
}
