//! Everything that can be made to go wrong in the world, as values.
//!
//! A fault is stirred in once and stays until it ends by itself (those with a duration) or `calm` clears it.
//! The list follows what such platforms have really done to people; faults of the Kubernetes API and of
//! Cloud SQL operations live with their own models.

use super::world::Leg;

/// One thing that goes wrong. Durations are virtual seconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// This share of requests to the leg ends with a 500, on top of the baseline.
    Errors { leg: Leg, rate: f64 },
    /// Latencies of the leg are multiplied by this factor.
    Latency { leg: Leg, factor: f64 },
    /// This share of the GKE pods is never ready.
    BadPods { fraction: f64 },
    /// The read replica is this far behind.
    ReplicaLag { seconds: f64 },
    /// The API answers in this way for a while.
    Api { api: Api, trouble: Trouble, for_s: f64 },
    /// Somebody else moves the route: per mille for GKE, and the person in the audit log.
    ForeignWriter { gke_per_mille: u32, principal: String },
    /// Cloud Run may hold no more than this many instances.
    SourceShrunk { max_instances: u32 },
    /// Cloud Run lost its warm instances; requests wait for starts.
    SourceCold,
    /// What a scrape of the leg shows.
    Metrics { leg: Leg, damage: Damage },
    /// The processes of the leg restart, so its counters begin again at zero.
    Restart { leg: Leg },
    /// The front door closes this share of connections without an answer.
    FrontDoorDrops { fraction: f64 },
    /// Somebody edits the route in a way that is no mere move of its weights.
    Edit { edit: Edit, principal: String },
    /// A robot puts this share for GKE back whenever it finds another, every so often.
    Robot { gke_per_mille: u32, every_s: f64 },
    /// A change of weights takes up to this long to reach every point of presence.
    SlowEdge { max_s: f64 },
    /// The load balancer is of the classic kind, which knows no weights.
    Classic,
    /// Somebody deploys a new revision of the frontend, which gets this share of its traffic.
    Deployed { percent: u32 },
    /// Somebody deletes this revision of the frontend.
    RevisionDeleted { revision: String },
}

/// What somebody may do to the URL map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// A third backend service gets this share; the others keep their proportions.
    Stranger { per_mille: u32 },
    /// GKE's entry is split into two entries of the same backend service.
    Twin,
    /// Every weight becomes zero; the edge keeps what it had.
    AllZero,
    /// The route's host gets a path matcher of its own, with this share for GKE.
    Matcher { gke_per_mille: u32 },
}

/// One of the Google APIs of the world, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// Cloud Run Admin, both versions.
    Run,
    /// Compute Engine.
    Compute,
    /// Cloud Monitoring.
    Monitoring,
    /// Google Kubernetes Engine.
    Container,
    /// Cloud SQL Admin.
    Sql,
    /// Cloud Logging.
    Logging,
    /// Each of them.
    Every,
}

/// How an API misbehaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trouble {
    /// 503 at once, nothing applied.
    Unavailable,
    /// The request is applied, then the connection closes before the answer.
    LostReplies,
    /// Each answer waits for this many virtual milliseconds.
    Slow { ms: f64 },
    /// The connection is accepted and nothing ever comes back.
    HalfOpen,
    /// Reads are answered, writes are refused with 403.
    ReadOnly,
}

/// How a `/metrics` page lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// None: the page is as it should be.
    None,
    /// The page is there, but empty of samples.
    Vanished,
    /// Every value is `NaN`.
    NotANumber,
    /// The page answers 500.
    Failing,
}

/// A fault that can be picked by name, with strengths that show.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What to type.
    pub name: &'static str,
    /// What it does, for people.
    pub what: &'static str,
    /// The fault.
    pub fault: Fault,
}

/// The faults to pick from. `calm` is not among them: it ends faults.
#[must_use]
pub fn choices() -> Vec<Choice> {
    let choice = |name, what, fault| Choice { name, what, fault };
    let api = |api, trouble| Fault::Api { api, trouble, for_s: 120.0 };
    let edit = |edit| Fault::Edit { edit, principal: "dana.ops@hexproperty.com".to_owned() };
    vec![
        choice("gke-errors", "GKE answers 10 % of requests with a 500", Fault::Errors { leg: Leg::Gke, rate: 0.1 }),
        choice("gke-latency", "GKE becomes twenty times slower", Fault::Latency { leg: Leg::Gke, factor: 20.0 }),
        choice("run-errors", "Cloud Run answers 10 % of requests with a 500", Fault::Errors { leg: Leg::Run, rate: 0.1 }),
        choice("bad-pods", "two thirds of the GKE pods stop being ready", Fault::BadPods { fraction: 0.67 }),
        choice("no-pods", "no GKE pod is ready", Fault::BadPods { fraction: 1.0 }),
        choice("replica-lag", "the read replica is 30 s behind", Fault::ReplicaLag { seconds: 30.0 }),
        choice(
            "foreign-writer",
            "dana.ops moves the weights to 500/500",
            Fault::ForeignWriter { gke_per_mille: 500, principal: "dana.ops@hexproperty.com".to_owned() },
        ),
        choice("stranger", "dana.ops gives a third backend service 40 % of the route", edit(Edit::Stranger { per_mille: 400 })),
        choice("idle-entry", "dana.ops puts a third backend service of weight 0 into the route", edit(Edit::Stranger { per_mille: 0 })),
        choice("twin-entry", "dana.ops puts GKE's backend service into the route twice", edit(Edit::Twin)),
        choice("all-zero", "every weight of the route becomes 0", edit(Edit::AllZero)),
        choice("own-matcher", "the route's host gets a path matcher of its own", edit(Edit::Matcher { gke_per_mille: 0 })),
        choice("robot", "a robot puts GKE back to 25 % every 150 s", Fault::Robot { gke_per_mille: 250, every_s: 150.0 }),
        choice("slow-edge", "a change of weights takes up to 8 min to reach everybody", Fault::SlowEdge { max_s: 480.0 }),
        choice("classic", "the load balancer is a classic one, which knows no weights", Fault::Classic),
        choice("read-only", "Compute refuses every write with 403 for 2 min", api(Api::Compute, Trouble::ReadOnly)),
        choice("deployed", "somebody deploys a new Cloud Run revision, which gets 60 %", Fault::Deployed { percent: 60 }),
        choice("cold-source", "Cloud Run loses its warm instances", Fault::SourceCold),
        choice("shrunken-source", "Cloud Run may hold 2 instances only", Fault::SourceShrunk { max_instances: 2 }),
        choice("compute-503", "Compute's API answers 503 for 2 min", api(Api::Compute, Trouble::Unavailable)),
        choice("all-503", "every Google API answers 503 for 2 min", api(Api::Every, Trouble::Unavailable)),
        choice("lost-replies", "Compute applies writes but loses its answers for 2 min", api(Api::Compute, Trouble::LostReplies)),
        choice("slow-api", "every Google API takes 5 s to answer for 2 min", api(Api::Every, Trouble::Slow { ms: 5_000.0 })),
        choice("silent-api", "Compute accepts connections and never answers for 2 min", api(Api::Compute, Trouble::HalfOpen)),
        choice("gke-metrics-gone", "GKE's metrics page is empty", Fault::Metrics { leg: Leg::Gke, damage: Damage::Vanished }),
        choice("gke-metrics-nan", "GKE's metrics are all NaN", Fault::Metrics { leg: Leg::Gke, damage: Damage::NotANumber }),
        choice("gke-restart", "GKE's processes restart; counters begin at zero", Fault::Restart { leg: Leg::Gke }),
        choice("dropped-connections", "the front door drops 5 % of connections", Fault::FrontDoorDrops { fraction: 0.05 }),
    ]
}
