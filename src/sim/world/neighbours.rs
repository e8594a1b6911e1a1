//! Other services behind the same load balancer: each with a host, a path matcher and counters of its own.
//!
//! They have few users and troubles of their own never: what befalls a leg of the frontend befalls none of them. So whatever is seen of
//! them is what the load balancer does.

use super::{
    Leg,
    balanced::BalancerBook,
    meter::{Code, Meter},
    pods::PodMeters,
    propagation::{Edge, Span, Split},
    random::Random,
    traffic::{Answerer, Served, latency_ms},
    url_map_routing::Request,
};

/// A service beside the frontend, by the names that the map has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Of the service on Cloud Run, of the deployment on GKE, and of the path matcher.
    pub service: &'static str,
    /// The host that the map's rules lead to the matcher.
    pub host: &'static str,
    /// What its users ask for there.
    pub path: &'static str,
}

impl Name {
    /// What its users ask.
    #[must_use]
    pub fn request(&self) -> Request<'static> {
        Request::plain(self.host, self.path)
    }
}

/// All of them, in the order of the map.
pub const NEIGHBOURS: [Name; 2] = [
    Name { service: "backend", host: "backend.hexproperty.com", path: "/" },
    Name { service: "api", host: "partners.hexproperty.com", path: "/v2/orders" },
];

/// Mean arrivals at each of them, in virtual requests per second.
pub(super) const RATE: f64 = 20.0;
/// Share of requests that fails on a good day.
const BASELINE: f64 = 0.001;

/// What somebody who can't name a host asks the front door for, to be served as that host's users are who ask for this path.
#[must_use]
pub fn door(host: Option<&str>, path: &str) -> String {
    let beside = NEIGHBOURS.iter().find(|neighbour| host == Some(neighbour.host));
    beside.map_or_else(|| "/".to_owned(), |neighbour| format!("/@{}{path}", neighbour.host))
}

/// Where a platform's own address has this page of a service; one that is no neighbour is the frontend.
#[must_use]
pub fn page(service: &str, page: &str) -> String {
    let beside = NEIGHBOURS.iter().find(|neighbour| neighbour.service == service);
    beside.map_or_else(|| page.to_owned(), |neighbour| format!("/{}{page}", neighbour.service))
}

/// One of them, with its users.
#[derive(Debug, Clone)]
pub struct Neighbour {
    /// What it is called.
    pub name: Name,
    /// Who gets its requests.
    pub edge: Edge,
    /// What it counts on Cloud Run.
    pub run: Meter,
    /// What it counts on GKE.
    pub gke: Meter,
    /// What each of its pods counts of that by itself.
    pub pods: PodMeters,
    random: Random,
    visitors: Random,
}

impl Neighbour {
    /// All of them, on Cloud Run.
    #[must_use]
    pub fn all(seed: u64, now_ms: i64, span: Span) -> Vec<Self> {
        let one = |(place, name): (usize, &Name)| {
            // Each draws from a chance of its own.
            let seed = seed ^ (place as u64 + 1).rotate_left(32);
            let split = Split { run: 1.0, gke: 0.0, other: 0.0 };
            let (random, visitors) = (Random::named(seed, "neighbour"), Random::named(seed, "callers"));
            let (run, gke) = (Meter::new(now_ms - 9 * 3_600_000), Meter::new(now_ms - 2 * 3_600_000));
            Self { name: *name, edge: Edge::new(seed, split, span), run, gke, pods: PodMeters::new(now_ms), random, visitors }
        };
        NEIGHBOURS.iter().enumerate().map(one).collect()
    }

    /// The counters of one leg.
    #[must_use]
    pub fn meter(&self, leg: Leg) -> &Meter {
        match leg {
            Leg::Run => &self.run,
            Leg::Gke => &self.gke,
        }
    }

    /// One step of its background traffic.
    pub fn step(&mut self, step_ms: i64, balancer: &mut BalancerBook) {
        let mut random = self.random.clone();
        let (mut to_run, mut to_gke) = (0, 0);
        for _ in 0..random.poisson(RATE * step_ms as f64 / 1000.0) {
            let served = self.served(&mut random);
            balancer.count(self.name.service, &served);
            match served.leg {
                Some(Leg::Run) => to_run += 1,
                Some(Leg::Gke) => to_gke += 1,
                None => {}
            }
        }
        self.random = random;
        self.run.follow_sessions(to_run, step_ms);
        self.gke.follow_sessions(to_gke, step_ms);
        [&mut self.run, &mut self.gke].into_iter().for_each(|meter| meter.pass(step_ms));
    }

    /// Serves one request of a real client at the front door.
    pub fn serve(&mut self, balancer: &mut BalancerBook) -> Served {
        let mut random = self.visitors.clone();
        let served = self.served(&mut random);
        balancer.count(self.name.service, &served);
        self.visitors = random;
        served
    }

    fn served(&mut self, random: &mut Random) -> Served {
        let leg = self.edge.choose(random);
        let latency_ms = latency_ms(leg, random);
        let code = if random.chance(BASELINE) { Code::Broken } else { Code::Fine };
        match leg {
            Some(Leg::Run) => self.run.count(code, latency_ms),
            Some(Leg::Gke) => {
                self.gke.count(code, latency_ms);
                self.pods.count(code, latency_ms);
            }
            None => {}
        }
        Served { leg, code: Some(code), by: Answerer::Leg, revision: None, latency_ms }
    }
}
