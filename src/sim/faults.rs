//! Everything that can be made to go wrong in the world, as values.
//!
//! A fault is injected in once and stays until it ends by itself (those with a duration) or `calm` clears it.
//! The list follows what such platforms have really done to people; faults of the Kubernetes API and of
//! Cloud SQL operations live with their own models.

use super::world::{Leg, sql::OperationFault};

pub mod database;
pub mod gateway;
pub mod platform;
pub mod setup;

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
    /// Something in the cluster, or in what its API tells.
    Cluster(Cluster),
    /// How many instances Cloud Run keeps.
    Scaling(Scaling),
    /// The processes of the leg crash as soon as they are so old, again and again; 0 ends it.
    CrashLoop { leg: Leg, every_s: f64 },
    /// The front door closes this share of connections without an answer.
    FrontDoorDrops { fraction: f64 },
    /// What the leg's processes answer users with.
    Answers { leg: Leg, manner: Manner },
    /// The load balancer answers 502 for this share of what is meant for the leg; the leg never sees those requests.
    BadGateway { leg: Leg, fraction: f64 },
    /// What a direct request to the leg's health address meets.
    Probes { leg: Leg, probing: Probing },
    /// Somebody edits the route in a way that is no mere move of its weights.
    Edit { edit: Edit, principal: String },
    /// A robot puts this share for GKE back whenever it finds another, every so often.
    Robot { gke_per_mille: u32, every_s: f64 },
    /// Prometheus shows each sample so much later.
    LateReadings { delay_s: f64 },
    /// A change of weights takes up to this long to reach every point of presence.
    SlowEdge { max_s: f64 },
    /// The load balancer is of the classic kind, which knows no weights.
    Classic,
    /// What a URL map leaves out is written as `null`, as by a proxy between.
    NullFields,
    /// Somebody deploys a new revision of the frontend, which gets this share of its traffic.
    Deployed { percent: u32 },
    /// Somebody deletes this revision of the frontend.
    RevisionDeleted { revision: String },
    /// Something is wrong with a database.
    Database(DatabaseFault),
    /// The project is not set up for a flight.
    Setup(setup::Setup),
    /// Something is wrong with the Gateway before two clusters.
    Gateway(gateway::GatewayFault),
    /// The second platform can't be built, or somebody else builds on it.
    Platform(platform::PlatformFault),
}

/// What somebody may do to the URL map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// A third backend service gets this share; the others keep their proportions.
    Stranger { per_mille: u32 },
    /// A backend service of another project gets this share; its name is that of GKE's.
    Namesake { per_mille: u32 },
    /// GKE's entry is split into two entries of the same backend service.
    Twin,
    /// Every weight becomes zero; the edge keeps what it had.
    AllZero,
    /// The route's host gets a path matcher of its own, with this share for GKE.
    Matcher { gke_per_mille: u32 },
    /// The splits of the services beside the frontend stand in a route rule and in a path rule of their matchers, whose default leads to the
    /// pages for developers.
    Rules,
    /// The backend services of the partners' API, and its Cloud Run service, are another project's from here on.
    Shared,
    /// Another session of the product says in the map's description that it steers from here on.
    OtherSession,
    /// The line that says which session steers is taken out of the map's description.
    Unclaimed,
    /// GKE's entry adds no header to its answers any more.
    Unmarked,
    /// GKE's entry says in its answers what Cloud Run's says.
    SameMark,
    /// GKE's entry says in its answers a name that the plan does not know.
    StrangeMark,
    /// A test of the map expects users of the route at a backend service that it never sends them to.
    FailingTest,
}

/// What goes wrong with the databases. While a replication is broken its lag is reported as nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseFault {
    /// The replica fetches nothing from its primary.
    ReceivesNothing,
    /// The replica applies nothing of what it fetched.
    AppliesNothing,
    /// The replica applies nothing and says that all is well.
    StandsStill,
    /// The replica follows a primary that is not the product's.
    OtherPrimary,
    /// The primary writes nothing.
    PrimaryIdle,
    /// An instance does not serve.
    IsDown {
        /// Which.
        member: Member,
        /// Why.
        down: Down,
    },
    /// How the work that is asked for ends from now on.
    Operations {
        /// That.
        end: OperationFault,
    },
    /// The primary has no standby in another zone, and never had one.
    NoStandby,
    /// Somebody else asks for work.
    Colleague {
        /// For what.
        asks: SqlAsk,
    },
}

/// What somebody else may ask of the databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlAsk {
    /// A backup of the primary.
    Backup,
    /// A standby of the primary in another zone.
    Standby,
    /// That the primary has none any more.
    NoStandby,
    /// A read replica of the primary.
    Replica {
        /// The new instance's name.
        name: &'static str,
        /// Its region.
        region: &'static str,
    },
}

/// One of the product's instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// The one that accepts writes.
    Primary,
    /// The one that follows.
    Replica,
}

/// Why an instance does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// Nobody pays.
    Suspended,
    /// The service works on it.
    Maintenance,
    /// It is broken for good.
    Failed,
    /// It is not there yet.
    BeingCreated,
    /// Its owner has switched it off.
    StoppedByOwner,
}

/// What may be the matter with the deployment behind the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cluster {
    /// Its pods get a native sidecar.
    Sidecar,
    /// So many evicted pods are left behind.
    Evicted { pods: u32 },
    /// A roll-over is paused half-way.
    Paused,
    /// A roll-over to an image that doesn't exist is stuck half-way.
    Stuck,
    /// Nobody may read events.
    EventsForbidden,
    /// Nobody may read pods.
    PodsForbidden,
    /// Nobody may read deployments.
    DeploymentsForbidden,
    /// Nobody may have requests passed on to pods, who may read them all the same.
    PagesForbidden,
    /// Nobody may read HTTPRoutes.
    RoutesForbidden,
    /// A policy of the cluster refuses every change of an HTTPRoute, whoever asks.
    RoutesGuarded,
    /// Lists without items are written as `null`.
    NullLists,
    /// Watches that are open now say nothing any more, and stay open.
    SilentWatches,
}

/// How Cloud Run scales the service behind the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// By itself, with no instance kept without a request.
    ToZero,
    /// To a number set by hand.
    Manual { instances: u32 },
    /// Switched off.
    Off,
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
    /// The API server of the cluster that holds the HTTPRoute; it is none of Google's.
    Kubernetes,
    /// Each of Google's.
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
    /// Writes are answered, reads are refused with 429: their quota is used up.
    ReadsThrottled,
    /// Writes are answered, reads never.
    ReadsHang,
    /// For so many virtual milliseconds after a write, reads tell what stood before it.
    OldReads { ms: f64 },
    /// Connections that are open when it begins take everything and give nothing back; those that are opened later work.
    DeadConnections,
}

/// In which manner a leg answers: every process of it works, and the users get something else than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// The site.
    Proper,
    /// 404 for every path, health included: a host rule or a default backend that leads elsewhere.
    NotFound,
    /// 302 to the login page of another host, health included.
    LoginRedirect,
    /// A login page with status 200.
    LoginPage,
}

/// What a health address answers to somebody who asks it directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probing {
    /// The leg's health.
    Answered,
    /// 404: the address is wrong.
    WrongPath,
    /// 403: an edge policy turns this machine away.
    TurnedAway,
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
    /// Requests are counted without a word on how they ended.
    NoStatus,
    /// How requests ended is told in words: `success`, `error`.
    WordStatus,
    /// The application's own code says 200 to whatever the status label says.
    TwoStatuses,
    /// OpenMetrics with stamps in whole seconds: nothing is wrong with it.
    Seconds,
    /// Each sample is stamped with the moment at which this began.
    StampsStandStill,
    /// The counters stay as they were when this began, as of a process that hangs.
    StandsStill,
    /// Every 20 s a path is counted that never was before: nothing is wrong with it.
    NewSeries,
    /// Four processes answer in turn, each with counters of its own.
    Workers,
    /// Two processes that began together answer in turn, and have counted nearly alike.
    Alike,
    /// The histogram ends at 0.25 s.
    LowBuckets,
    /// The page takes 6 s.
    Slow,
    /// Other people's families come to 32 MiB: nothing is wrong with it.
    Large,
    /// One label is 20,000 characters long.
    LongLine,
    /// 25,000 paths are counted, each for itself.
    ManySeries,
    /// Other people's families come for ever.
    Endless,
    /// The page is packed with gzip, asked for or not, and unpacks to a gibibyte.
    Bomb,
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
    let answers = |manner| Fault::Answers { leg: Leg::Gke, manner };
    let probes = |probing| Fault::Probes { leg: Leg::Run, probing };
    let edit = |edit| Fault::Edit { edit, principal: "dana.ops@hexproperty.com".to_owned() };
    let database = |name, what, fault| choice(name, what, Fault::Database(fault));
    let down = |name, what, member, down| database(name, what, DatabaseFault::IsDown { member, down });
    let mut all = vec![
        choice("gke-errors", "GKE answers 10 % of requests with a 500", Fault::Errors { leg: Leg::Gke, rate: 0.1 }),
        choice("gke-latency", "GKE becomes twenty times slower", Fault::Latency { leg: Leg::Gke, factor: 20.0 }),
        choice("run-errors", "Cloud Run answers 10 % of requests with a 500", Fault::Errors { leg: Leg::Run, rate: 0.1 }),
        choice("bad-pods", "two thirds of the GKE pods stop being ready", Fault::BadPods { fraction: 0.67 }),
        choice("no-pods", "no GKE pod is ready", Fault::BadPods { fraction: 1.0 }),
        choice("replica-lag", "the read replica is 30 s behind", Fault::ReplicaLag { seconds: 30.0 }),
        database("replica-broken", "the replica receives nothing and reports a lag of 0 s", DatabaseFault::ReceivesNothing),
        database("replica-behind", "the replica applies nothing of what it receives", DatabaseFault::AppliesNothing),
        database("replica-stuck", "the replica applies nothing and says that all is well", DatabaseFault::StandsStill),
        database("other-primary", "the replica follows another primary", DatabaseFault::OtherPrimary),
        database("primary-idle", "the primary writes nothing", DatabaseFault::PrimaryIdle),
        down("primary-suspended", "the primary is suspended", Member::Primary, Down::Suspended),
        down("primary-maintenance", "the primary is down for maintenance", Member::Primary, Down::Maintenance),
        down("primary-stopped", "the primary's owner has switched it off", Member::Primary, Down::StoppedByOwner),
        down("replica-created", "the replica is still being created", Member::Replica, Down::BeingCreated),
        down("replica-failed", "the replica has failed", Member::Replica, Down::Failed),
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
        choice("service-project", "the partners' API moves to a project of its own, behind the same URL map", edit(Edit::Shared)),
        choice("rules", "dana.ops puts the splits of the services beside the frontend into rules of their matchers", edit(Edit::Rules)),
        choice("other-session", "another session, on ops-2, takes the route over", edit(Edit::OtherSession)),
        choice("unclaimed", "dana.ops takes the line away that says who steers", edit(Edit::Unclaimed)),
        choice("unmarked", "dana.ops takes the header away by which GKE's answers are known", edit(Edit::Unmarked)),
        choice("same-mark", "dana.ops has GKE's answers bear Cloud Run's mark", edit(Edit::SameMark)),
        choice("strange-mark", "dana.ops has GKE's answers bear a mark that nobody knows", edit(Edit::StrangeMark)),
        choice("failing-test", "a test in the URL map expects the hotfix on the route", edit(Edit::FailingTest)),
        choice("robot", "a robot puts GKE back to 25 % every 150 s", Fault::Robot { gke_per_mille: 250, every_s: 150.0 }),
        choice("slow-edge", "a change of weights takes up to 8 min to reach everybody", Fault::SlowEdge { max_s: 480.0 }),
        choice("late-readings", "Prometheus shows every sample ten minutes late", Fault::LateReadings { delay_s: 600.0 }),
        choice("classic", "the load balancer is a classic one, which knows no weights", Fault::Classic),
        choice("deployed", "somebody deploys a new Cloud Run revision, which gets 60 %", Fault::Deployed { percent: 60 }),
        choice(
            "deleted-revision",
            "somebody deletes an old Cloud Run revision",
            Fault::RevisionDeleted { revision: "frontend-00041-kaz".to_owned() },
        ),
        choice("cold-source", "Cloud Run loses its warm instances", Fault::SourceCold),
        choice("shrunken-source", "Cloud Run may hold 2 instances only", Fault::SourceShrunk { max_instances: 2 }),
        choice("gke-crash-loop", "GKE's processes crash every 25 s", Fault::CrashLoop { leg: Leg::Gke, every_s: 25.0 }),
        choice("gke-restart", "GKE's processes restart; counters begin at zero", Fault::Restart { leg: Leg::Gke }),
        choice("gke-404", "GKE answers everything with 404", answers(Manner::NotFound)),
        choice("gke-login", "GKE sends everybody to a login page elsewhere", answers(Manner::LoginRedirect)),
        choice("gke-login-page", "GKE answers with a login page and status 200", answers(Manner::LoginPage)),
        choice("lb-502", "the load balancer answers 502 for GKE", Fault::BadGateway { leg: Leg::Gke, fraction: 1.0 }),
        choice("run-probe-404", "Cloud Run's probe address is wrong", probes(Probing::WrongPath)),
        choice("run-probe-403", "Cloud Run turns this machine's probes away", probes(Probing::TurnedAway)),
        choice("dropped-connections", "the front door drops 5 % of connections", Fault::FrontDoorDrops { fraction: 0.05 }),
    ];
    all.extend(apis());
    all.extend(platform_choices());
    all.extend(pages());
    all.extend(setup::choices().into_iter().chain(gateway::choices()).chain(database::choices()).chain(platform::choices()));
    all
}

/// What the APIs can do.
fn apis() -> Vec<Choice> {
    let choice = |name, what, api, trouble| Choice { name, what, fault: Fault::Api { api, trouble, for_s: 120.0 } };
    vec![
        choice("compute-503", "Compute's API answers 503 for 2 min", Api::Compute, Trouble::Unavailable),
        choice("all-503", "every Google API answers 503 for 2 min", Api::Every, Trouble::Unavailable),
        choice("lost-replies", "Compute applies writes but loses its answers for 2 min", Api::Compute, Trouble::LostReplies),
        choice("slow-api", "every Google API takes 5 s to answer for 2 min", Api::Every, Trouble::Slow { ms: 5_000.0 }),
        choice("silent-api", "Compute accepts connections and never answers for 2 min", Api::Compute, Trouble::HalfOpen),
        choice("dead-connections", "connections to Google that are open now are dead, new ones work", Api::Every, Trouble::DeadConnections),
        choice("reads-throttled", "Compute refuses every read with 429 for 2 min, and takes writes", Api::Compute, Trouble::ReadsThrottled),
        choice("reads-hang", "Compute never answers a read for 2 min, and takes writes", Api::Compute, Trouble::ReadsHang),
        choice(
            "old-reads",
            "for 5 s after each write, Compute's reads tell what stood before it, for 2 min",
            Api::Compute,
            Trouble::OldReads { ms: 5_000.0 },
        ),
        choice("read-only", "Compute refuses every write with 403 for 2 min", Api::Compute, Trouble::ReadOnly),
    ]
}

/// What the platforms themselves can do.
fn platform_choices() -> Vec<Choice> {
    let scaling = |name, what, scaling| Choice { name, what, fault: Fault::Scaling(scaling) };
    let cluster = |name, what, cluster| Choice { name, what, fault: Fault::Cluster(cluster) };
    vec![
        scaling("run-min-0", "Cloud Run keeps no instance without a request", Scaling::ToZero),
        scaling("run-manual", "Cloud Run is set to 3 instances by hand", Scaling::Manual { instances: 3 }),
        scaling("run-off", "Cloud Run is switched off: scaled to 0 by hand", Scaling::Off),
        cluster("sidecars", "the GKE pods get a native sidecar", Cluster::Sidecar),
        cluster("evicted-pods", "37 evicted pods are left behind on GKE", Cluster::Evicted { pods: 37 }),
        cluster("paused-rollout", "a GKE roll-over is paused half-way", Cluster::Paused),
        cluster("stuck-rollout", "a GKE roll-over to a missing image is stuck", Cluster::Stuck),
        cluster("events-forbidden", "the cluster's events may not be read", Cluster::EventsForbidden),
        cluster("pods-forbidden", "the cluster's pods may not be read", Cluster::PodsForbidden),
        cluster("deployments-forbidden", "the cluster's deployments may not be read", Cluster::DeploymentsForbidden),
        cluster("pages-forbidden", "requests may not be passed on to the cluster's pods", Cluster::PagesForbidden),
        cluster("routes-forbidden", "the cluster's HTTPRoutes may not be read", Cluster::RoutesForbidden),
        cluster("routes-guarded", "a policy refuses every change of the cluster's HTTPRoutes", Cluster::RoutesGuarded),
        cluster("null-lists", "the cluster writes null for empty lists", Cluster::NullLists),
        cluster("silent-watches", "the cluster's open watches die without a word", Cluster::SilentWatches),
        Choice { name: "null-fields", what: "Compute's answers are full of nulls", fault: Fault::NullFields },
        Choice {
            name: "namesake",
            what: "dana.ops gives 40 % to a backend service of GKE's name in another project",
            fault: Fault::Edit { edit: Edit::Namesake { per_mille: 400 }, principal: "dana.ops@hexproperty.com".to_owned() },
        },
    ]
}

/// Ways in which a metrics page lies, or only seems to.
fn pages() -> Vec<Choice> {
    let choice = |name, what, damage| Choice { name, what, fault: Fault::Metrics { leg: Leg::Gke, damage } };
    vec![
        choice("gke-metrics-gone", "GKE's metrics page is empty", Damage::Vanished),
        choice("gke-metrics-nan", "GKE's metrics are all NaN", Damage::NotANumber),
        choice("gke-metrics-no-status", "GKE's page counts requests without their status", Damage::NoStatus),
        choice("gke-metrics-words", "GKE's page tells the status in words", Damage::WordStatus),
        choice("gke-metrics-two-codes", "GKE's page has two labels that disagree on the status", Damage::TwoStatuses),
        choice("gke-metrics-seconds", "GKE's page is OpenMetrics, stamped in seconds", Damage::Seconds),
        choice("gke-metrics-stamps", "the stamps on GKE's page stand still", Damage::StampsStandStill),
        choice("gke-metrics-frozen", "GKE's counters stand still, as of a process that hangs", Damage::StandsStill),
        choice("gke-metrics-paths", "GKE's page has a new path label every 20 s", Damage::NewSeries),
        choice("gke-metrics-workers", "four processes answer for GKE's page in turn", Damage::Workers),
        choice("gke-metrics-alike", "two processes that have counted alike answer for GKE's page in turn", Damage::Alike),
        choice("gke-metrics-buckets", "GKE's histogram ends at 0.25 s", Damage::LowBuckets),
        choice("gke-metrics-slow", "GKE's page takes 6 s", Damage::Slow),
        choice("gke-metrics-large", "GKE's page has 32 MiB of other people's families", Damage::Large),
        choice("gke-metrics-long-line", "GKE's page has a label of 20,000 characters", Damage::LongLine),
        choice("gke-metrics-series", "GKE's page counts 25,000 paths", Damage::ManySeries),
        choice("gke-metrics-endless", "GKE's page never ends", Damage::Endless),
        choice("gke-metrics-bomb", "GKE's page is some kilobytes that unpack to a gibibyte", Damage::Bomb),
    ]
}
